"""One chat, one bug and one slow answer of Telegram's delay no other chat."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from structlog.contextvars import get_contextvars

from bot.local.botapi import ANNA_ID, BEN_ID
from bot.telegram import intake, polling
from bot.telegram.intake import STUBBORN_MAX
from bot.telegram.refusals import NotNow, TooFast


async def test_an_update_that_blames_a_healthy_database_is_given_up(
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
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
    assert stage.notices == [(ANNA_ID, "error-unexpected")]


async def test_an_update_waits_for_room_on_the_disk_however_long_it_takes(
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database answers all the while; it only stores nothing."""
    monkeypatch.setattr(intake, "OUTAGE_PAUSE_S", 0.01)
    tries: list[str] = []

    async def disk_is_full(text: str) -> None:
        tries.append(text)
        if len(tries) <= 3 * STUBBORN_MAX:
            raise asyncpg.DiskFullError("No space left on device")
        await stage.note(text)

    stage.handle = disk_is_full
    async with stage.polling():
        await stage.anna.send_text("patience")
        await eventually(lambda: stage.handled == ["patience"])
    assert stage.notices == []


async def test_a_handler_with_a_bug_loses_its_own_update_only(stage: Any, eventually: Any) -> None:
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


async def test_log_records_of_a_handler_carry_the_id_of_its_update(stage: Any, eventually: Any) -> None:
    seen: list[object] = []

    async def look(text: str) -> None:
        seen.append(get_contextvars().get("update"))
        await stage.note(text)

    stage.handle = look
    async with stage.polling():
        await stage.anna.send_text("one")
        await stage.ben.send_text("two")
        await eventually(lambda: len(seen) == 2)
    assert len(set(seen)) == 2 and None not in seen
    assert "update" not in get_contextvars()


async def test_a_chat_that_sends_too_fast_gets_one_answer_and_others_are_served(stage: Any, eventually: Any) -> None:
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


async def test_a_handler_that_hangs_is_ended_and_its_user_gets_a_message(stage: Any, eventually: Any) -> None:
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


async def test_flood_control_of_one_chat_is_waited_out_outside_of_its_handler(stage: Any, eventually: Any) -> None:
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
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
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


async def test_an_update_waits_for_telegram_to_come_back_and_is_given_up_in_the_end(
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "ABSENCE_PAUSE_S", 0.01)
    tries: list[str] = []

    async def cut_off(text: str) -> None:
        tries.append(text)
        if text == "for ever" or len(tries) < 3:
            raise NotNow("502 Bad Gateway")

    stage.handle = cut_off
    async with stage.polling():
        await stage.anna.send_text("a while")
        await stage.anna.send_text("for ever")
        await eventually(stage.nothing_pending)
    assert tries == ["a while"] * 3 + ["for ever"] * (intake.ABSENCES_MAX + 1)


async def test_an_update_that_waits_for_flood_control_does_not_hold_a_full_window(
    stage: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
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


async def test_a_payment_is_taken_beyond_the_allowance(stage: Any, eventually: Any) -> None:
    stage.options = {"burst": 1, "clock": lambda: 100.0}
    async with stage.polling():
        await stage.anna.send_text("0")
        await stage.anna.send_text("dropped")
        await stage.anna.send_text("dropped too")
        await stage.control.inject_update("message", _payment(ANNA_ID))
        await eventually(lambda: stage.handled == ["0", ""])
        await eventually(stage.nothing_pending)


async def test_a_query_before_a_payment_does_not_wait_for_a_slow_message(stage: Any, eventually: Any) -> None:
    """Telegram waits ten seconds for its answer."""
    released = asyncio.Event()

    async def slow(text: str) -> None:
        await released.wait()
        await stage.note(text)

    stage.handle = slow
    async with stage.polling():
        await stage.anna.send_text("slow")
        sent = await stage.bot.send_invoice(
            ANNA_ID, title="t", description="d", payload="p", currency="XTR", prices=[{"label": "l", "amount": 1}]
        )
        assert (await stage.anna.pay(sent.message_id)).ok
        assert stage.handled == []
        released.set()
        await eventually(lambda: stage.handled == ["slow", ""])


async def test_help_does_not_wait_for_a_slow_message_of_its_own_chat(stage: Any, eventually: Any) -> None:
    """Other commands do: their answers depend on what came before."""
    released = asyncio.Event()

    async def handle(text: str) -> None:
        if text == "slow":
            await released.wait()
        await stage.note(text)

    stage.handle = handle
    async with stage.polling():
        for text in ("slow", "/gallery", "/help"):
            await stage.anna.send_text(text)
        await eventually(lambda: stage.handled == ["/help"])
        released.set()
        await eventually(lambda: stage.handled == ["/help", "slow", "/gallery"])


def _payment(user_id: int) -> dict[str, Any]:
    sender = {"id": user_id, "is_bot": False, "first_name": "X"}
    payment = {
        "currency": "XTR", "total_amount": 1, "invoice_payload": "p", "telegram_payment_charge_id": "c",
        "provider_payment_charge_id": "",
    }  # fmt: skip
    chat = {"id": user_id, "type": "private", "first_name": "X"}
    return {"message_id": 1, "date": 1, "chat": chat, "from": sender, "successful_payment": payment}
