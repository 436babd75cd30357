"""The whole study at a tiny size, by the documented command."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.__main__ import main
from trainer.errors import DataError
from trainer.evaluation.evaluators import load_evaluators
from trainer.study.methods.registry import METHODS
from trainer.study.methods.sampler import load_sampler
from trainer.study.run import STAGES, read_config, stages_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a whole study takes a minute of two idle cores

TINY = Path(__file__).parents[3] / "trainer" / "configs" / "tiny.yaml"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    assert main(["study", "--config", str(TINY), "--out", str(out)]) == 0
    return out


def test_one_command_ends_in_a_report_of_every_method(study: Path) -> None:
    report = json.loads((study / "docs" / "report.json").read_text())
    assert set(METHODS) <= set(report["figures"])
    assert {"bolid_single_view", "bolid, steps 1", "bolid, views 2", "bolid, without body"} <= set(report["figures"])
    assert [row["stage"] for row in report["stages"]] == list(STAGES[:-1])
    assert report["trained"]["bolid"]["pictures_seen"] == report["trained"]["pulid"]["pictures_seen"] == 16
    page = (study / "docs" / "report.md").read_text()
    assert "against instantid" in page and "garment rank-1" in page
    for picture in ("people", "methods", "ablations", "losses"):
        with Image.open(study / "docs" / "report" / f"{picture}.png") as image:
            assert image.width > 100


def test_what_is_there_is_not_done_again(study: Path) -> None:
    weights = study / "methods" / "bolid" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert main(["study", "--config", str(TINY), "--out", str(study), "--only", "base", "methods"]) == 0
    assert weights.stat().st_mtime_ns == before


def test_all_methods_share_one_base_to_the_bit(study: Path) -> None:
    first, second = (load_sampler(study, name).base.unet.state_dict() for name in ("text", "pulid"))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_the_evaluators_report_themselves_on_people_they_had_not_seen(study: Path) -> None:
    held_out = load_evaluators(study / "evaluators").held_out
    assert {"background_accuracy", "top_colour_accuracy", "mean_part_iou", "body_rank1", "photos"} <= set(held_out)
    assert 0 <= held_out["background_accuracy"] <= 1


def test_a_wrong_config_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(TINY.read_text() + "colour: red\n")
    with pytest.raises(DataError, match="colour") as caught:
        read_config(tmp_path / "study.yaml")
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="expected stages out of people"):
        stages_of(["sleep"])
