"""Only finished updates are confirmed, fetching continues meanwhile, and no update stops the bot for other users."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiogram import Dispatcher

from bot.errors import OperatorError
from bot.role import Role
from bot.telegram import intake, polling
from bot.telegram.connection import open_bot
from bot.telegram.intake import Intake
from bot.telegram.polling import Polling


async def test_updates_are_handled_in_the_order_of_their_chat_and_not_again_after_a_stop(
    stage: Any, eventually: Any
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


async def test_an_update_whose_handler_was_killed_comes_again(stage: Any, eventually: Any) -> None:
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
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
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


async def test_a_kill_during_an_outage_loses_nothing(stage: Any, eventually: Any) -> None:
    stage.database_is_there = False
    async with stage.polling(kill=True):
        await stage.anna.send_text("precious")
        await asyncio.sleep(0.5)
    stage.database_is_there = True
    async with stage.polling():
        await eventually(lambda: stage.handled == ["precious"])


async def test_a_stop_during_an_outage_is_quick_and_loses_nothing(stage: Any, eventually: Any) -> None:
    stage.database_is_there = False
    async with asyncio.timeout(30), stage.polling():
        await stage.anna.send_text("precious")
        await asyncio.sleep(0.5)
    stage.database_is_there = True
    async with stage.polling():
        await eventually(lambda: stage.handled == ["precious"])


async def test_a_slow_handler_holds_up_its_own_chat_only_and_is_not_confirmed(stage: Any, eventually: Any) -> None:
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


async def test_an_orderly_stop_finishes_what_is_being_handled(stage: Any, eventually: Any) -> None:
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
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
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
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "CONFIRM_S", 0.1)
    async with asyncio.timeout(60), stage.polling():
        await stage.anna.send_text("hello")
        await eventually(lambda: stage.handled == ["hello"])
        await stage.control.fail_next("getUpdates", kind="latency", delay_s=300, times=3)


async def test_a_full_window_is_confirmed_as_its_beginning_is_finished(
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
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


async def nothing_pending(stage: Any) -> bool:
    return bool(await stage.control.pending_updates() == 0)


async def test_only_the_leader_polls(stage: Any, eventually: Any) -> None:
    stage.role = Role()
    async with stage.polling():
        await stage.anna.send_text("hello")
        await asyncio.sleep(0.5)
        assert await stage.control.calls("getUpdates") == []
        with stage.role.leading():
            await eventually(lambda: stage.handled == ["hello"])
            await eventually(lambda: nothing_pending(stage))  # the next request confirms the handled update
        await stage.anna.send_text("later")
        await asyncio.sleep(0.5)
        assert stage.handled == ["hello"] and await stage.control.pending_updates() == 1
        with stage.role.leading():
            await eventually(lambda: stage.handled == ["hello", "later"])


async def test_a_webhook_set_before_is_removed(stage: Any, eventually: Any) -> None:
    async with stage.polling():
        await stage.anna.send_text("hello")
        await eventually(lambda: stage.handled == ["hello"])
    first = next(iter(await stage.control.calls()))
    assert (first.method, first.status) == ("deleteWebhook", 200)


@pytest.mark.parametrize("kind", ["drop", "server_error", "drop_after", "flood"])
async def test_a_bad_network_is_waited_out(stage: Any, eventually: Any, kind: Any) -> None:
    await stage.control.fail_next("getUpdates", kind=kind, times=2)
    async with stage.polling():
        await stage.anna.send_text("hello")
        await eventually(lambda: stage.handled == ["hello"])


async def test_a_revoked_token_ends_polling_with_one_line(stage: Any) -> None:
    stranger = open_bot("7000000002:another", stage.api.url, patient=True)
    dispatcher = Dispatcher(disable_fsm=True)
    dispatcher.message()(lambda message: None)

    async def answers() -> bool:
        return True

    with pytest.raises(OperatorError, match="BOT_TOKEN"):
        async with asyncio.timeout(30):
            await Polling(stranger, Intake(stranger, dispatcher, database_answers=answers)).run(asyncio.Event())
    await stranger.session.close()


async def test_flood_control_of_polling_is_waited_out_in_one_pause(stage: Any, eventually: Any) -> None:
    """Each call before the time that Telegram names would be refused again."""
    await stage.control.fail_next("getUpdates", kind="flood", lasts_s=3)
    await stage.anna.send_text("hello")
    async with stage.polling():
        await eventually(lambda: stage.handled == ["hello"])
    refused = [call for call in await stage.control.calls("getUpdates") if call.status == 429]
    assert len(refused) == 1
