"""The limits on how often the bot writes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise

import pytest

from bot.dispatch.timing import STEP_PAUSE_S, STEP_SHARE, Throttle, repeat


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_waits_for_the_interval_and_ends_do_not() -> None:
    clock = Clock()
    throttle = Throttle(3.0, 25.0, clock)
    assert throttle.allows(1, urgent=False)
    throttle.wrote(1)
    clock.now += 2.9
    assert not throttle.allows(1, urgent=False)
    assert throttle.allows(1, urgent=True)
    assert throttle.allows(2, urgent=False)
    clock.now += 0.2
    assert throttle.allows(1, urgent=False)


def test_a_chat_under_flood_control_gets_nothing_until_its_end() -> None:
    clock = Clock()
    throttle = Throttle(3.0, 25.0, clock)
    throttle.pause(1, 7)
    clock.now += 6.9
    assert not throttle.allows(1, urgent=True)
    assert throttle.allows(2, urgent=True)
    clock.now += 0.2
    assert throttle.allows(1, urgent=True)


def test_a_place_far_from_its_turn_is_shown_less_often_the_nearer_the_more() -> None:
    clock = Clock()
    throttle = Throttle(3.0, 25.0, clock)
    throttle.wrote(1)
    clock.now += 29
    assert throttle.allows(1, urgent=False, place=5)
    assert not throttle.allows(1, urgent=False, place=50)
    assert throttle.allows(1, urgent=False), "it is being drawn"
    throttle.forget_past()
    assert not throttle.allows(1, urgent=False, place=50)
    clock.now += 2
    assert throttle.allows(1, urgent=False, place=50)
    throttle.wrote(1)
    throttle.forget_writing()
    assert throttle.allows(1, urgent=False, place=50)


def test_calls_over_all_chats_are_spread_over_time() -> None:
    clock = Clock()
    throttle = Throttle(3.0, 5.0, clock)
    assert [throttle.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now += 0.4
    assert [throttle.take() for _ in range(3)] == [True] * 2 + [False]
    clock.now += 100
    assert [throttle.take() for _ in range(6)] == [True] * 5 + [False]


def test_less_than_one_call_a_second_is_possible() -> None:
    clock = Clock()
    throttle = Throttle(3.0, 0.5, clock)
    taken = 0
    for _ in range(10):
        taken += throttle.take()
        clock.now += 1
    assert 4 <= taken <= 6


def test_forgetting_the_past_forgets_nothing_that_still_holds() -> None:
    clock = Clock()
    throttle = Throttle(3.0, 5.0, clock)
    throttle.wrote(1)
    throttle.pause(2, 10)
    clock.now += 5
    throttle.forget_past()
    assert throttle.allows(1, urgent=False)
    assert not throttle.allows(2, urgent=True)


async def test_a_step_that_takes_long_is_repeated_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is the event loop's, and only the step and the pauses move it."""
    loop, woken, begun = asyncio.get_running_loop(), asyncio.Event(), list[float]()
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    async def step() -> None:
        begun.append(clock.now)
        clock.now += 0.001 if len(begun) < 3 else 0.2
        woken.set()
        if len(begun) == 5:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with suppress(asyncio.CancelledError):
        await repeat("steps", step, woken, tick_s=1.0)
    waits = [later - earlier for earlier, later in pairwise(begun)]
    assert waits == pytest.approx([STEP_PAUSE_S + 0.001] * 2 + [0.2 / STEP_SHARE] * 2)
