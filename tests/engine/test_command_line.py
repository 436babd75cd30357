"""One picture without any server, from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.backbones.base import GenerationInput, StepCallback
from engine.commands import DONE, FAILED, MISUSED, UNSUITABLE
from engine.contract import Aspect, Clothes
from engine.marking.provenance import SOURCE_TYPE, Signature, read_marks
from engine.marking.watermark import Watermark
from engine.styles import shipped_styles

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("quiet_place")


@pytest.fixture
def safe_environment(safe_classifiers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Classifiers that let every picture pass."""
    for name, folder in safe_classifiers.items():
        monkeypatch.setenv(name, folder)


def _generate(out: Path, *arguments: str | Path, prompt: str = "in a forest") -> int:
    return main(["generate", "--prompt", prompt, "--out", str(out), *map(str, arguments)])


def test_a_picture_is_drawn_and_what_it_is_made_of_is_reported(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert _generate(out, "--reference", portrait, "--reference", portrait, "--seed", "5") == DONE
    with Image.open(out) as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 96))
    printed = capsys.readouterr().out
    assert str(out) in printed and "slow on cpu" in printed and "seed 5" in printed


def test_the_seed_decides_the_picture(portrait: Path, tmp_path: Path) -> None:
    pictures = []
    for number, seed in enumerate(["1", "1", "2"]):
        out = tmp_path / f"{number}.png"
        assert _generate(out, "--reference", portrait, "--seed", seed) == DONE
        pictures.append(np.asarray(Image.open(out)))
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_a_style_filters_the_picture_and_help_names_the_styles(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = []
    for number, style in enumerate([(), ("--style", "pop-art")]):
        out = tmp_path / f"{number}.png"
        assert _generate(out, "--reference", portrait, "--seed", "1", *style) == DONE
        pictures.append(np.asarray(Image.open(out).convert("RGB"), np.float32))
    assert np.abs(pictures[0] - pictures[1]).mean() > 10
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in shipped_styles())


def test_one_picture_is_drawn_in_every_look_on_a_sheet(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    assert main(["styles", "--picture", str(portrait), "--out", str(out)]) == DONE
    with Image.open(out) as sheet:
        assert sheet.format == "PNG" and f"{sheet.width} x {sheet.height} px" in capsys.readouterr().out
    assert main(["styles", "--picture", __file__, "--out", str(out)]) == UNSUITABLE
    assert main(["styles", "--picture", "missing.jpg", "--out", str(out)]) == MISUSED
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 2 and "expected a whole photo" in printed[0] and "No such file" in printed[1]


def test_without_a_person_it_asks_for_force(coffee: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.png"
    assert _generate(out, "--reference", coffee) == UNSUITABLE
    assert not out.exists()
    printed = capsys.readouterr().err
    assert "no person was found" in printed and "--force" in printed
    assert _generate(out, "--reference", coffee, "--force") == DONE
    assert out.exists()
    assert "drawing all the same" in capsys.readouterr().err


def _settings(backbone: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables with which `backbone` draws from tiny folders of its true layout."""
    if backbone == "nano":
        return {}
    if backbone == "klein":
        return {"ENGINE_WEIGHTS": str(request.getfixturevalue("klein_folder"))}
    tiny = request.getfixturevalue(f"tiny_{backbone}")
    names = ("lora", "image_encoder", "controlnet", "preview")
    settings = {f"ENGINE_{name.upper()}": str(getattr(tiny, name)) for name in names}
    adapters = {"ENGINE_BODY_ADAPTER": str(tiny.body), "ENGINE_FACE_ADAPTER": str(tiny.face)}
    return settings | adapters | {"ENGINE_WEIGHTS": str(tiny.pipeline)}


@pytest.mark.parametrize("backbone", ["nano", "sd15", "sdxl", "klein"])
def test_every_backbone_draws_from_its_folder_and_the_doctor_agrees(
    backbone: str,
    portrait: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    safe_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in _settings(backbone, request).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ENGINE_BACKBONE", backbone)
    monkeypatch.setenv("ENGINE_DEVICE", "cpu")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    out = tmp_path / "out.png"
    code = _generate(out, "--reference", portrait, "--steps", "2")
    assert code == DONE, capsys.readouterr().err
    with Image.open(out) as picture:
        assert picture.format == "PNG" and np.asarray(picture).std() > 0
    assert f"{backbone} on cpu" in capsys.readouterr().out
    assert main(["doctor"]) == DONE, capsys.readouterr().out


def test_an_image_prompt_is_followed_and_refused_in_one_line_where_it_cannot_be(
    portrait: Path,
    coffee: Path,
    klein_folder: Path,
    tmp_path: Path,
    safe_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENGINE_WEIGHTS", str(klein_folder))
    arguments = ["--reference", portrait, "--seed", "1", "--steps", "1", "--device", "cpu", "--backbone", "klein"]
    plain, styled, silent, never = (tmp_path / f"{name}.png" for name in ("plain", "styled", "silent", "never"))
    assert _generate(plain, *arguments) == DONE
    assert _generate(styled, *arguments, "--image-prompt", coffee) == DONE
    assert _generate(silent, *arguments, "--image-prompt", coffee, "--image-prompt-scale", "0") == DONE
    assert not np.array_equal(Image.open(plain), Image.open(styled))
    assert np.array_equal(Image.open(plain), Image.open(silent))
    capsys.readouterr()
    assert _generate(never, *arguments, "--image-prompt", Path(__file__)) == UNSUITABLE
    assert _generate(never, *arguments, "--image-prompt", "missing.jpg") == MISUSED
    monkeypatch.delenv("ENGINE_WEIGHTS")
    assert _generate(never, *arguments[:-2], "--image-prompt", coffee) == FAILED
    printed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert len(printed) == 3 and not never.exists()
    assert "whole photo" in printed[0] and "No such file" in printed[1]
    assert "bad_image_prompt" in printed[2] and "ENGINE_BACKBONE" in printed[2]


def test_a_pose_is_drawn_and_a_photo_that_shows_none_is_one_line(
    portrait: Path,
    coffee: Path,
    klein_folder: Path,
    tmp_path: Path,
    safe_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENGINE_BACKBONE", "klein")
    monkeypatch.setenv("ENGINE_WEIGHTS", str(klein_folder))
    arguments = ["--reference", portrait, "--seed", "1", "--steps", "1", "--device", "cpu"]
    plain, posed, never = (tmp_path / f"{name}.png" for name in ("plain", "posed", "never"))
    assert _generate(plain, *arguments) == DONE
    assert _generate(posed, *arguments, "--pose", "arms-raised") == DONE
    assert not np.array_equal(Image.open(plain), Image.open(posed))
    capsys.readouterr()
    assert _generate(never, *arguments, "--pose", coffee) == FAILED
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert len(complaint) == 1 and "bad_pose" in complaint[0]
    assert not never.exists()


def test_the_translation_is_shown_where_the_model_reads_no_russian(
    portrait: Path,
    klein_folder: Path,
    tmp_path: Path,
    safe_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENGINE_TRANSLATOR", "glossary")
    model = ["--backbone", "klein", "--weights", klein_folder, "--steps", "1", "--device", "cpu"]
    assert _generate(tmp_path / "out.png", "--reference", portrait, *model, prompt="на пляже") == DONE
    lines = [line for line in capsys.readouterr().err.splitlines() if "the translated prompt" in line]
    assert len(lines) == 1 and "beach" in lines[0]


def test_a_photorealistic_backbone_without_classifiers_is_refused(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert _generate(out, "--reference", portrait, "--backbone", "slow_backbone:load_photorealistic") == MISUSED
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert len(complaint) == 1 and "ENGINE_SAFETY_MODEL" in complaint[0]
    assert not out.exists()


def test_a_photo_of_a_minor_is_not_used_even_by_force(
    portrait: Path,
    tmp_path: Path,
    classifier_folder: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ENGINE_AGE_MODEL", str(classifier_folder("10-19", "30-39")))
    out = tmp_path / "out.png"
    assert _generate(out, "--reference", portrait, "--force") == UNSUITABLE
    assert "looks like a minor" in capsys.readouterr().err
    assert not out.exists()


def test_a_prompt_that_is_not_allowed_draws_nothing(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert _generate(out, "--reference", portrait, prompt="naked on a beach") == FAILED
    assert "engine: refused_prompt" in capsys.readouterr().err
    assert not out.exists()


def test_a_picture_says_that_a_model_made_it(portrait: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert _generate(out, "--reference", portrait) == DONE
    marks = read_marks(out.read_bytes(), Watermark("BoLID"))
    assert marks.source_type == SOURCE_TYPE and marks.signature is Signature.UNTRUSTED
    assert marks.creator_tool is not None and "slow" in marks.creator_tool


def _watched(monkeypatch: pytest.MonkeyPatch) -> list[GenerationInput]:
    """The inputs that the slow backbone gets from now on."""
    import slow_backbone

    drawn: list[GenerationInput] = []
    draw = slow_backbone.SlowBackbone.draw

    def watch(self: object, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> object:
        drawn.extend(drawings)
        return draw(self, drawings, on_step)

    monkeypatch.setattr(slow_backbone.SlowBackbone, "draw", watch)
    return drawn


def test_likeness_clothes_and_pose_reach_the_backbone(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = _watched(monkeypatch)
    wishes = ["--likeness", "face", "--body-scale", "0.5", "--clothes", "change", "--pose-scale", "0.7"]
    assert _generate(tmp_path / "out.png", "--reference", portrait, *wishes) == DONE
    settings = drawn[0].settings
    assert settings.face_scale > 1 and (settings.body_scale, settings.pose_scale) == (0.5, 0.7)
    assert settings.clothes is Clothes.CHANGE


def test_an_aspect_reaches_the_backbone_and_what_it_cannot_follow_is_reported(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = _watched(monkeypatch)
    wishes = ["--aspect", "3:2", "--negative", "rain", "--guidance", "7.5"]
    assert _generate(tmp_path / "out.png", "--reference", portrait, *wishes) == DONE
    assert drawn[0].settings.aspect is Aspect.LANDSCAPE
    printed = " ".join(capsys.readouterr().err.split())
    assert "--aspect 3:2: slow has no such size; it draws 64 x 96 px alone" in printed
    assert "--negative has no effect: slow does not read it; say in --prompt what to draw" in printed
    assert "--guidance 7.5: slow draws with 1" in printed


def test_photos_are_examined_in_a_table(
    portrait: Path, coffee: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main(["examine", str(portrait)]) == DONE
    assert "accepted" in capsys.readouterr().out
    assert main(["examine", str(portrait), str(coffee), __file__]) == UNSUITABLE
    table = capsys.readouterr().out
    assert all(verdict in table for verdict in ("accepted", "no_person", "unreadable"))


def test_file_names_are_whole_where_a_program_reads_the_table(
    coffee: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    paths = [tmp_path / ("a" * 120 + f"{number}.png") for number in range(2)]
    for path in paths:
        path.write_bytes(coffee.read_bytes())
    assert main(["examine", *map(str, paths)]) == UNSUITABLE
    table = capsys.readouterr().out
    assert all(str(path) in table for path in paths)


def test_without_arguments_it_shows_its_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "usage: python -m engine" in capsys.readouterr().err


def test_a_missing_libgl_is_one_line_and_no_traceback(portrait: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    missing = "libGL.so.1: cannot open shared object file: No such file or directory"
    (broken / "cv2.py").write_text(f"raise ImportError({missing!r})\n")
    environment = {**os.environ, "PYTHONPATH": str(broken)}
    command = [sys.executable, "-m", "engine", "examine", str(portrait)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == MISUSED
    complaint = done.stderr.strip().splitlines()[-1]
    assert complaint.startswith("engine: ") and "apt-get install libgl1" in complaint
    assert "Traceback" not in done.stderr
