"""Signals to the dispatcher, so that it acts before its next tick."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID


class JobSignals:
    """Wakes the dispatcher. A signal has no data: the data are in Postgres, and a lost signal delays them by one
    tick."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Event, bool] = {}
        self._withdrawn: set[UUID] = set()

    def wake(self) -> None:
        """Reports that something was added or changed and is committed. Call it on the event loop."""
        for listener in self._listeners:
            listener.set()

    def repaint(self) -> None:
        """Reports that only status messages have changed."""
        for listener, repaints in self._listeners.items():
            if repaints:
                listener.set()

    async def cancelled(self, job_ids: Sequence[UUID]) -> None:
        """Requests the cancellation of these jobs at the workers; their rows may be deleted already."""
        self._withdrawn.update(job_ids)
        self.wake()

    def take_withdrawn(self) -> set[UUID]:
        """The jobs passed to `cancelled` since the last call."""
        withdrawn, self._withdrawn = self._withdrawn, set()
        return withdrawn

    def listen(self, *, repaints: bool = False) -> asyncio.Event:
        """An event that every wake sets, and with `repaints` every repaint; the listener clears it."""
        listener = asyncio.Event()
        self._listeners[listener] = repaints
        return listener

    def leave(self, listener: asyncio.Event) -> None:
        del self._listeners[listener]
