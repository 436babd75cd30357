"""`make demo` from end to end: a photo goes in, a picture comes out."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bot.local.botapi import ApiControl
from bot.local.demo import DEFAULT_PHOTO, DemoRequest, converse, play, report
from bot.local.parts import StackError
from bot.local.supervisor import Stack
from bot.local.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_the_demo_draws_a_picture_with_the_included_weights_and_forgets_the_demo_before(
    server_folder: Path, quick_environment: dict[str, str]
) -> None:
    photo = server_folder / "me.png"
    with Image.open(DEFAULT_PHOTO) as astronaut:
        astronaut.crop((60, 0, 420, 512)).save(photo)
    words = {"PHOTO": str(photo), "PROMPT": "waving on a beach", "STYLE": "space", "BOT_TOKEN": "1:not-for-the-demo"}
    leftover = server_folder / "state" / "chat" / "of an earlier demo"
    leftover.mkdir(parents=True)
    environment = {key: value for key, value in quick_environment.items() if key != "ENGINE_BACKBONE"}
    output = io.StringIO()
    terminal = Terminal(Console(file=output, width=200))
    assert play(server_folder / "state", terminal, environment | words, out=server_folder / "out") == 0, output
    text = output.getvalue()
    assert text.count("Ben: waving on a beach") == 1
    assert "picture delivered" in text and "result.png" in text
    assert not leftover.exists()
    with Image.open(server_folder / "out" / "reference.png") as reference:
        assert reference.size == (360, 512)
    with Image.open(server_folder / "out" / "chat.png") as chat:
        assert chat.width > 600 and chat.height > 800
    with Image.open(server_folder / "out" / "result.png") as result:
        pixels = np.asarray(result.convert("RGB")).astype(float)
    assert min(result.size) >= 128
    assert pixels.std() > 20
    neighbours = np.abs(np.diff(pixels, axis=1)).mean()
    assert neighbours < pixels.std() / 2, "a picture is smoother than noise"


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
        await converse(stack.chat_url, DemoRequest.read({"PHOTO": str(photo)}), terminal, user_id=2001)
    assert "\n" not in str(refusal.value)


async def test_a_demo_whose_picture_fails_says_so_and_leaves_no_picture(
    stack: Stack, tending: None, tmp_path: Path
) -> None:
    assert stack.chat_url is not None
    async with ApiControl(stack.chat_url) as control:
        await control.add_user(2002, "Olga")
    output = io.StringIO()
    terminal = Terminal(Console(file=output, width=200))
    request = DemoRequest.read({"PROMPT": "a naked woman"})
    conversation = await converse(stack.chat_url, request, terminal, user_id=2002)
    assert not report(conversation, request, terminal, tmp_path / "out")
    assert "I can't draw this" in output.getvalue()
    assert (tmp_path / "out" / "chat.png").exists() and not (tmp_path / "out" / "result.png").exists()
