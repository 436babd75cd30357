"""Timing in the dispatcher: repeated steps, the time since the last gap in heartbeats, the rate of Telegram calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil, inf

import structlog

from bot.db.session import is_outage
from bot.dispatch.broker import ABSENT

PAUSE_MAX_S = 10.0
STEP_PAUSE_S = 0.1
"""The time within which several wakes cause one step: a step queries all open jobs."""
STEP_SHARE = 0.25
"""The largest share of the time that one kind of step takes while wakes never stop: with more open jobs, steps become
rarer."""
PLACES_AT_FULL_PACE = 5
SLOWEST_PACE = 100
"""The largest factor on `interval_s`: place 500 waits 100 intervals, unless its turn comes nearer meanwhile."""
_log = structlog.get_logger(__name__)


async def repeat(name: str, step: Callable[[], Awaitable[None]], woken: asyncio.Event, tick_s: float) -> None:
    """Runs `step` until cancelled: at least once per `tick_s`, and when `woken`, after the pause that STEP_PAUSE_S and
    STEP_SHARE demand. After each failure in a row the pause doubles, and `woken` does not shorten it."""
    failures, now = 0, asyncio.get_running_loop().time
    while True:
        woken.clear()
        began = now()
        try:
            await step()
            failures = 0
        except Exception as error:  # an error of one step must not end the dispatcher
            failures += 1
            if is_outage(error) or isinstance(error, ABSENT):
                _log.warning("a server is away, trying again", loop=name, error=repr(error)[:300])
            else:
                _log.exception("a step failed", loop=name)
            await asyncio.sleep(min(tick_s * 2 ** min(failures - 1, 10), PAUSE_MAX_S))
            continue
        await asyncio.sleep(min(max(STEP_PAUSE_S, (now() - began) * (1 / STEP_SHARE - 1)), tick_s))
        try:
            async with asyncio.timeout(tick_s):
                await woken.wait()
        except TimeoutError:
            pass


class Listening:
    """Measures for how long heartbeats have come without a gap: silence after a gap does not mean that a worker is
    lost.

    The time begins when the backlog is read and ends with the connection. Two threads read and write it.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None

    def begin(self) -> None:
        if self._since is None:
            self._since = self._clock()

    def end(self) -> None:
        self._since = None

    @property
    def for_s(self) -> float:
        """Seconds without a gap; zero when not listening."""
        since = self._since
        return 0.0 if since is None else self._clock() - since


def expected_s(place: int, workers: int, drawing_s: float) -> int:
    """The time until the picture at `place` is ready, rounded up: to 10 s below two minutes, then to minutes."""
    seconds = ceil(place / max(workers, 1)) * drawing_s
    step = 10 if seconds <= 120 else 60
    return max(ceil(seconds / step), 1) * step


class Throttle:
    """Limits calls: progress at most every `interval_s` per chat, the place of a job that is far from its turn less
    often, `calls_per_s` over all chats, none under flood control."""

    def __init__(self, interval_s: float, calls_per_s: float, clock: Callable[[], float]) -> None:
        self._interval_s = interval_s
        self._rate = calls_per_s
        self._clock = clock
        self._allowance = calls_per_s
        self._filled_at = clock()
        self._written_at: dict[int, float] = {}
        self._silent_until: dict[int, float] = {}

    def allows(self, chat_id: int, *, urgent: bool, place: int | None = None) -> bool:
        """Whether a message may be written to the chat now. Urgent messages wait for flood control only. `place`: the
        place of a job that is not drawn yet, 1 for the next."""
        now = self._clock()
        if self._silent_until.get(chat_id, now) > now:
            return False
        interval_s = self._interval_s * min(max((place or 1) / PLACES_AT_FULL_PACE, 1), SLOWEST_PACE)
        return urgent or self._written_at.get(chat_id, -inf) + interval_s <= now

    def wrote(self, chat_id: int) -> None:
        """Records a message: the next progress in the chat waits `interval_s`."""
        self._written_at[chat_id] = self._clock()

    def forget_writing(self) -> None:
        """Records that all messages are out of date: the next progress of every chat waits for the overall rate
        only."""
        self._written_at.clear()

    def pause(self, chat_id: int, retry_after_s: float) -> None:
        """Records flood control: no call to the chat for `retry_after_s`."""
        self._silent_until[chat_id] = self._clock() + retry_after_s

    def take(self) -> bool:
        """Takes one call from the allowance, if there is one. At most the calls of one second accumulate."""
        now = self._clock()
        self._allowance = min(self._rate, self._allowance + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._allowance < 1 and self._allowance < self._rate:
            return False
        self._allowance -= 1
        return True

    def forget_past(self) -> None:
        """Deletes times that are over."""
        now = self._clock()
        for times, kept_s in ((self._written_at, SLOWEST_PACE * self._interval_s), (self._silent_until, 0)):
            for chat_id in [chat_id for chat_id, at in times.items() if at + kept_s <= now]:
                del times[chat_id]
