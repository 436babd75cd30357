"""The input of `make demo`: PHOTO, PROMPT and STYLE, and its refusals."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from bot.local import demo
from bot.local.demo import DEFAULT_STYLE, Conversation, DemoRequest, play
from bot.local.environment import ROOT
from bot.local.parts import StackError
from bot.local.terminal import Terminal
from bot.styles import load_styles


def test_the_defaults_are_a_photo_that_is_there_and_a_style_that_exists() -> None:
    request = DemoRequest.read({})
    assert request.photo.is_file()
    assert request.style == DEFAULT_STYLE in load_styles()


def test_all_three_can_be_replaced(tmp_path: Path) -> None:
    photo = tmp_path / "me.jpg"
    Image.new("RGB", (300, 400), "tan").save(photo)
    request = DemoRequest.read({"PHOTO": str(photo), "PROMPT": "in a forest", "STYLE": "sketch"})
    assert request == DemoRequest(photo, "in a forest", "sketch")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PHOTO": "nowhere.jpg"}, "PHOTO=nowhere.jpg is no file: give the path of a photo"),
        ({"PHOTO": __file__}, "cannot be read as a picture"),
        ({"STYLE": "baroque"}, "STYLE=baroque is no style: choose one of none, "),
        ({"PROMPT": "x" * 1001}, "PROMPT has 1001 characters: at most 1000 fit"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_line_with_the_remedy(environment: dict[str, str], words: str) -> None:
    with pytest.raises(StackError) as refusal:
        DemoRequest.read(environment)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_truncated_photo_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(whole, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:2000])
    with pytest.raises(StackError, match="cannot be read as a picture"):
        DemoRequest.read({"PHOTO": str(tmp_path / "cut.jpg")})


def test_a_refused_wish_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(StackError):
        play(tmp_path / "state", Terminal(Console(file=io.StringIO())), {"STYLE": "baroque"})
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("installed", [True, False])
def test_the_exit_code_says_whether_a_picture_was_made(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(*_: object) -> Conversation:
        return Conversation()

    monkeypatch.setattr(demo, "Stack", lambda *_, **__: None)
    monkeypatch.setattr(demo, "kept_up", lambda _: nullcontext())
    monkeypatch.setattr(demo, "_converse_while_tended", talk)
    monkeypatch.setattr(demo, "report", lambda *_: installed)
    output = io.StringIO()
    assert play(tmp_path, Terminal(Console(file=output, width=200)), {}, tmp_path) == (0 if installed else 1)
    assert ("no picture was made" in output.getvalue()) is not installed


def test_the_command_ends_with_one_line_and_a_bad_exit_code(tmp_path: Path) -> None:
    environment = os.environ | {"PHOTO": str(tmp_path / "nowhere.jpg"), "BOLID_STATE": str(tmp_path / "state")}
    command = [sys.executable, "-m", "bot.local", "demo"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout.startswith("✗ PHOTO=") and done.stdout.count("\n") == 1
    assert done.stderr == ""
