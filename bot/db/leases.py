"""Expired leases: what a vanished worker held, and what the queue lost, goes back into the line or ends honestly.

A job or photo in the queue may simply wait behind a long batch. It counts as lost only when its lease is over and, on
top of that, a worker is idle although it should have found it, or something handed out later was taken already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db.tables import Job, Reference, Worker
from bot.domain import ATTEMPTS_MAX, JobState, ReferenceState
from engine.contract import Verdict

HANDOUTS_MAX = 3 * ATTEMPTS_MAX
WORKER_LOST = "worker_lost"
_TAKEN = (JobState.RUNNING, JobState.DONE, JobState.DELIVERED)


@dataclass
class Swept:
    """What a sweep found: jobs queued again, jobs failed for good, photos to examine again, photos given up."""

    requeued: list[UUID] = field(default_factory=list)
    failed: list[UUID] = field(default_factory=list)
    photos_requeued: list[UUID] = field(default_factory=list)
    photos_refused: list[UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.requeued or self.failed or self.photos_requeued or self.photos_refused)


async def sweep(session: AsyncSession, alive_s: float) -> Swept:
    """Take back what is lost. Call it only when heartbeats have been listened to for the length of a lease."""
    swept = Swept()
    expired = Job.lease_until < func.now()
    lost = _lost(Job.handed_at, alive_s)
    await _sweep_jobs(session, (Job.state == JobState.RUNNING) & expired, Job.attempts >= ATTEMPTS_MAX, swept)
    unbegun = (Job.state == JobState.QUEUED) & Job.handed_at.is_not(None) & expired & lost
    await _sweep_jobs(session, unbegun, Job.handouts >= HANDOUTS_MAX, swept)
    await _sweep_photos(session, alive_s, swept)
    return swept


async def _sweep_jobs(
    session: AsyncSession, condition: ColumnElement[bool], exhausted: ColumnElement[bool], swept: Swept
) -> None:
    statement = (
        update(Job)
        .where(condition)
        .values(
            state=case((exhausted, JobState.FAILED), else_=JobState.QUEUED),
            failure=case((exhausted, WORKER_LOST), else_=None),
            finished_at=case((exhausted, func.now()), else_=None),
            handed_at=None,
            lease_until=None,
            worker_id=None,
            step=0,
        )
        .returning(Job.id, Job.state)
    )
    for job_id, state in await session.execute(statement):
        (swept.failed if state == JobState.FAILED else swept.requeued).append(job_id)


async def _sweep_photos(session: AsyncSession, alive_s: float, swept: Swept) -> None:
    exhausted = Reference.attempts >= ATTEMPTS_MAX
    statement = (
        update(Reference)
        .where(
            Reference.state == ReferenceState.PENDING,
            Reference.lease_until < func.now(),
            _lost(Reference.handed_at, alive_s),
        )
        .values(
            state=case((exhausted, ReferenceState.REJECTED), else_=ReferenceState.PENDING),
            verdict=case((exhausted, Verdict.UNREADABLE), else_=None),
            handed_at=None,
            lease_until=None,
        )
        .returning(Reference.id, Reference.state)
    )
    for photo_id, state in await session.execute(statement):
        (swept.photos_refused if state == ReferenceState.REJECTED else swept.photos_requeued).append(photo_id)


def _lost(handed_at: Any, alive_s: float) -> ColumnElement[bool]:
    """Whether something handed to the queue at `handed_at` and not heard of since has been lost there."""
    idle_worker = exists().where(~Worker.busy, Worker.seen_at > func.now() - timedelta(seconds=alive_s))
    later_job, later_photo = aliased(Job), aliased(Reference)
    overtaken_by_job = exists().where(later_job.handed_at > handed_at, later_job.state.in_(_TAKEN))
    overtaken_by_photo = exists(
        select(later_photo.id).where(later_photo.handed_at > handed_at, later_photo.state != ReferenceState.PENDING)
    )
    return or_(idle_worker, overtaken_by_job, overtaken_by_photo)
