"""Which of the jobs next in line go to the workers together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.contract import Settings


@dataclass(frozen=True)
class Waiting:
    """A job next in line."""

    job_id: UUID
    user_id: int
    attempts: int
    settings: Settings


def plan(line: Sequence[Waiting], *, slots: int, batch_max: int) -> list[list[Waiting]]:
    """At most `slots` batches off the front of the line, in its order.

    While there are slots enough for everyone, everyone goes alone: that is quickest for each. Beyond that, jobs of
    different users with equal steps and guidance share a slot. A job that was tried before goes alone: it may be what
    broke its batch.
    """
    if len(line) <= slots:
        batch_max = 1
    batches: list[list[Waiting]] = []
    for job in line:
        batch = next((batch for batch in batches if _fits(job, batch, batch_max)), None)
        if batch is not None:
            batch.append(job)
        elif len(batches) < slots:
            batches.append([job])
    return batches


def _fits(job: Waiting, batch: Sequence[Waiting], batch_max: int) -> bool:
    first = batch[0]
    return (
        len(batch) < batch_max
        and job.attempts == first.attempts == 0
        and job.settings.batch_key == first.settings.batch_key
        and all(job.user_id != other.user_id for other in batch)
    )
