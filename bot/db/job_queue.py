"""The queue of jobs: the next jobs in fair order.

The order has rounds: the first round has the oldest job of every user, the second round their second oldest job, and so
on. In a round, the users who were served longest ago come first. Functions never commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Subquery, any_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import Job, Reference, User
from bot.domain import UNDRAWN_STATES, JobState, ReferenceState

MEASURED_MIN, MEASURED_MAX = 3, 20
MEASURED_WITHIN = timedelta(days=1)
"""The age and the number of the pictures from which the expected time is measured."""


def _ranked(*, ready_only: bool) -> Subquery:
    """Every waiting job with its place, 1 for the next. `ready_only` leaves out jobs whose photos are not examined
    yet."""
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


async def next_jobs(session: AsyncSession, limit: int) -> list[Job]:
    """The next jobs in fair order, with their rows locked; jobs that another transaction has locked are left out."""
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


async def lock(session: AsyncSession, job_ids: Sequence[UUID]) -> list[Job]:
    """Those of the jobs that still wait, in the given order. Their rows and their users are locked until the end of the
    transaction; rows that another transaction has locked are left out.

    Users are locked before jobs, as everywhere: a deletion locks the user, then the jobs.
    """
    owners = select(Job.user_id).where(Job.id.in_(job_ids))
    users = (
        select(User.id).where(User.id.in_(owners)).order_by(User.id).with_for_update(key_share=True, skip_locked=True)
    )
    statement = select(Job).where(
        Job.id.in_(job_ids),
        Job.user_id.in_(list(await session.scalars(users))),
        Job.state == JobState.QUEUED,
        Job.handed_at.is_(None),
    )
    jobs = {job.id: job for job in await session.scalars(statement.with_for_update(skip_locked=True))}
    return [jobs[job_id] for job_id in job_ids if job_id in jobs]


async def positions(session: AsyncSession) -> dict[UUID, int]:
    """The place of every waiting job, from 1, behind the jobs that are at the broker and not begun."""
    ranked = _ranked(ready_only=False)
    ahead = await session.scalar(select(func.count()).where(Job.state == JobState.QUEUED, Job.handed_at.is_not(None)))
    rows = await session.execute(select(ranked.c.id, ranked.c.place))
    return {job_id: (ahead or 0) + place for job_id, place in rows}


async def drawing_s(session: AsyncSession) -> float | None:
    """The median time from the start to the finish of the latest pictures; `None` before there are MEASURED_MIN."""
    drawn = (Job.state.in_((JobState.DONE, JobState.DELIVERED)), Job.created_at > func.now() - MEASURED_WITHIN)
    seconds = func.extract("epoch", Job.finished_at - Job.started_at).label("seconds")
    latest = select(seconds).where(*drawn).order_by(Job.created_at.desc()).limit(MEASURED_MAX).subquery()
    median = func.percentile_cont(0.5).within_group(latest.c.seconds)
    count, middle = (await session.execute(select(func.count(latest.c.seconds), median))).one()
    return None if count < MEASURED_MIN else float(middle)


async def count_batches_out(session: AsyncSession) -> int:
    """The number of batches that the broker and the workers hold."""
    count = select(func.count(Job.handed_at.distinct())).where(Job.state.in_(UNDRAWN_STATES))
    return await session.scalar(count) or 0


async def is_undrawn(session: AsyncSession, job_id: UUID) -> bool:
    """Whether the job is still to be drawn."""
    return bool(await session.scalar(select(exists().where(Job.id == job_id, Job.state.in_(UNDRAWN_STATES)))))
