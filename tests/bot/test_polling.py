"""Only what is finished is confirmed, fetching goes on meanwhile, and no update stops the bot for others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.types import Message

from bot import intake, polling
from bot.dispatch.leadership import Role
from bot.errors import OperatorError
from bot.intake import STUBBORN_MAX, Intake
from bot.local.botapi import ANNA_ID, BEN_ID, ApiControl, LocalBotAPI, Person
from bot.polling import Polling
from bot.refusals import TooFast
from bot.telegram import open_bot


class Stage:
    """A bot whose one handler is the test's."""

    def __init__(self, api: LocalBotAPI, control: ApiControl, anna: Person, ben: Person, bot: Bot) -> None:
        self.api, self.control, self.anna, self.ben, self.bot = api, control, anna, ben, bot
        self.handled: list[str] = []
        self.database_is_there = True
        self.handle: Callable[[str], Awaitable[None]] = self.note
        self.notices: list[tuple[int, str]] = []
        self.options: dict[str, Any] = {}
        self.role: Role | None = None
        self.intake: Intake | None = None

    async def nothing_pending(self) -> bool:
        return await self.control.pending_updates() == 0

    async def note(self, text: str) -> None:
        if not self.database_is_there:
            raise ConnectionRefusedError("no database")
        self.handled.append(text)

    @asynccontextmanager
    async def polling(self, *, kill: bool = False) -> AsyncIterator[None]:
        dispatcher = Dispatcher(disable_fsm=True)

        @dispatcher.message()
        async def on_message(message: Message, notice: str | None) -> None:
            if notice is None:
                await self.handle(message.text or "")
            else:
                self.notices.append((message.chat.id, notice))

        async def answers() -> bool:
            return self.database_is_there

        stop = asyncio.Event()
        self.intake = Intake(self.bot, dispatcher, database_answers=answers, **self.options)
        running = asyncio.create_task(Polling(self.bot, self.intake, role=self.role).run(stop))
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
    monkeypatch.setattr(intake, "OUTAGE_PAUSE_S", 0.05)
    stage.database_is_there = False
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
    monkeypatch.setattr(intake, "OUTAGE_PAUSE_S", 0.01)
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


async def test_a_slow_handler_holds_up_its_own_chat_only_and_is_not_confirmed(stage: Stage, eventually: Any) -> None:
    gate = asyncio.Event()

    async def slow_for_anna(text: str) -> None:
        if text == "slow":
            await gate.wait()
        await stage.note(text)

    stage.handle = slow_for_anna
    async with stage.polling():
        await stage.anna.send_text("slow")
        await stage.anna.send_text("after it")
        for number in range(10):
            await stage.ben.send_text(str(number))
            await eventually(lambda number=number: stage.handled == [*map(str, range(number + 1))])
        assert await stage.control.pending_updates() == 12, "nothing behind the unfinished one is confirmed"
        gate.set()
        await eventually(lambda: stage.handled[10:] == ["slow", "after it"])
        await eventually(stage.nothing_pending)
    assert len(stage.handled) == 12, "what came again meanwhile was not handled again"


async def test_an_orderly_stop_finishes_what_is_being_handled(stage: Stage, eventually: Any) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slow(text: str) -> None:
        begun.set()
        await gate.wait()
        await stage.note(text)

    stage.handle = slow
    async with stage.polling():
        await stage.anna.send_text("precious")
        await begun.wait()
        asyncio.get_running_loop().call_later(0.3, gate.set)
    assert stage.handled == ["precious"]
    assert await stage.control.pending_updates() == 0


async def test_what_an_orderly_stop_cannot_finish_comes_again_and_the_stop_is_bounded(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "STOP_S", 0.2)
    begun = asyncio.Event()

    async def never_ends(text: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    stage.handle = never_ends
    async with stage.polling():
        await stage.anna.send_text("precious")
        await begun.wait()
    assert await stage.control.pending_updates() == 1
    stage.handle = stage.note
    async with stage.polling():
        await eventually(lambda: stage.handled == ["precious"])


async def test_the_stop_is_bounded_when_telegram_hangs(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "CONFIRM_S", 0.1)
    async with asyncio.timeout(60), stage.polling():
        await stage.anna.send_text("hello")
        await eventually(lambda: stage.handled == ["hello"])
        await stage.control.fail_next("getUpdates", kind="latency", delay_s=300, times=3)


async def test_a_full_window_is_confirmed_as_its_beginning_is_finished(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WINDOW", 3)
    gates = {str(number): asyncio.Event() for number in range(3)}

    async def gated(text: str) -> None:
        if text in gates:
            await gates[text].wait()
        await stage.note(text)

    stage.handle = gated
    async with stage.polling():
        for text in gates:
            await stage.anna.send_text(text)
        await stage.ben.send_text("ben's")
        gates["0"].set()
        await eventually(lambda: sorted(stage.handled) == ["0", "ben's"])
        gates["1"].set()
        gates["2"].set()
        await eventually(lambda: sorted(stage.handled) == ["0", "1", "2", "ben's"])


async def test_only_the_leader_polls(stage: Stage, eventually: Any) -> None:
    stage.role = Role()
    async with stage.polling():
        await stage.anna.send_text("hello")
        await asyncio.sleep(0.5)
        assert await stage.control.calls("getUpdates") == []
        with stage.role.leading():
            await eventually(lambda: stage.handled == ["hello"])
        await stage.anna.send_text("later")
        await asyncio.sleep(0.5)
        assert stage.handled == ["hello"] and await stage.control.pending_updates() == 1
        with stage.role.leading():
            await eventually(lambda: stage.handled == ["hello", "later"])


async def test_a_webhook_set_before_is_removed(stage: Stage, eventually: Any) -> None:
    async with stage.polling():
        await stage.anna.send_text("hello")
        await eventually(lambda: stage.handled == ["hello"])
    first = next(iter(await stage.control.calls()))
    assert (first.method, first.status) == ("deleteWebhook", 200)


async def test_a_chat_that_sends_too_fast_is_told_once_and_others_are_served(stage: Stage, eventually: Any) -> None:
    """The rest of its updates is dropped and confirmed; the clock of the allowance stands still."""
    stage.options = {"burst": 4, "clock": lambda: 100.0}
    async with stage.polling():
        for number in range(9):
            await stage.anna.send_text(str(number))
        await stage.ben.send_text("ben's")
        await eventually(lambda: sorted(stage.handled) == ["0", "1", "2", "3", "ben's"])
        await eventually(stage.nothing_pending)
    assert stage.notices == [(ANNA_ID, "error-too-fast")]
    assert stage.intake is not None and stage.intake.counts["dropped"] == 5


async def test_a_handler_that_hangs_is_ended_and_its_user_told(stage: Stage, eventually: Any) -> None:
    async def hangs(text: str) -> None:
        if text == "hang":
            await asyncio.Event().wait()
        await stage.note(text)

    stage.handle, stage.options = hangs, {"handle_max_s": 0.3}
    async with stage.polling():
        await stage.anna.send_text("hang")
        await stage.anna.send_text("next")
        await eventually(lambda: stage.handled == ["next"])
        await eventually(stage.nothing_pending)
    assert stage.notices == [(ANNA_ID, "error-unexpected")]


async def test_flood_control_of_one_chat_is_waited_out_outside_of_its_handler(stage: Stage, eventually: Any) -> None:
    """Anna's handler is left at once and runs again after the time that Telegram names; Ben is served meanwhile."""
    running: list[str] = []
    order: list[str] = []

    async def answer(text: str) -> None:
        running.append(text)
        try:
            await stage.bot.send_message(ANNA_ID if text == "anna's" else BEN_ID, "hi")
        finally:
            running.remove(text)
            order.append(text)
        await stage.note(text)

    stage.handle = answer
    await stage.ben.send_text("start")
    async with stage.polling():
        await eventually(lambda: stage.handled == ["start"])
        await stage.control.fail_next("sendMessage", kind="flood", retry_after=2)
        await stage.anna.send_text("anna's")
        await eventually(lambda: order == ["start", "anna's"])
        assert running == [] and stage.handled == ["start"]
        await stage.ben.send_text("ben's")
        await eventually(lambda: stage.handled == ["start", "ben's", "anna's"])
        await eventually(stage.nothing_pending)


async def test_flood_control_without_end_gives_the_update_up(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    async def flooded(text: str) -> None:
        tries.append(text)
        raise TooFast(0.01 if text == "short" else 3600)

    stage.handle = flooded
    async with stage.polling():
        await stage.anna.send_text("short")
        await stage.anna.send_text("an hour")
        await eventually(stage.nothing_pending)
    assert tries == ["short"] * (intake.FLOODS_MAX + 1) + ["an hour"]


async def test_an_update_that_waits_for_flood_control_does_not_hold_a_full_window(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WINDOW", 3)

    async def flooded(text: str) -> None:
        if text == "flooded":
            raise TooFast(50)
        await stage.note(text)

    stage.handle = flooded
    async with stage.polling():
        await stage.anna.send_text("flooded")
        for number in range(6):
            await stage.ben.send_text(str(number))
        await eventually(lambda: stage.handled == list("012345"))


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
            await Polling(stranger, Intake(stranger, dispatcher, database_answers=answers)).run(asyncio.Event())
    await stranger.session.close()
