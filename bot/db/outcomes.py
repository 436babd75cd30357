"""What workers report, written down. Everything may come late or twice: whoever has ended stays as they ended.

Each function gives whether the report still mattered, and never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.jobs import execute
from bot.db.line import IN_WORK
from bot.db.tables import Job, Reference
from bot.domain import ATTEMPTS_MAX, JobState, ReferenceState
from engine.contract import Examination, Failure, FailureCode, Progress, Result, Started, Verdict


async def started(session: AsyncSession, report: Started, lease_s: float) -> bool:
    """A worker took the job in hand."""
    return await _in_hand(session, report, lease_s, worker_id=report.worker_id, told_prompt=report.prompt)


async def progressed(session: AsyncSession, report: Progress, lease_s: float) -> bool:
    """A step is done. Those of an attempt that has been given up are not shown."""
    return await _in_hand(session, report, lease_s, step=report.step, steps=report.steps)


async def _in_hand(session: AsyncSession, report: Started | Progress, lease_s: float, **facts: Any) -> bool:
    job_id = _uuid(report.job_id)
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.state.in_(IN_WORK), Job.attempts <= report.attempt)
        .values(
            state=JobState.RUNNING,
            attempts=report.attempt,
            handed_at=func.coalesce(Job.handed_at, func.now()),
            started_at=func.coalesce(Job.started_at, func.now()),
            lease_until=_in(lease_s),
            **facts,
        )
    )
    return await execute(session, statement) > 0


async def finished(session: AsyncSession, report: Result) -> bool:
    """The picture is there, whichever attempt made it. The first one counts."""
    statement = (
        update(Job)
        .where(Job.id == _uuid(report.job_id), Job.state.in_(IN_WORK))
        .values(
            state=JobState.DONE,
            result=report.image,
            backbone=report.backbone,
            seconds=report.seconds,
            worker_id=report.worker_id,
            started_at=func.coalesce(Job.started_at, func.now()),
            finished_at=func.now(),
            failure=None,
            lease_until=None,
        )
    )
    return await execute(session, statement) > 0


async def failed(session: AsyncSession, report: Failure) -> bool:
    """An attempt came to nothing: another one, if it may help and there is one left; else the job has failed.

    A CANCELLED of which we know nothing means that the worker gave the job up, so it is worth another attempt.
    """
    job = await session.scalar(select(Job).where(Job.id == _uuid(report.job_id)).with_for_update())
    if job is None or job.state not in IN_WORK or report.attempt < job.attempts:
        return False
    may_help = report.retry or report.code == FailureCode.CANCELLED
    if may_help and job.state == JobState.QUEUED and report.attempt == job.attempts:
        return False  # that attempt was given up before: the next one is in the line or in the queue
    job.attempts = report.attempt
    if may_help and job.attempts < ATTEMPTS_MAX:
        job.state = JobState.QUEUED
        job.handed_at = job.lease_until = job.worker_id = None
        job.step = 0
        return True
    job.state = JobState.FAILED
    job.failure = FailureCode.INTERNAL if report.code == FailureCode.CANCELLED else report.code
    job.finished_at = await session.scalar(select(func.now()))
    job.lease_until = None
    return True


async def examined(session: AsyncSession, report: Examination) -> bool:
    """A photo was looked at."""
    accepted = report.verdict == Verdict.ACCEPTED
    statement = (
        update(Reference)
        .where(Reference.id == _uuid(report.reference_id), Reference.state == ReferenceState.PENDING)
        .values(
            state=ReferenceState.ACCEPTED if accepted else ReferenceState.REJECTED,
            verdict=report.verdict,
            profile=report.profile if accepted else None,
            lease_until=None,
        )
    )
    return await execute(session, statement) > 0


async def extend(session: AsyncSession, held: Sequence[str], worker_id: str, lease_s: float) -> list[str]:
    """A worker says what it holds, jobs and photos: their leases go on. Gives what nobody wants from it any more."""
    ids = {job_id: text for text in held if (job_id := _uuid(text)) is not None}
    jobs = (
        update(Job)
        .where(Job.id.in_(ids), Job.state.in_(IN_WORK))
        .values(
            state=JobState.RUNNING,
            worker_id=worker_id,
            attempts=func.greatest(Job.attempts, 1),
            handed_at=func.coalesce(Job.handed_at, func.now()),
            started_at=func.coalesce(Job.started_at, func.now()),
            lease_until=_in(lease_s),
        )
        .returning(Job.id)
    )
    photos = (
        update(Reference)
        .where(Reference.id.in_(ids), Reference.state == ReferenceState.PENDING)
        .values(lease_until=_in(lease_s))
        .returning(Reference.id)
    )
    wanted = {*await session.scalars(jobs), *await session.scalars(photos)} if ids else set()
    return [text for job_id, text in ids.items() if job_id not in wanted]


def _uuid(text: str) -> UUID | None:
    """`None`, which equals no id, for what was never ours."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _in(seconds: float) -> Any:
    return func.now() + timedelta(seconds=seconds)
