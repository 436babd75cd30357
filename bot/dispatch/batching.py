"""Groups the next jobs of the queue into batches. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.contract import Settings


@dataclass(frozen=True)
class QueuedJob:
    """One of the next jobs of the queue."""

    job_id: UUID
    user_id: int
    attempts: int
    settings: Settings


def plan_batches(queue: Sequence[QueuedJob], *, slots: int, batch_max: int) -> list[list[QueuedJob]]:
    """At most `slots` batches from the front of the queue, in its order.

    While there are enough slots, each job has a batch of its own: that is fastest for each. Beyond that, jobs of
    different users with equal steps and guidance share a batch. A job with an earlier attempt is alone: it may be the
    job that broke its batch.
    """
    if len(queue) <= slots:
        batch_max = 1
    batches: list[list[QueuedJob]] = []
    for job in queue:
        batch = next((batch for batch in batches if _fits(job, batch, batch_max)), None)
        if batch is not None:
            batch.append(job)
        elif len(batches) < slots:
            batches.append([job])
    return batches


def _fits(job: QueuedJob, batch: Sequence[QueuedJob], batch_max: int) -> bool:
    first = batch[0]
    return (
        len(batch) < batch_max
        and job.attempts == first.attempts == 0
        and job.settings.batch_key == first.settings.batch_key
        and all(job.user_id != other.user_id for other in batch)
    )
