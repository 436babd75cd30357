"""The gates by their command, with the shipped nano and examiners: figures, sheet and page, twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.backbones.collage import NanoBackbone
from trainer.__main__ import main
from trainer.evaluation.examiners import SHIPPED_EXAMINERS
from trainer.gates import page
from trainer.gates.real import SCENES
from trainer.gates.run import GATES

PEOPLE = 3
PER_PERSON = (
    *("reid_rank1", "top_de2000", "bottom_de2000", "skin_de2000", "hair_de2000", "background_accuracy"),
    *("pose_pck", "pose_pck_unasked", "reference_wins", "reference_wins_colour", "frechet_here", "kid_here"),
)
Run = Callable[..., int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gates")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Runs the command, the first time when it is made."""
    out = ["--json", str(folder / "out.json"), "--sheet", str(folder / "sheet.png"), "--page", str(folder / "docs")]
    people = ["--first-identity", "1000060", "--identities", str(PEOPLE), "--steps", "1"]

    def again(*more: str) -> int:
        return main(["gates", *people, *out, *more])

    assert again() == 0
    return again


@pytest.fixture(scope="module")
def report(folder: Path, run: Run) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "out.json").read_text("utf-8"))
    return told


def test_every_figure_has_its_interval_and_its_ceiling(report: dict[str, Any]) -> None:
    for told in (report, report["ceiling"]):
        for name in PER_PERSON:
            interval = told["intervals"][name]
            assert interval["count"] <= PEOPLE
            assert (told[name] is None) == (interval["count"] == 0)
            assert told[name] is None or interval["low"] <= told[name] <= interval["high"]
    assert report["ceiling"]["sim_gt_body"] > report["sim_gt_body"]
    assert [row["name"] for row in report["gates"]] == [gate.name for gate in GATES]
    assert (report["identities"], report["steps"], len(report["weights"])) == (PEOPLE, 1, 64)
    metadata = json.loads((SHIPPED_EXAMINERS / "metadata.json").read_text("utf-8"))
    assert report["examiners"] == metadata["held_out"]


def test_likeness_is_told_at_every_scale(report: dict[str, Any]) -> None:
    likeness = report["likeness"]
    assert likeness["people"] == PEOPLE
    for control in ("both", "body", "face"):
        assert [row["scale"] for row in likeness[control]] == [0, 0.5, 1, 1.5]
        assert likeness[control][2]["sim_gt_body"]["value"] == pytest.approx(report["sim_gt_body"])
    values = [row["sim_gt_body"]["value"] for row in likeness["both"]]
    assert len(set(values)) == 4
    rise = likeness["rises"]["both"]
    assert rise["value"] == pytest.approx(values[2] - values[0])
    assert rise["shown"] == (rise["low"] > 0)


def test_the_page_shows_the_cases_in_order(report: dict[str, Any], folder: Path) -> None:
    text = (folder / "docs" / "nano.md").read_text("utf-8")
    pictures = sorted((folder / "docs" / "nano").iterdir())
    assert [picture.name for picture in pictures] == ["01.webp", "02.webp", "03.webp"]
    assert all(f"(nano/{picture.name})" in text for picture in pictures)
    with Image.open(pictures[0]) as strip:
        assert strip.size == (4 * report["width"], report["height"])
    for gate in report["gates"]:
        verdict = "yes" if gate["met"] else "no"
        assert f"| `{gate['name']}` | {gate['value']:.3f} |" in text
        assert f"at {gate['at']} {gate['wanted']:g} | {verdict} |" in text
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.size == (PEOPLE * report["width"], 5 * report["height"])


def test_scenes_are_also_asked_for_as_users_type_them(report: dict[str, Any], folder: Path) -> None:
    interval = report["intervals"]["background_accuracy_typed"]
    assert interval["count"] == PEOPLE and interval["low"] <= report["background_accuracy_typed"] <= interval["high"]
    assert len(list((folder / "out.pictures" / "typed").iterdir())) == PEOPLE


def test_people_of_real_photos_are_measured_by_their_own_photo(report: dict[str, Any], folder: Path) -> None:
    real = report["real"]
    assert real["people"] >= 3 and real["pictures"] == len(SCENES) * real["people"]
    for name in ("skin_de2000", "top_de2000", "reference_wins_colour"):
        figure = real["figures"][name]
        assert figure["count"] >= len(SCENES) and figure["low"] <= figure["value"] <= figure["high"]
    assert "## After real photos" in (folder / "docs" / "nano.md").read_text("utf-8")
    with Image.open(folder / "out.pictures" / "real.png") as sheet:
        assert sheet.size == (len(SCENES) * report["width"], real["people"] * report["height"])


def test_a_second_run_draws_only_what_is_not_there_and_keeps_what_is_written_by_hand(
    run: Run, report: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    draw = NanoBackbone.draw

    def counted(self: NanoBackbone, drawings: Any, on_step: Any = None) -> Any:
        drawn.append(len(drawings))
        return draw(self, drawings, on_step)

    monkeypatch.setattr(NanoBackbone, "draw", counted)
    next((folder / "out.pictures" / "posed").glob("1000061-*.png")).unlink()
    path, written = folder / "docs" / "nano.md", "\n\nHands have seven fingers.\n\n"
    text = path.read_text("utf-8")
    path.write_text(text.replace(page.BEGIN + "\n\n" + page.END, page.BEGIN + written + page.END), "utf-8")
    assert run() == 0
    assert drawn == [1]
    again = json.loads((folder / "out.json").read_text("utf-8"))
    for name in ("reid_rank1", "top_de2000", "likeness"):
        assert again[name] == report[name]
    assert again["pose_pck"] == pytest.approx(report["pose_pck"], abs=0.1)  # drawn in another batch
    assert path.read_text("utf-8").count(written) == 1
    assert not list(folder.rglob("*.tmp"))


def test_the_pages_pictures_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = [np.random.default_rng(seed).integers(0, 255, (64, 128, 3), np.uint8) for seed in range(4)]
    best = page._encoded(noise)
    for limit in (sum(map(len, best)) - 1, sum(map(len, best)) // 20):
        monkeypatch.setattr(page, "PICTURES_MAX_BYTES", limit)
        assert sum(map(len, page._encoded(noise))) <= limit


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--first-identity", "5"], "--first-identity"),
        (["--identities", "1"], "--identities"),
        (["--steps", "0"], "--steps"),
        (["--examiners", "nowhere"], "study --only examiners"),
        (["--weights", "nowhere"], "nowhere"),
        (["--face-root", "nowhere"], "insightface"),
    ],
)
def test_mistakes_are_told_in_one_line(
    wrong: list[str], named: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    right = ["gates", "--first-identity", "1000060", "--identities", "3", "--json", str(tmp_path / "out.json")]
    assert main([*right, *wrong]) == 2
    said = capfd.readouterr().err
    assert named in said and said.startswith("trainer: ") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())
