"""The line: whose turn it is, handing jobs and photos to the queue, and taking them back.

Users come in turn: first every user's oldest job, the user who was served longest ago first, then every user's second.
Functions never commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Subquery, any_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.jobs import execute
from bot.db.tables import Job, Reference, User
from bot.domain import JobState, ReferenceState

IN_WORK = (JobState.QUEUED, JobState.RUNNING)


def _ranked(*, ready_only: bool) -> Subquery:
    """Every waiting job with its place, 1 for the next; `ready_only` leaves out those whose photos are unexamined."""
    waiting = (Job.state == JobState.QUEUED) & Job.handed_at.is_(None)
    if ready_only:
        waiting &= ~exists().where(Reference.id == any_(Job.reference_ids), Reference.state == ReferenceState.PENDING)
    turn = func.row_number().over(partition_by=Job.user_id, order_by=(Job.created_at, Job.id)).label("turn")
    rounds = (
        select(Job.id, Job.created_at, User.served_at, turn)
        .join(User, User.id == Job.user_id)
        .where(waiting)
        .subquery()
    )
    order = (rounds.c.turn, rounds.c.served_at.asc().nulls_first(), rounds.c.created_at, rounds.c.id)
    return select(rounds.c.id, func.row_number().over(order_by=order).label("place")).subquery()


async def next_in_line(session: AsyncSession, limit: int) -> list[Job]:
    """The next jobs in fair order, their rows locked; those that someone else holds are passed over."""
    ranked = _ranked(ready_only=True)
    first = list(await session.scalars(select(ranked.c.id).order_by(ranked.c.place).limit(limit)))
    if not first:
        return []
    statement = (
        select(Job)
        .where(Job.id.in_(first), Job.state == JobState.QUEUED, Job.handed_at.is_(None))
        .with_for_update(skip_locked=True)
    )
    jobs = {job.id: job for job in await session.scalars(statement)}
    return [jobs[job_id] for job_id in first if job_id in jobs]


async def places(session: AsyncSession) -> dict[UUID, int]:
    """The place of every waiting job, counted behind those already handed to the queue but not yet begun."""
    ranked = _ranked(ready_only=False)
    ahead = await session.scalar(select(func.count()).where(Job.state == JobState.QUEUED, Job.handed_at.is_not(None)))
    rows = await session.execute(select(ranked.c.id, ranked.c.place))
    return {job_id: (ahead or 0) + place for job_id, place in rows}


async def count_waiting(session: AsyncSession) -> int:
    """How many jobs are in the line, not counting those handed to the queue."""
    count = select(func.count()).where(Job.state == JobState.QUEUED, Job.handed_at.is_(None))
    return await session.scalar(count) or 0


async def count_batches_out(session: AsyncSession) -> int:
    """How many batches the queue and the workers hold."""
    count = select(func.count(Job.handed_at.distinct())).where(Job.state.in_(IN_WORK))
    return await session.scalar(count) or 0


async def hand_out(session: AsyncSession, jobs: Sequence[Job], lease_s: float) -> None:
    """One batch goes to the queue: its jobs share `handed_at`, and their users go to the end of the line."""
    moment = await session.scalar(select(func.clock_timestamp()))
    await session.execute(
        update(Job)
        .where(Job.id.in_([job.id for job in jobs]))
        .values(handed_at=moment, lease_until=_in(lease_s), handouts=Job.handouts + 1)
    )
    await session.execute(update(User).where(User.id.in_({job.user_id for job in jobs})).values(served_at=moment))


async def give_back(session: AsyncSession, job_ids: Sequence[UUID]) -> None:
    """The queue did not take them: as if they had never been handed out."""
    await session.execute(
        update(Job)
        .where(Job.id.in_(job_ids), Job.state == JobState.QUEUED)
        .values(handed_at=None, lease_until=None, handouts=Job.handouts - 1)
    )


async def take_withdrawn(session: AsyncSession) -> list[UUID]:
    """Cancelled jobs of which a worker or the queue may still hold something; each is given once."""
    statement = (
        update(Job)
        .where(Job.state == JobState.CANCELLED, Job.lease_until.is_not(None))
        .values(lease_until=None)
        .returning(Job.id)
    )
    return list(await session.scalars(statement))


async def next_photos(session: AsyncSession, limit: int) -> list[Reference]:
    """The photos next to be examined, oldest first, image loaded, rows locked."""
    statement = (
        select(Reference)
        .where(Reference.state == ReferenceState.PENDING, Reference.handed_at.is_(None))
        .order_by(Reference.created_at, Reference.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    photos = list(await session.scalars(statement))
    for photo in photos:
        await session.refresh(photo, ["image"])
    return photos


async def count_photos_out(session: AsyncSession) -> int:
    """How many photos the queue and the workers hold."""
    count = select(func.count()).where(Reference.state == ReferenceState.PENDING, Reference.handed_at.is_not(None))
    return await session.scalar(count) or 0


async def hand_out_photos(session: AsyncSession, photo_ids: Sequence[UUID], lease_s: float) -> None:
    await session.execute(
        update(Reference)
        .where(Reference.id.in_(photo_ids))
        .values(handed_at=func.clock_timestamp(), lease_until=_in(lease_s), attempts=Reference.attempts + 1)
    )


async def give_photos_back(session: AsyncSession, photo_ids: Sequence[UUID]) -> None:
    """The queue did not take them."""
    await session.execute(
        update(Reference)
        .where(Reference.id.in_(photo_ids), Reference.state == ReferenceState.PENDING)
        .values(handed_at=None, lease_until=None, attempts=Reference.attempts - 1)
    )


async def wanted(session: AsyncSession, job_id: UUID) -> bool:
    """Whether the job is still to be drawn."""
    return bool(await session.scalar(select(exists().where(Job.id == job_id, Job.state.in_(IN_WORK)))))


async def fail(session: AsyncSession, job_id: UUID, failure: str) -> bool:
    """End a job that cannot be drawn; `False` if it has ended already."""
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.state.in_(IN_WORK))
        .values(state=JobState.FAILED, failure=failure, finished_at=func.now(), handed_at=None, lease_until=None)
    )
    return await execute(session, statement) > 0


def _in(seconds: float) -> Any:
    return func.now() + timedelta(seconds=seconds)
