"""`python -m engine presets`: the pictures above the bot's buttons are drawn by one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engine.__main__ import main
from engine.commands import DONE, MISUSED, UNSUITABLE

pytestmark = pytest.mark.usefixtures("quiet_place")


def _presets(out: Path, reference: Path, *arguments: str) -> int:
    return main(["presets", "--reference", str(reference), "--out", str(out), *arguments])


def test_small_pictures_are_drawn_by_name(portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ("--only", "style-none", "--only", "style-film", "--only", "pose-sitting", "--height", "90")
    out = tmp_path / "out"
    out.mkdir()
    assert _presets(out, portrait, *chosen) == DONE
    drawn = {path.name: path for path in out.iterdir()}
    assert "style-none.webp" in drawn and "style-film.webp" in drawn
    with Image.open(drawn["style-film.webp"]) as picture:
        assert (picture.format, picture.size) == ("WEBP", (60, 90))
    assert str(drawn["style-none.webp"]) in capsys.readouterr().out


def test_mistakes_are_one_line(
    portrait: Path, coffee: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert _presets(out, portrait) == MISUSED
    out.mkdir()
    assert _presets(out, portrait, "--only", "style-nothing") == MISUSED
    assert _presets(out, coffee) == UNSUITABLE
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 3 and "a folder that exists" in printed[0] and "style-nothing" in printed[1]
    assert "no person" in printed[2] and list(out.iterdir()) == []
