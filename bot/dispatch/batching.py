"""Groups the next jobs of the queue into batches. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.contract import Settings

BATCH_SIZE_MAX = 8 * 1024 * 1024
"""Bytes of photos. A message is 16/9 of it, base64 within base64, and has to be sent within the broker's timeout."""


@dataclass(frozen=True)
class QueuedJob:
    """One of the next jobs of the queue."""

    job_id: UUID
    user_id: int
    attempts: int
    settings: Settings
    photo_ids: tuple[UUID, ...] = ()
    """The references that are sent with it."""
    size: int = 0
    """Bytes of its photos."""


def plan_batches(
    queue: Sequence[QueuedJob], *, slots: int, batch_max: int, size_max: int = BATCH_SIZE_MAX
) -> list[list[QueuedJob]]:
    """At most `slots` batches from the front of the queue, in its order.

    While there are enough slots, each job has a batch of its own: that is fastest for each. Beyond that, jobs of
    different users with equal steps and guidance share a batch of at most `size_max` bytes. Alone in a batch are a
    larger job and a job with an earlier attempt: it may be the job that broke its batch.
    """
    if len(queue) <= slots:
        batch_max = 1
    batches: list[list[QueuedJob]] = []
    for job in queue:
        batch = next((batch for batch in batches if _fits(job, batch, batch_max, size_max)), None)
        if batch is not None:
            batch.append(job)
        elif len(batches) < slots:
            batches.append([job])
    return batches


def _fits(job: QueuedJob, batch: Sequence[QueuedJob], batch_max: int, size_max: int) -> bool:
    first = batch[0]
    return (
        len(batch) < batch_max
        and job.size + sum(other.size for other in batch) <= size_max
        and job.attempts == first.attempts == 0
        and job.settings.batch_key == first.settings.batch_key
        and all(job.user_id != other.user_id for other in batch)
    )
