"""A command and a button are handled at once, however many prompts and photos are in progress."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiogram import Bot
from aiogram.types import Update

from bot.telegram.intake import AT_ONCE
from bot.telegram.updates import Work, work_of

PHOTO = {"file_id": "p", "file_unique_id": "p", "width": 90, "height": 90}


def message(user_id: int, **content: Any) -> dict[str, Any]:
    person = {"id": user_id, "first_name": "X"}
    return {
        "message_id": 1, "date": 1, "chat": {**person, "type": "private"}, "from": {**person, "is_bot": False},
        **content,
    }  # fmt: skip


async def test_help_is_answered_while_prompts_and_photos_wait(stage: Any, eventually: Any) -> None:
    running: list[str] = []
    released = asyncio.Event()

    async def work(text: str) -> None:
        if text != "/help":
            running.append(text)
            await released.wait()
        await stage.note(text)

    stage.handle = work
    crowd = [{"photo": [PHOTO]}] * (AT_ONCE[Work.FILE] + 9) + [{"text": "prompt"}] * (AT_ONCE[Work.PROMPT] + 9)
    async with stage.polling():
        for number, content in enumerate(crowd):
            await stage.control.inject_update("message", message(2000 + number, **content))
        await eventually(lambda: len(running) == sum(AT_ONCE.values()))
        await stage.ben.send_text("/help")
        await eventually(lambda: stage.handled == ["/help"])
        assert running.count("prompt") == AT_ONCE[Work.PROMPT] and running.count("") == AT_ONCE[Work.FILE]
        released.set()
        await eventually(lambda: len(stage.handled) == len(crowd) + 1)
        await eventually(stage.nothing_pending)


@pytest.mark.parametrize(
    ("content", "work"),
    [
        ({"text": "/help"}, Work.QUICK),
        ({"text": "in a garden"}, Work.PROMPT),
        ({"sticker": {**PHOTO, "type": "regular", "is_animated": False, "is_video": False}}, Work.PROMPT),
        ({"photo": [PHOTO], "caption": "/help"}, Work.FILE),
        ({"document": {"file_id": "d", "file_unique_id": "d"}}, Work.FILE),
    ],
)
def test_the_work_of_a_message(content: dict[str, Any], work: Work) -> None:
    update = Update.model_validate({"update_id": 1, "message": message(1, **content)}, context={"bot": Bot("42:TEST")})
    assert work_of(update) is work


def test_a_button_is_quick() -> None:
    sender = {"id": 1, "is_bot": False, "first_name": "X"}
    press = {"id": "1", "from": sender, "chat_instance": "1", "data": "x"}
    assert work_of(Update.model_validate({"update_id": 1, "callback_query": press})) is Work.QUICK
