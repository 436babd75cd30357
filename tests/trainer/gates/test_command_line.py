"""A whole run with a backbone that draws plain colours: figures, sheet and page, twice; and the command's mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.__main__ import main
from trainer.evaluation.evaluators import SHIPPED_EVALUATORS, Evaluators
from trainer.gates import measuring, page, styles
from trainer.gates.candidates import GateCandidate
from trainer.gates.cases import SIZE, Case
from trainer.gates.real import PUBLIC, SCENES
from trainer.gates.run import GatesRun, Instruments, run_gates
from trainer.gates.styles import StylesByWords
from trainer.gates.table import GATES, REPORTED
from trainer.gates.variants import WITHHELD
from trainer.synthetic import STYLES

pytestmark = pytest.mark.slow

STYLE = STYLES[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos_folder: Path, cases: list[Case]) -> Path:
    """A folder with the photos of the cases, so that they are not rendered again."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "out.pictures").mkdir()
    (folder / "out.pictures" / "photos").symlink_to(photos_folder)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path, cases: list[Case], evaluators: Evaluators, one_person: Any) -> Callable[..., dict[str, Any]]:
    """Runs with the backbones that it is given: the measured one, and one to compare it with."""

    class NoFaces:
        name = "nobody"

        def find(self, image: Image.Image) -> list[Any]:
            return []

    def again(backbone: Any, other: Any) -> dict[str, Any]:
        plan = GatesRun(
            first_identity=cases[0].identity,
            identities=len(cases),
            json=folder / "out.json",
            ablate=True,
            sheet=folder / "sheet.png",
            page=folder / "docs",
        )
        tools = Instruments(
            evaluators=evaluators,
            reader=one_person,
            finder=NoFaces(),
            parser=None,  # type: ignore[arg-type]
            candidate=GateCandidate("plain", backbone, "weights"),
            against=[GateCandidate("other", other, "other weights")],
            styling_of=lambda studio: StylesByWords(studio, (STYLE,)) if "against" not in str(studio.folder) else None,
        )
        return run_gates(plan, tools)

    return again


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "STEPS_OF_CLASSIFIER", 2)
    monkeypatch.setattr(styles, "STEPS_OF_CLASSIFIER", 2)


@pytest.fixture
def report(run: Callable[..., dict[str, Any]], folder: Path, plain: Any) -> dict[str, Any]:
    if not (folder / "out.json").exists():
        run(plain(), plain(replace(plain().capabilities, pose=False, strength=False)))
    written: dict[str, Any] = json.loads((folder / "out.json").read_text("utf-8"))
    return written


def test_every_gate_has_a_figure_an_interval_and_what_true_photos_get(report: dict[str, Any]) -> None:
    assert [row["name"] for row in report["gates"]] == [gate.name for gate in GATES]
    for row in report["gates"]:
        assert row["value"] == report[row["name"]]
        assert row["value"] is None or row["low"] <= row["value"] <= row["high"]
        assert row["true_photos"] is not None or row["name"] == "real_reference_wins"
    assert set(REPORTED) <= set(report)
    assert {row["name"] for row in report["gates"] if "evaluator" in row} == {"c2st_auc", "one_person", "part_iou"}
    assert report["true_photos"]["part_iou"]["value"] > report["part_iou"]
    assert set(report["by_framing"]) == set(report["true_photos_by_framing"]) == {"full", "waist", "portrait"}
    metadata = json.loads((SHIPPED_EVALUATORS / "metadata.json").read_text("utf-8"))
    assert report["evaluators_held_out"] == metadata["held_out"]


def test_other_backbones_and_withheld_inputs_are_measured_the_same_way(report: dict[str, Any]) -> None:
    assert set(report["without"]) == set(report["worth"]) == {variant.name for variant in WITHHELD}
    for figures in (*report["without"].values(), report["against"]["other"]):
        assert {"c2st_auc", "one_person", "reid_rank1", "garment_asked", "kid", "real_reference_wins"} <= set(figures)
    assert report["worth"]["words"]["reference_wins"]["count"] == report["identities"]


def test_what_cannot_be_measured_is_skipped_with_a_reason(report: dict[str, Any]) -> None:
    assert report["skipped"] == {}
    other = report["against"]["other"]
    assert "style_accuracy" not in other and "kid" in other


def test_withheld_inputs_do_not_reach_the_backbone(
    run: Callable[..., dict[str, Any]], folder: Path, plain: Any, report: dict[str, Any]
) -> None:
    backbone = plain()
    for path in (folder / "out.pictures").glob("without-*/*/*.png"):
        path.unlink()
    run(backbone, plain(replace(plain().capabilities, pose=False, strength=False)))
    poses, prompts = [d.pose is None for d in backbone.drawn], [d.prompt == "" for d in backbone.drawn]
    scales = [d.settings.body_scale == d.settings.face_scale == 0 for d in backbone.drawn]
    assert any(scales) and not all(scales) and any(poses) and not all(poses) and any(prompts) and not all(prompts)
    assert not any(no_words and no_photo for no_words, no_photo in zip(prompts, scales, strict=True))


def test_a_second_run_draws_only_what_is_not_there_and_keeps_what_is_written_by_hand(
    run: Callable[..., dict[str, Any]], folder: Path, plain: Any, report: dict[str, Any]
) -> None:
    next((folder / "out.pictures" / "typed").glob("*.png")).unlink()
    path, written = folder / "docs" / "nano.md", "\n\nHands have seven fingers.\n\n"
    path.write_text(path.read_text("utf-8").replace(page.BEGIN + "\n\n" + page.END, page.BEGIN + written + page.END))
    backbone, other = plain(), plain(replace(plain().capabilities, pose=False, strength=False))
    again = run(backbone, other)
    assert (len(backbone.drawn), len(other.drawn)) == (1, 0)
    assert again["gates"] == report["gates"]
    assert path.read_text("utf-8").count(written) == 1
    assert not list(folder.rglob(".*"))


def test_the_page_shows_the_cases_in_order_and_the_two_public_photos(
    report: dict[str, Any], folder: Path, cases: list[Case]
) -> None:
    text = (folder / "docs" / "nano.md").read_text("utf-8")
    pictures = sorted(path.name for path in (folder / "docs" / "nano").iterdir())
    assert pictures == [f"{k:02}.webp" for k in range(1, len(cases) + 1)] + [f"real-{name}.webp" for name in PUBLIC]
    assert all(f"(nano/{name})" in text for name in pictures)
    with Image.open(folder / "docs" / "nano" / "01.webp") as strip:
        assert strip.size == (4 * SIZE[0], SIZE[1])
    with Image.open(folder / "docs" / "nano" / "real-astronaut.webp") as strip:
        assert strip.size == (SIZE[1] + len(SCENES) * SIZE[0], SIZE[1])
    for gate in report["gates"]:
        assert f"| `{gate['name']}` |" in text
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.size == (len(cases) * SIZE[0], 6 * SIZE[1])


def test_the_pages_pictures_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = [np.random.default_rng(seed).integers(0, 255, (64, 128, 3), np.uint8) for seed in range(4)]
    best = page._encode(noise)
    for limit in (sum(map(len, best)) - 1, sum(map(len, best)) // 20):
        monkeypatch.setattr(page, "PICTURES_MAX_BYTES", limit)
        assert sum(map(len, page._encode(noise))) <= limit


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--first-identity", "5"], "--first-identity"),
        (["--identities", "1"], "--identities"),
        (["--steps", "0"], "--steps"),
        (["--evaluators", "nowhere"], "study --only evaluators"),
        ([], "doctor --download mediapipe"),
    ],
)
def test_mistakes_are_reported_in_one_line(
    wrong: list[str],
    named: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENGINE_STATE", str(tmp_path / "state"))
    right = ["gates", "--first-identity", "1000060", "--identities", "5", "--json", str(tmp_path / "out.json")]
    assert main([*right, *wrong]) == 2
    printed = capfd.readouterr().err
    assert named in printed and printed.startswith("trainer: ") and printed.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


def test_the_command_reads_references_with_the_parser_of_the_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parser, used = object(), []
    monkeypatch.setattr("engine.factory.open_parser", lambda config: parser)
    monkeypatch.setattr("trainer.gates.people_reader.PeopleReader", lambda state: None)
    monkeypatch.setattr("trainer.gates.run.run_gates", lambda run, tools: used.append(tools.parser))
    assert (
        main(["gates", "--first-identity", "2000000", "--identities", "4", "--json", str(tmp_path / "out.json")]) == 0
    )
    assert used == [parser]
