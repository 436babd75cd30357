"""Mistakes at the command line: one line with the remedy, and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.commands import FAILED, MISUSED, UNSUITABLE

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("quiet_place")


def _generate(out: Path, *arguments: str | Path, prompt: str = "in a forest") -> int:
    return main(["generate", "--prompt", prompt, "--out", str(out), *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "code", "printed"),
    [
        (["--reference", "missing.jpg"], MISUSED, "missing.jpg: No such file"),
        (["--reference", "{self}", "--force"], UNSUITABLE, "expected a whole photo"),
        (
            ["--reference", "{portrait}", "--steps", "101"],
            MISUSED,
            "--steps: Input should be less than or equal to 100",
        ),
        (["--reference", "{portrait}", "--face-scale", "9"], MISUSED, "--face-scale"),
        (["--reference", "{portrait}", "--seed", "-1"], MISUSED, "--seed"),
        (["--reference", "{portrait}", "--backbone", "marvel"], MISUSED, "'marvel'"),
        (["--reference", "{portrait}", "--out", "no/such/folder/out.png"], MISUSED, "--out"),
        (["--reference", "{portrait}", "--prompt", "x" * 5000], MISUSED, "--prompt"),
        (["--reference", "{portrait}", "--pose", "flying"], MISUSED, "--pose: expected a photo or one of standing"),
        (["--reference", "{portrait}", "--pose-scale", "3"], MISUSED, "--pose-scale"),
        (["--reference", "{portrait}", "--style", "baroque"], MISUSED, "--style: expected a style out of studio, film"),
        (["--reference", "{portrait}", "--prompt", " "], MISUSED, "--prompt: expected what to draw"),
        (["--reference", "{portrait}", "--prompt", "..."], MISUSED, "--prompt: expected what to draw"),
        (["--reference", "{portrait}", "--out", "x.jpg"], MISUSED, "--out: expected a name for PNG"),
        (["--reference", "{portrait}", "--out", "x.WEBP"], MISUSED, "name it PNG"),
        (["--reference", "{portrait}", "--out", "/dev/full"], MISUSED, "/dev/full: No space left"),
        (["--reference", "{portrait}", "--device", "cuda:99"], MISUSED, "'cuda:99'"),
        (["--reference", "{portrait}", "--device", "toaster"], MISUSED, "'toaster'"),
        (["--reference", "{portrait}", "--device", "meta"], MISUSED, "'meta'"),
        (["--reference", "{portrait}", "--pose", "x" * 5000], MISUSED, "--pose: expected a photo"),
        (["--reference", "{portrait}", "--pose", "{self}"], UNSUITABLE, "mistakes.py: expected a whole photo"),
        (["--reference", "{portrait}", "--backbone", "no.such.module:load"], MISUSED, "no.such.module:load"),
        (["--reference", "{portrait}", "--backbone", "slow_backbone:nothing"], MISUSED, "slow_backbone:nothing"),
        (["--reference", "{portrait}", "--seed", "-1", "--steps", "101"], MISUSED, "--steps: Input"),
        (["--reference", "{portrait}", "--face-scale", "9", "--pose-scale", "9"], MISUSED, "--pose-scale"),
    ],
    ids=[
        "missing file",
        "not a photo",
        "steps",
        "scale",
        "seed",
        "backbone",
        "folder",
        "prompt",
        "pose",
        "pose scale",
        "style",
        "empty prompt",
        "prompt without words",
        "jpeg",
        "webp",
        "full disk",
        "no such gpu",
        "no device",
        "no memory",
        "long name",
        "pose that is no photo",
        "no module",
        "no factory",
        "seed and steps",
        "two scales",
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], code: int, printed: str, portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.format(portrait=portrait, self=__file__) for argument in arguments]
    assert _generate(tmp_path / "out.png", *filled) == code
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert len(complaint) == 1 and printed in complaint[0]


def test_what_is_no_photo_is_named_before_weights_are_loaded(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.factory.load_backbone", lambda *_: pytest.fail("weights were loaded"))
    assert _generate(tmp_path / "out.png", "--reference", portrait, "--reference", __file__) == UNSUITABLE
    assert f"engine: {__file__}: expected a whole photo" in capsys.readouterr().err


def test_every_wrong_option_and_setting_is_named(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _generate(tmp_path / "out.png", "--reference", portrait, "--face-scale", "9", "--pose-scale", "9") == MISUSED
    printed = capsys.readouterr().err
    assert "face-scale" in printed and "pose-scale" in printed and printed.count("\n") == 1
    for name, value in {"BROKER_URL": "valkey://u:secret@h", "PRECISION": "fp8", "HUNG_S": "0"}.items():
        monkeypatch.setenv(f"ENGINE_{name}", value)
    assert main(["examine", str(portrait)]) == MISUSED
    printed = capsys.readouterr().err
    assert all(f"ENGINE_{name}: " in printed for name in ("BROKER_URL", "PRECISION", "HUNG_S"))
    assert "secret" not in printed and printed.count("\n") == 1


def test_ctrl_c_is_one_line(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.factory.load_backbone", interrupt)
    assert _generate(tmp_path / "out.png", "--reference", portrait) == 130
    assert capsys.readouterr().err == "engine: stopped\n"


def test_the_librarys_bars_are_hidden() -> None:
    program = (
        "from engine.__main__ import main; main(['provenance', 'x']); "
        "from transformers.utils import logging; [*logging.tqdm([1, 2], desc='Loading checkpoint shards')]"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "Loading" not in ended.stderr


def test_a_drawing_that_fails_has_its_own_exit_code(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import slow_backbone  # type: ignore[import-not-found]

    def fail(*_: object) -> None:
        raise MemoryError("out of memory")

    monkeypatch.setattr(slow_backbone.SlowBackbone, "draw", fail)
    assert _generate(tmp_path / "out.png", "--reference", portrait) == FAILED
    assert "engine: out_of_memory" in capsys.readouterr().err
