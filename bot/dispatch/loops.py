"""Steps done again and again: when woken, at least once a tick, and whatever happened to the step before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.db.session import is_outage
from bot.dispatch.broker import ABSENT

PAUSE_MAX_S = 10.0
_log = structlog.get_logger(__name__)


async def repeat(name: str, step: Callable[[], Awaitable[None]], woken: asyncio.Event, tick_s: float) -> None:
    """Run `step` until cancelled. After a failure the pause grows, and nobody can shorten it."""
    failures = 0
    while True:
        woken.clear()
        try:
            await step()
            failures = 0
        except Exception as error:  # the edge of the loop: one bad step must not end the dispatcher
            failures += 1
            if is_outage(error) or isinstance(error, ABSENT):
                _log.warning("something is away, trying again", loop=name, error=repr(error)[:300])
            else:
                _log.exception("a step failed", loop=name)
            await asyncio.sleep(min(tick_s * 2 ** min(failures - 1, 10), PAUSE_MAX_S))
            continue
        try:
            async with asyncio.timeout(tick_s):
                await woken.wait()
        except TimeoutError:
            pass
