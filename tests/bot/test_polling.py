"""Updates are confirmed only after they were handled, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.types import Message

from bot import polling
from bot.errors import OperatorError
from bot.local.botapi import ANNA_ID, BEN_ID, ApiControl, LocalBotAPI, Person
from bot.polling import STUBBORN_MAX, Polling
from bot.telegram import open_bot


class Stage:
    """A bot whose one handler is the test's."""

    def __init__(self, api: LocalBotAPI, control: ApiControl, anna: Person, ben: Person, bot: Bot) -> None:
        self.api, self.control, self.anna, self.ben, self.bot = api, control, anna, ben, bot
        self.handled: list[str] = []
        self.database_is_there = True
        self.handle: Callable[[str], Awaitable[None]] = self.note
        self.hold_s = 10.0

    async def note(self, text: str) -> None:
        if not self.database_is_there:
            raise ConnectionRefusedError("no database")
        self.handled.append(text)

    @asynccontextmanager
    async def polling(self, *, kill: bool = False) -> AsyncIterator[None]:
        dispatcher = Dispatcher(disable_fsm=True)

        @dispatcher.message()
        async def on_message(message: Message) -> None:
            await self.handle(message.text or "")

        async def answers() -> bool:
            return self.database_is_there

        stop = asyncio.Event()
        running = asyncio.create_task(
            Polling(self.bot, dispatcher, database_answers=answers, hold_s=self.hold_s).run(stop)
        )
        try:
            yield
        finally:
            if kill:
                running.cancel()
                await asyncio.wait([running])
            else:
                stop.set()
                await running


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with (
        LocalBotAPI() as api,
        ApiControl(api.url) as control,
        Person(api.url, ANNA_ID) as anna,
        Person(api.url, BEN_ID) as ben,
    ):
        bot = open_bot(api.token, api.url, patient=True)
        yield Stage(api, control, anna, ben, bot)
        await bot.session.close()


async def test_updates_are_handled_in_the_order_of_their_chat_and_not_again_after_a_stop(
    stage: Stage, eventually: Any
) -> None:
    async with stage.polling():
        for number in range(5):
            await stage.anna.send_text(str(number))
        await eventually(lambda: len(stage.handled) == 5)
    assert stage.handled == list("01234")
    assert await stage.control.pending_updates() == 0
    async with stage.polling():
        await stage.anna.send_text("later")
        await eventually(lambda: "later" in stage.handled)
    assert stage.handled == [*"01234", "later"]


async def test_an_update_whose_handler_was_killed_comes_again(stage: Stage, eventually: Any) -> None:
    begun = asyncio.Event()

    async def never_ends(text: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    stage.handle = never_ends
    async with stage.polling(kill=True):
        await stage.anna.send_text("precious")
        await begun.wait()
    stage.handle = stage.note
    async with stage.polling():
        await eventually(lambda: stage.handled == ["precious"])


async def test_while_the_database_is_away_updates_wait_and_are_handled_when_it_is_back(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "OUTAGE_PAUSE_S", 0.05)
    stage.database_is_there = False
    stage.hold_s = 0.1
    async with stage.polling():
        await stage.anna.send_text("from anna")
        await stage.ben.send_text("from ben")
        await asyncio.sleep(1)
        assert stage.handled == [] and await stage.control.pending_updates() > 0
        stage.database_is_there = True
        await eventually(lambda: sorted(stage.handled) == ["from anna", "from ben"])


async def test_a_kill_during_an_outage_loses_nothing(stage: Stage, eventually: Any) -> None:
    stage.database_is_there = False
    async with stage.polling(kill=True):
        await stage.anna.send_text("precious")
        await asyncio.sleep(0.5)
    stage.database_is_there = True
    async with stage.polling():
        await eventually(lambda: stage.handled == ["precious"])


async def test_a_stop_during_an_outage_is_quick_and_loses_nothing(stage: Stage, eventually: Any) -> None:
    stage.database_is_there = False
    async with asyncio.timeout(30), stage.polling():
        await stage.anna.send_text("precious")
        await asyncio.sleep(0.5)
    stage.database_is_there = True
    async with stage.polling():
        await eventually(lambda: stage.handled == ["precious"])


async def test_an_update_that_blames_a_healthy_database_is_given_up(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "OUTAGE_PAUSE_S", 0.01)
    tries: list[str] = []

    async def always_fails(text: str) -> None:
        if text == "poison":
            tries.append(text)
            raise ConnectionResetError("as if the database were away")
        await stage.note(text)

    stage.handle = always_fails
    async with stage.polling():
        await stage.anna.send_text("poison")
        await stage.anna.send_text("fine")
        await eventually(lambda: stage.handled == ["fine"])
    assert len(tries) == STUBBORN_MAX + 1


async def test_a_handler_with_a_bug_loses_its_own_update_only(stage: Stage, eventually: Any) -> None:
    async def stumbles(text: str) -> None:
        if text == "bad":
            raise ValueError("a bug")
        await stage.note(text)

    stage.handle = stumbles
    async with stage.polling():
        await stage.anna.send_text("bad")
        await stage.anna.send_text("good")
        await eventually(lambda: stage.handled == ["good"])
    assert await stage.control.pending_updates() == 0


async def test_a_slow_handler_holds_up_its_own_chat_only(stage: Stage, eventually: Any) -> None:
    gate = asyncio.Event()

    async def slow_for_anna(text: str) -> None:
        if text == "slow":
            await gate.wait()
        await stage.note(text)

    stage.handle, stage.hold_s = slow_for_anna, 0.1
    async with stage.polling():
        await stage.anna.send_text("slow")
        await asyncio.sleep(0.5)
        await stage.anna.send_text("after it")
        await stage.ben.send_text("ben's")
        await eventually(lambda: stage.handled == ["ben's"])
        gate.set()
        await eventually(lambda: stage.handled == ["ben's", "slow", "after it"])


@pytest.mark.parametrize("kind", ["drop", "server_error", "drop_after", "flood"])
async def test_a_bad_network_is_waited_out(stage: Stage, eventually: Any, kind: Any) -> None:
    await stage.control.fail_next("getUpdates", kind=kind, times=2)
    async with stage.polling():
        await stage.anna.send_text("hello")
        await eventually(lambda: stage.handled == ["hello"])


async def test_a_revoked_token_ends_polling_with_one_line(stage: Stage) -> None:
    stranger = open_bot("7000000002:another", stage.api.url, patient=True)
    dispatcher = Dispatcher(disable_fsm=True)
    dispatcher.message()(lambda message: None)

    async def answers() -> bool:
        return True

    with pytest.raises(OperatorError, match="BOT_TOKEN"):
        async with asyncio.timeout(30):
            await Polling(stranger, dispatcher, database_answers=answers).run(asyncio.Event())
    await stranger.session.close()
