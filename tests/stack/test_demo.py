"""`make demo` from end to end: a photo goes in, a picture comes out."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bot.local.botapi import ApiControl
from bot.local.demo import DEFAULT_PHOTO, Wish, converse, play
from bot.local.environment import ROOT
from bot.local.parts import StackError
from bot.local.supervisor import Stack
from bot.local.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

NANO = ROOT / "engine" / "weights" / "nano" / "metadata.json"


def play_into(folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Exit code and terminal output of a demo that leaves its pictures in folder/out."""
    output = io.StringIO()
    exit_code = play(folder / "state", Terminal(Console(file=output, width=200)), environment, out=folder / "out")
    return exit_code, output.getvalue()


def test_the_demo_ends_in_a_picture_and_forgets_the_demo_before(
    server_folder: Path, quick_environment: dict[str, str]
) -> None:
    photo = server_folder / "me.png"
    with Image.open(DEFAULT_PHOTO) as astronaut:
        astronaut.crop((60, 0, 420, 512)).save(photo)
    words = {"PHOTO": str(photo), "PROMPT": "waving on a beach", "STYLE": "space", "BOT_TOKEN": "1:not-for-the-demo"}
    leftover = server_folder / "state" / "chat" / "of an earlier demo"
    leftover.mkdir(parents=True)
    exit_code, output = play_into(server_folder, quick_environment | words)
    assert exit_code == 0, output
    assert output.count("Ben: waving on a beach") == 1
    assert "picture delivered" in output and "result.png" in output
    assert not leftover.exists()
    with Image.open(server_folder / "out" / "reference.png") as reference:
        assert reference.size == (360, 512)
    with Image.open(server_folder / "out" / "result.png") as result:
        assert result.size == (64, 96)
    with Image.open(server_folder / "out" / "chat.png") as chat:
        assert chat.width > 600 and chat.height > 800


async def test_a_photo_without_a_person_ends_the_demo_with_the_reason(
    stack: Stack, tending: None, tmp_path: Path
) -> None:
    photo = tmp_path / "wall.png"
    Image.new("RGB", (600, 800), "tan").save(photo)
    assert stack.chat_url is not None
    async with ApiControl(stack.chat_url) as control:
        await control.add_user(2001, "Nora")
    terminal = Terminal(Console(file=io.StringIO()))
    with pytest.raises(StackError, match="did not take the photo") as refusal:
        await converse(stack.chat_url, Wish.read({"PHOTO": str(photo)}), terminal, user_id=2001)
    assert "\n" not in str(refusal.value)


def test_a_demo_whose_picture_fails_says_so_and_does_not_exit_well(
    server_folder: Path, quick_environment: dict[str, str]
) -> None:
    exit_code, output = play_into(server_folder, quick_environment | {"ENGINE_BACKBONE": "failing_backbone:load"})
    assert exit_code == 1, output
    assert "no picture was made" in output
    assert not (server_folder / "out" / "result.png").exists()


@pytest.mark.skipif(not NANO.exists(), reason="the nano weights are not in this checkout")
def test_the_shipped_weights_draw_a_picture_of_the_astronaut(
    server_folder: Path, quick_environment: dict[str, str]
) -> None:
    environment = {key: value for key, value in quick_environment.items() if key != "ENGINE_BACKBONE"}
    exit_code, output = play_into(server_folder, environment)
    assert exit_code == 0, output
    with Image.open(server_folder / "out" / "result.png") as result:
        pixels = np.asarray(result.convert("RGB")).astype(float)
    assert min(result.size) >= 128
    assert pixels.std() > 20
    neighbours = np.abs(np.diff(pixels, axis=1)).mean()
    assert neighbours < pixels.std() / 2, "a picture is smoother than noise"
