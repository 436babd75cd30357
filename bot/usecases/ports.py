"""The interfaces that use cases need from outside."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog

DrawSeed = Callable[[], int]
"""A fresh seed for a picture, 0 <= seed < 2**63."""
SEEDS = 2**32
"""Seeds are drawn below it: users type them, so they are shorter than the contract allows."""
Pseudonym = Callable[[int], bytes]
"""The code under which a user is recognised who deleted everything, see bot.credits.pseudonym_of."""


_log = structlog.get_logger(__name__)


def new_seed() -> int:
    return secrets.randbelow(SEEDS)


def log_queued(job_id: UUID) -> None:
    """Connects the update, which every record about it carries, with the job."""
    _log.info("a picture is queued", job=str(job_id))


class Signals(Protocol):
    """Signals to the dispatcher. Call either after the commit."""

    def wake(self) -> None:
        """The queue has changed: a job more, or one less."""

    async def cancelled(self, job_ids: Sequence[UUID]) -> None:
        """These jobs are cancelled: workers stop drawing them."""
