"""The update queue behind getUpdates: at-least-once delivery, confirmed by offset, one long poll at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from bot.local.botapi.errors import Conflict
from bot.local.botapi.records import JsonObject, Update

LIMIT_MAX = 100
TIMEOUT_MAX_S = 50
CONFLICT = "terminated by other getUpdates request; make sure that only one bot instance is running"


class UpdateQueue:
    """`forget` gets the ids of updates that an offset confirmed."""

    def __init__(self, undelivered: Iterable[Update], forget: Callable[[Iterable[int]], None]) -> None:
        self._pending = deque(sorted(undelivered, key=lambda update: update.id))
        self._forget = forget
        self._poll: asyncio.Future[None] | None = None
        self._closed = False
        self.changed = asyncio.Event()
        """Set when there may be something to post to a webhook; whoever posts clears it."""
        if self._pending:
            self.changed.set()

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, update: Update) -> None:
        self._pending.append(update)
        self.changed.set()
        self._wake()

    def first(self, count: int) -> list[Update]:
        """The oldest updates, which stay pending."""
        return list(self._pending)[:count]

    def remove(self, update_id: int) -> None:
        """A webhook took this one."""
        self._pending = deque(update for update in self._pending if update.id != update_id)
        self._forget([update_id])

    async def take(self, offset: int, limit: int, timeout_s: int) -> list[JsonObject]:
        """The answer to getUpdates. A newer poll ends an older one: the older raises Conflict, as on Telegram."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(Conflict(CONFLICT))
        self._confirm(offset)
        if not self._pending and timeout_s > 0 and not self._closed:
            await self._wait(min(timeout_s, TIMEOUT_MAX_S))
        limit = limit if 1 <= limit <= LIMIT_MAX else LIMIT_MAX
        return [{"update_id": update.id, update.type: update.body} for update in list(self._pending)[:limit]]

    def drop(self) -> None:
        self._forget([update.id for update in self._pending])
        self._pending.clear()

    def close(self) -> None:
        """Ends the waiting poll with an empty answer."""
        self._closed = True
        self._wake()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            waiting = list(self._pending)[offset:]
            offset = waiting[0].id if waiting else 0
        confirmed = [update.id for update in self._pending if update.id < offset]
        if confirmed:
            self._pending = deque(update for update in self._pending if update.id >= offset)
            self._forget(confirmed)

    async def _wait(self, timeout_s: float) -> None:
        poll = self._poll = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(poll, timeout_s)
        except TimeoutError:
            return
        finally:
            if self._poll is poll:
                self._poll = None

    def _wake(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
