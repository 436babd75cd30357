"""The command measures several models, leaves figures empty that need an absent network, and draws no picture twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from engine.backbones.diffusion import DiffusionBackbone
from trainer.__main__ import main
from trainer.errors import DataError
from trainer.measure.models import UNLOADABLE
from trainer.measure.plan import read_plan
from trainer.measure.report import JSON, PAGE


@pytest.fixture
def nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without weights below ENGINE_STATE and without insightface's models."""
    monkeypatch.setenv("ENGINE_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("engine.identity.faces.DEFAULT_ROOT", tmp_path / "insightface")
    monkeypatch.setattr("trainer.adapter.face_networks.DEFAULT_ROOT", tmp_path / "insightface")
    return tmp_path


def plan_file(path: Path, tiny: Any, networks: Any) -> Path:
    options = {
        "distilled": "none", "face_adapter": "none", "image_prompt_adapter": "none", "preview": "none",
        "image_encoder": str(tiny.image_encoder),
    }  # fmt: skip
    shared = {"backbone": "sd15", "weights": str(tiny.pipeline), "settings": {"steps": 2}}
    without = {**options, "body_adapter": "none", "controlnet": "none"}
    plus = {**options, "body_adapter": str(tiny.body), "controlnet": str(tiny.controlnet)}
    models = [
        {"name": "text", **shared, "options": without},
        {"name": "Plus", **shared, "options": plus},
        {"name": "PuLID v1.1", "backbone": "pulid"},
    ]
    folders = {name: str(getattr(networks, name)) for name in ("clip", "dino")}
    content = {"models": models, "networks": folders, "pictures": 2, "captions": 2, "times": [0.3, 0.9]}
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Gets the number of pictures of every call that draws, and 0 for every call that takes equation 1."""
    calls: list[int] = []
    draw, errors = DiffusionBackbone.draw, DiffusionBackbone.noise_errors

    def drawing(self: Any, drawings: Any, on_step: Any = None) -> Any:
        calls.append(len(drawings))
        return draw(self, drawings, on_step)

    def predicting(self: Any, *given: Any) -> Any:
        calls.append(0)
        return errors(self, *given)

    monkeypatch.setattr(DiffusionBackbone, "draw", drawing)
    monkeypatch.setattr(DiffusionBackbone, "noise_errors", predicting)
    yield calls


def test_models_are_measured_side_by_side_and_no_picture_is_drawn_twice(
    tiny: Any, people: Path, networks: Any, coco: Path, nothing_fetched: Path, counted: list[int],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = nothing_fetched / "out"
    config = plan_file(nothing_fetched / "plan.yaml", tiny, networks)
    command = ["measure", "--config", str(config), "--data", str(people), "--coco", str(coco), "--out", str(out)]
    assert main(command) == 0
    assert str(out / PAGE) in capsys.readouterr().out
    found = json.loads((out / JSON).read_text("utf-8"))
    assert list(found["models"]) == ["another true photo", "a stranger's photo", "text", "Plus"]
    assert found["absent"] == {"PuLID v1.1": UNLOADABLE["pulid"]}
    assert {"fid, kid", "lpips", "arcface_ref, arcface_gt", "dlib_ref, dlib_gt", "pck"} <= set(found["missing"])
    for name in ("text", "Plus"):
        model = found["models"][name]
        assert {"clip_t", "clip_i", "dino", "eq1", "eq1_person", "eq1_t0.3"} <= set(model["figures"])
        assert model["figures"]["clip_t"]["count"] == 3 and len(model["values"]["clip_t"]) == 3
        assert model["figures"]["clip_t"]["low"] <= model["figures"]["clip_t"]["mean"]
        assert set(model["sets"]) == {"fd_dino", "kd_dino"}
        assert model["captions"]["captions"] == 2 and model["captions"]["pictures"] == 8
        assert model["captions"]["full"] is False and {"clip_t", "clip_i", "fd_dino"} <= set(model["captions"])
        assert "fid" not in model["captions"] and "pck" not in model["figures"]
    assert found["models"]["text"]["values"]["clip_i"] != found["models"]["Plus"]["values"]["clip_i"]
    assert found["differences"]["to"] == "text" and "clip_t" in found["differences"]["models"]["Plus"]
    page = (out / PAGE).read_text("utf-8")
    assert "| CLIP-T ↑ |" in page and "PuLID v1.1: " in page and "no folder of the network" in page
    assert sum(counted) == 2 * (3 * 2 + 2 * 4) and counted.count(0) == 2 * 3

    next(path for path in sorted(out.rglob("*.png")) if path.parent.name == "people").unlink()
    counted.clear()
    assert main(command) == 0
    assert sum(counted) == 1 and counted.count(0) == 0
    again = json.loads((out / JSON).read_text("utf-8"))["models"]
    assert again["text"] == found["models"]["text"]
    assert again["Plus"]["captions"] == found["models"]["Plus"]["captions"]


def test_a_whole_run_has_the_figures_of_every_published_network(
    tiny: Any, people: Path, networks: Any, published: Any, coco: Path, nothing_fetched: Path, counted: list[int]
) -> None:
    out = nothing_fetched / "out"
    config = plan_file(nothing_fetched / "plan.yaml", tiny, networks)
    folders = ["--inception", str(published.inception), "--lpips", str(published.lpips)]
    small = ["--people", "2", "--pictures", "1", "--captions", "2"]
    command = ["measure", "--config", str(config), "--data", str(people), "--coco", str(coco), "--out", str(out)]
    assert main([*command, *folders, *small]) == 0
    found = json.loads((out / JSON).read_text("utf-8"))
    assert found["networks"]["inception"] == str(published.inception)
    assert not {"clip_t, clip_i", "fid, kid", "lpips", "dino, fd_dino, kd_dino"} & set(found["missing"])
    for name in ("another true photo", "text", "Plus"):
        model = found["models"][name]
        assert set(model["sets"]) == {"fid", "kid", "fd_dino", "kd_dino"} and model["sets"]["fid"] > 0
        assert len(model["values"]["lpips"]) == 2 and all(value > 0 for value in model["values"]["lpips"])
    assert found["models"]["text"]["sets"]["fid"] != found["models"]["Plus"]["sets"]["fid"]
    assert {"fid", "kid"} <= set(found["models"]["Plus"]["captions"])
    page = (out / PAGE).read_text("utf-8")
    assert "FID ↓" in page and "KID ↓" in page and "LPIPS to the held-out photo ↓" in page

    counted.clear()
    assert main([*command, *folders, *small]) == 0
    assert counted == [], "a finished run draws nothing"
    assert json.loads((out / JSON).read_text("utf-8"))["models"] == found["models"]


def test_a_picture_is_drawn_anew_where_the_settings_change(
    tiny: Any, people: Path, networks: Any, nothing_fetched: Path, counted: list[int]
) -> None:
    config = plan_file(nothing_fetched / "plan.yaml", tiny, networks)
    command = ["measure", "--config", str(config), "--data", str(people), "--out", str(nothing_fetched / "out")]
    assert main([*command, "--people", "2", "--pictures", "1"]) == 0
    counted.clear()
    config.write_text(config.read_text("utf-8").replace("steps: 2", "steps: 1"), "utf-8")
    assert main([*command, "--people", "2", "--pictures", "1"]) == 0
    assert sum(counted) == 2 * 2


def test_mistakes_are_one_line(
    tiny: Any, people: Path, networks: Any, nothing_fetched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(nothing_fetched / "out")]
    config = ["--config", str(plan_file(nothing_fetched / "plan.yaml", tiny, networks))]
    for options, expected in (
        ([], "give one of the two"),
        (config, "give --data or --coco"),
        ([*config, "--data", str(people), "--split", "validation"], "run python -m trainer split"),
        ([*config, "--data", str(people), "--dino", str(people)], "expected DINO or DINOv2"),
        ([*config, "--data", str(people), "--face-root", str(people)], "expected the insightface pack"),
        (["--backbone", "storymaker", "--data", str(people)], "expected a model that can be loaded"),
        (["--backbone", "sd15", "--run", str(people), "--data", str(people)], "expected a run of python -m trainer"),
        (["--config", str(people / "none.yaml"), "--data", str(people)], "expected a plan at"),
    ):
        assert main(["measure", *out, *options]) == 2
        message = capsys.readouterr().err.strip().splitlines()[-1]
        assert expected in message


def test_a_plan_is_checked(tmp_path: Path) -> None:
    one = {"name": "a", "backbone": "nano"}
    for content, expected in (
        ({}, "models"),
        ({"models": [one, one]}, "got a twice"),
        ({"models": [{**one, "options": {"wings": 2}}]}, "got wings"),
        ({"models": [one], "times": [0]}, "greater than 0"),
        ({"models": [one], "networks": {"clop": "x"}}, "clop"),
    ):
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(content), "utf-8")
        with pytest.raises(DataError, match=expected):
            read_plan(tmp_path / "plan.yaml", {})
    plan = read_plan(None, {"models": [one], "networks": {"clip": "folder"}})
    assert plan.networks.clip == Path("folder") and plan.captions == 5000


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_the_plans_that_come_along_are_plans(name: str) -> None:
    plan = read_plan(Path(__file__).parents[3] / "trainer" / "configs" / "measure" / f"{name}.yaml", {})
    assert {"IP-Adapter Plus", "BoLID", "FaceID-PlusV2"} <= {model.name for model in plan.models}
    assert np.all([model.options.distilled in ("auto", "none") for model in plan.models])
