"""Events for the person's side: the chat page streams them, `Person` waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from bot.local.botapi.records import JsonObject


class EventHub:
    """Passes every published event to every open stream, and wakes all waiting calls."""

    def __init__(self) -> None:
        self._streams: set[asyncio.Queue[JsonObject | None]] = set()
        self._changed = asyncio.Event()
        self._closed = False

    def publish(self, event: JsonObject) -> None:
        for stream in self._streams:
            stream.put_nowait(event)
        self._notify()

    async def stream(self, heartbeat_s: float) -> AsyncIterator[JsonObject | None]:
        """Events from now on; None when nothing happened for `heartbeat_s`. Ends when the hub closes."""
        queue: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        self._streams.add(queue)
        try:
            while not self._closed:
                try:
                    event = await asyncio.wait_for(queue.get(), heartbeat_s)
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                yield event
        finally:
            self._streams.discard(queue)

    async def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Returns as soon as `ready` holds, after `timeout_s`, or when the hub closes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not ready() and not self._closed:
                    await self._changed.wait()

    def close(self) -> None:
        self._closed = True
        for stream in self._streams:
            stream.put_nowait(None)
        self._notify()

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
