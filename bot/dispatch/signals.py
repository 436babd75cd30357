"""How the rest of the bot's process says that there is something to do, before the next tick would find it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID


class JobSignals:
    """Only haste, never truth: what is signalled stands in Postgres, and a lost signal costs one tick."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Event, bool] = {}
        self._withdrawn: set[UUID] = set()

    def wake(self) -> None:
        """Something was added or changed and is committed. Call it on the event loop."""
        for listener in self._listeners:
            listener.set()

    def repaint(self) -> None:
        """Only what users see has changed."""
        for listener, repaints in self._listeners.items():
            if repaints:
                listener.set()

    async def cancelled(self, job_ids: Sequence[UUID]) -> None:
        """These jobs' rows may be gone: workers are told from here."""
        self._withdrawn.update(job_ids)
        self.wake()

    def take_withdrawn(self) -> set[UUID]:
        """The jobs said to be cancelled since the last call."""
        withdrawn, self._withdrawn = self._withdrawn, set()
        return withdrawn

    def listen(self, *, repaints: bool = False) -> asyncio.Event:
        """An event set by every wake, and by every repaint if asked for; whoever listens clears it."""
        listener = asyncio.Event()
        self._listeners[listener] = repaints
        return listener

    def leave(self, listener: asyncio.Event) -> None:
        del self._listeners[listener]
