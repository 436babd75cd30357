"""An update that this aiogram cannot read is logged without content, counted and confirmed; the bot goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.types import Message, Update
from structlog.testing import capture_logs

from bot.local.botapi import ANNA_ID, BEN_ID, ApiControl, LocalBotAPI, Person
from bot.telegram.connection import open_bot
from bot.telegram.intake import Intake
from bot.telegram.polling import Polling
from bot.telegram.updates import album_of, chat_of, id_of, read_update

PRIVATE_WORDS = "words that belong to Ben alone"
KINDS = sorted(set(Update.model_fields) - {"update_id"})
BEN = {"id": BEN_ID, "is_bot": False, "first_name": "Ben"}
MESSAGE = {
    "message_id": 900_001,
    "date": 1_700_000_000,
    "chat": {"id": BEN_ID, "type": "private", "first_name": "Ben"},
    "from": BEN,
    "text": PRIVATE_WORDS,
}
FUTURE_MESSAGES: dict[str, dict[str, Any]] = {
    "a new kind of forward origin": {"forward_origin": {"type": "telepathy", "date": 1}},
    "a new kind of reaction in a reply": {"external_reply": {"origin": {"type": "dream", "date": 1}}},
    "a new kind of paid media": {"paid_media": {"star_count": 1, "paid_media": [{"type": "hologram"}]}},
    "a field of another type": {"text": {"rich": PRIVATE_WORDS}},
    "a poll of an older server": {
        "poll": {
            "id": "1", "question": "?", "options": [], "total_voter_count": 0, "is_closed": False,
            "is_anonymous": True, "type": "regular", "allows_multiple_answers": False,
        }
    },
}  # fmt: skip


class Stage:
    """A bot that records the texts it gets, and a server that sends updates that no client can cause."""

    def __init__(self, api: LocalBotAPI, control: ApiControl, anna: Person, bot: Bot) -> None:
        self.api, self.control, self.anna, self.bot = api, control, anna, bot
        self.received: list[tuple[int, str | None]] = []
        dispatcher = Dispatcher(disable_fsm=True)

        @dispatcher.message()
        async def on_message(message: Message) -> None:
            self.received.append((message.chat.id, message.text))

        self.intake = Intake(bot, dispatcher, database_answers=self.always)

    async def always(self) -> bool:
        return True

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        running = asyncio.create_task(Polling(self.bot, self.intake).run(stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def nothing_pending(self) -> bool:
        return await self.control.pending_updates() == 0


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with LocalBotAPI() as api, ApiControl(api.url) as control, Person(api.url, ANNA_ID) as anna:
        bot = open_bot(api.token, api.url, patient=True)
        yield Stage(api, control, anna, bot)
        await bot.session.close()


async def _survives(stage: Stage, eventually: Callable[..., Any], *updates: tuple[str, dict[str, Any]]) -> list[Any]:
    """Anna is answered after all of these, each of them is confirmed, and no word of them is logged; gives the log."""
    with capture_logs() as logs:
        async with stage.polling():
            for kind, body in updates:
                await stage.control.inject_update(kind, body)
            await stage.anna.send_text("hello")
            await eventually(lambda: (ANNA_ID, "hello") in stage.received)
            await eventually(stage.nothing_pending)
    assert PRIVATE_WORDS not in str(logs)
    return logs


async def test_one_of_each_kind_that_cannot_be_read_is_counted_logged_and_confirmed(
    stage: Stage, eventually: Any
) -> None:
    """Each kind that exists, with a content of tomorrow."""
    updates = [(kind, {"novelty": PRIVATE_WORDS}) for kind in KINDS]
    logs = await _survives(stage, eventually, *updates)
    assert stage.intake.counts["unreadable"] == len(KINDS) > 20
    unreadable = [log for log in logs if log["event"] == "an update cannot be read"]
    assert [log["inside"] for log in unreadable] == [{kind: ["novelty"]} for kind in KINDS]
    assert all(isinstance(log["update"], int) and "update_id" in log["keys"] for log in unreadable)


async def test_a_kind_of_update_that_does_not_exist_yet_is_skipped(stage: Stage, eventually: Any) -> None:
    logs = await _survives(stage, eventually, ("brand_new_kind", {"id": "1", "words": PRIVATE_WORDS}))
    (skipped,) = [log for log in logs if log["event"] == "an update of an unknown kind is skipped"]
    assert skipped["keys"] == ["brand_new_kind", "update_id"]
    assert stage.intake.counts["unreadable"] == 1


@pytest.mark.parametrize("name", FUTURE_MESSAGES)
async def test_a_message_that_cannot_be_read_still_reaches_a_handler_without_its_content(
    stage: Stage, eventually: Any, name: str
) -> None:
    """So that its sender gets the answer that it was not understood."""
    await _survives(stage, eventually, ("message", MESSAGE | FUTURE_MESSAGES[name]))
    assert (BEN_ID, None) in stage.received
    assert stage.intake.counts["unreadable"] == 1


async def test_fields_that_are_new_but_harmless_are_no_reason_to_lose_a_message(stage: Stage, eventually: Any) -> None:
    await stage.control.inject_update("message", MESSAGE | {"text": "hi", "mood": {"type": "sunny"}})
    await _survives(stage, eventually)
    assert (BEN_ID, "hi") in stage.received and stage.intake.counts["unreadable"] == 0


async def test_an_answer_that_is_no_json_is_tried_again_without_a_word_of_it_in_the_log(
    stage: Stage, eventually: Any
) -> None:
    await stage.control.fail_next("getUpdates", kind="bad_gateway", times=2)
    logs = await _survives(stage, eventually)
    assert "<html>" not in str(logs) and any(log["log_level"] == "error" for log in logs)


def test_an_id_is_found_only_where_there_is_one() -> None:
    assert id_of({"update_id": 7}) == 7
    assert id_of({"update_id": "7"}) is None and id_of({}) is None and id_of([]) is None


def test_chat_and_album_of_an_update() -> None:
    bot = Bot("123456:ABC")
    album = read_update({"update_id": 1, "message": MESSAGE | {"media_group_id": "a"}}, bot).update
    assert album is not None and (chat_of(album), album_of(album)) == (BEN_ID, (BEN_ID, "a"))
    press = {"id": "1", "from": BEN, "chat_instance": "x", "data": "d"}
    pressed = read_update({"update_id": 2, "callback_query": press}, bot).update
    assert pressed is not None and (chat_of(pressed), album_of(pressed)) == (BEN_ID, None)
