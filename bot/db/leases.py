"""Leases: a heartbeat extends them; jobs of a lost worker and tasks lost by the broker are requeued when they expire.

A job or photo at the broker may simply wait behind a long batch. It counts as lost only when its lease is over and, on
top of that, a worker is idle although it should have found it, or something handed out later was taken already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db import job_states, photo_states, workers
from bot.db.job_states import HANDOUTS_MAX
from bot.db.service_tables import Worker
from bot.db.session import id_of
from bot.db.tables import Job, Reference
from bot.domain import ATTEMPTS_MAX, JobState, ReferenceState

_TAKEN = (JobState.RUNNING, JobState.DONE, JobState.DELIVERED)


@dataclass
class SweepResult:
    """The result of a sweep: jobs queued again, jobs failed for good, photos to examine again, photos given up."""

    requeued: list[UUID] = field(default_factory=list)
    failed: list[UUID] = field(default_factory=list)
    photos_requeued: list[UUID] = field(default_factory=list)
    photos_refused: list[UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.requeued or self.failed or self.photos_requeued or self.photos_refused)


async def extend(session: AsyncSession, names: Sequence[str], worker_id: str, lease_s: float) -> list[str]:
    """Extends the leases of the jobs and photos that a worker's heartbeat names; returns those that have ended."""
    ids = {item_id: name for name in names if (item_id := id_of(name)) is not None}
    if not ids:
        return []
    jobs = await job_states.extend(session, ids, worker_id, lease_s)
    photos = await photo_states.extend(session, ids, lease_s)
    return [name for item_id, name in ids.items() if item_id not in jobs | photos]


async def cap(session: AsyncSession, lease_s: float) -> None:
    """Shortens leases that end later than `lease_s`, the longest lease, from now: the database's clock was set back. A
    living worker extends them again."""
    await job_states.cap(session, lease_s)
    await photo_states.cap(session, lease_s)


async def sweep(session: AsyncSession, alive_s: float) -> SweepResult:
    """Takes back lost jobs and photos. Call it only after listening for heartbeats for the length of a lease."""
    running = (Job.state == JobState.RUNNING) & (Job.lease_until < func.now())
    requeued, failed = await job_states.expire(session, running, Job.attempts >= ATTEMPTS_MAX)
    waiting = (Job.state == JobState.QUEUED) & _lost(Job.handed_at, Job.lease_until, alive_s)
    requeued_too, failed_too = await job_states.expire(session, waiting, Job.handouts >= HANDOUTS_MAX)
    lost_photo = _lost(Reference.handed_at, Reference.lease_until, alive_s)
    photos = await photo_states.expire(session, lost_photo, Reference.attempts >= ATTEMPTS_MAX)
    return SweepResult([*requeued, *requeued_too], [*failed, *failed_too], *photos)


def _lost(handed_at: Any, lease_until: Any, alive_s: float) -> ColumnElement[bool]:
    """A condition: what was handed to the broker at `handed_at` and not reported on since has been lost there."""
    idle_worker = exists().where(~Worker.busy, workers.is_alive(alive_s))
    later_job, later_photo = aliased(Job), aliased(Reference)
    overtaken_by_job = exists().where(later_job.handed_at > handed_at, later_job.state.in_(_TAKEN))
    overtaken_by_photo = exists(
        select(later_photo.id).where(later_photo.handed_at > handed_at, later_photo.state != ReferenceState.PENDING)
    )
    unheard = or_(idle_worker, overtaken_by_job, overtaken_by_photo)
    return and_(handed_at.is_not(None), lease_until < func.now(), unheard)
