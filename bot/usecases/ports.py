"""The interfaces that use cases need from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

DrawSeed = Callable[[], int]
"""A fresh seed for a picture, 0 <= seed < 2**63."""


class Signals(Protocol):
    """Signals to the dispatcher. Call either after the commit."""

    def wake(self) -> None:
        """The queue has changed: a job more, or one less."""

    async def cancelled(self, job_ids: Sequence[UUID]) -> None:
        """These jobs are cancelled: workers stop drawing them."""
