from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import BufferedInputFile

from bot.local.botapi import ANNA_ID, ApiControl, Person, PersonError
from bot.local.botapi.faults import Fault, FaultPlan


async def test_flood_control_names_the_seconds_to_wait(bot: Bot, anna: Person, control: ApiControl) -> None:
    await control.fail_next("sendMessage", kind="flood", times=2, retry_after=7)
    for _ in range(2):
        with pytest.raises(TelegramRetryAfter) as refused:
            await bot.send_message(ANNA_ID, "x")
        assert refused.value.retry_after == 7
    await bot.send_message(ANNA_ID, "x")
    calls = await control.calls("sendMessage")
    assert [(call.status, call.ok, call.chat_id) for call in calls] == [
        (429, False, ANNA_ID),
        (429, False, ANNA_ID),
        (200, True, ANNA_ID),
    ]
    assert calls[0].description == "Too Many Requests: retry after 7"


def test_a_lasting_flood_names_the_time_left_and_ends_then() -> None:
    now = [100.0]
    plan = FaultPlan(clock=lambda: now[0])
    plan.add(Fault(kind="flood", lasts_s=10))
    seconds = []
    for now[0] in (200.0, 200.5, 207.2, 209.9):
        fault = plan.take("sendMessage")
        assert fault is not None
        seconds.append(fault.retry_after)
    assert seconds == [10, 10, 3, 1]
    now[0] = 210.0
    assert plan.take("sendMessage") is None


async def test_servers_fail_in_json_and_in_html(bot: Bot, anna: Person, control: ApiControl) -> None:
    await control.fail_next(kind="server_error")
    await bot.get_updates()  # "*" spares the poll
    with pytest.raises(TelegramServerError):
        await bot.send_message(ANNA_ID, "x")
    await control.fail_next(kind="bad_gateway")
    with pytest.raises(ClientDecodeError):
        await bot.send_message(ANNA_ID, "x")
    assert len(await anna.transcript()) == 1


async def test_a_dropped_call_is_not_done_and_a_dropped_answer_is(
    bot: Bot, anna: Person, control: ApiControl, picture: Callable[..., bytes]
) -> None:
    await control.fail_next("sendPhoto", kind="drop")
    with pytest.raises(TelegramNetworkError):
        await bot.send_photo(ANNA_ID, BufferedInputFile(picture(), "a.png"))
    assert len(await anna.transcript()) == 1
    await control.fail_next("sendPhoto", kind="drop_after")
    with pytest.raises(TelegramNetworkError):
        await bot.send_photo(ANNA_ID, BufferedInputFile(picture(), "a.png"))
    assert len(await anna.transcript()) == 2
    assert [call.status for call in await control.calls("sendPhoto")] == [0, 0]


async def test_latency_delays_and_faults_can_be_cleared(bot: Bot, anna: Person, control: ApiControl) -> None:
    await control.fail_next("getMe", kind="latency", delay_s=0.2)
    started = monotonic()
    await bot.get_me()
    assert monotonic() - started >= 0.2
    await control.fail_next("getMe", kind="server_error", times=5)
    await control.clear_faults()
    await bot.get_me()


async def test_a_nonsensical_fault_is_refused(control: ApiControl) -> None:
    with pytest.raises(PersonError, match="kind"):
        await control._ask("POST", "/client/faults", json={"kind": "earthquake"})
