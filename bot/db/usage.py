"""Usage for operators: counts and times over a period, read in a few queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from bot.db import service, workers
from bot.db.tables import Job, User
from bot.domain import JobState

BUCKETS = {1: timedelta(hours=1), 7: timedelta(hours=6), 30: timedelta(days=1)}
"""The bar width of the chart by the period in days."""


@dataclass(frozen=True)
class Spread:
    """Median and 95th percentile, in seconds; `None` when nothing was measured."""

    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True)
class Bucket:
    """The jobs asked for in one stretch of the period, by how they ended; `open` are those that have not."""

    start: datetime
    delivered: int
    failed: int
    cancelled: int
    open: int


@dataclass(frozen=True)
class Usage:
    """The report. Jobs belong to the period in which they were asked for."""

    days: int
    users: int
    new_users: int
    active_users: int
    blocked_users: int
    jobs: Mapping[JobState, int]
    wait: Spread
    drawing: Spread
    styles: Sequence[tuple[str, int]]
    """Style names with their jobs, most used first."""
    workers_alive: int
    queued: int
    """Jobs waiting right now, whenever they were asked for."""
    running: int
    """Jobs in the hands of workers right now."""
    buckets: Sequence[Bucket]
    paused: bool = False

    @property
    def asked(self) -> int:
        return sum(self.jobs.values())

    @property
    def success_rate(self) -> float | None:
        """Delivered among those that ended well or badly; cancelled ones do not count."""
        good = self.jobs.get(JobState.DELIVERED, 0)
        ended = good + self.jobs.get(JobState.FAILED, 0)
        return good / ended if ended else None


async def report(session: AsyncSession, days: int, alive_s: float) -> Usage:
    """The usage of the last `days` days (a key of BUCKETS)."""
    since = func.now() - timedelta(days=days)
    recent = Job.created_at > since
    states = await session.execute(select(Job.state, func.count()).where(recent).group_by(Job.state))
    styles = await session.execute(
        select(Job.style, func.count()).where(recent).group_by(Job.style).order_by(func.count().desc(), Job.style)
    )
    waited = func.extract("epoch", Job.started_at - Job.created_at)
    return Usage(
        days=days,
        users=await _count(session, User.id.is_not(None)),
        new_users=await _count(session, User.created_at > since),
        active_users=await _count(session, User.active_at > since),
        blocked_users=await _count(session, User.blocked_at.is_not(None)),
        jobs={JobState(state): count for state, count in states},
        wait=await spread(session, waited, recent),
        drawing=await spread(session, Job.seconds, recent),
        styles=[(style, count) for style, count in styles],
        workers_alive=len(await workers.alive(session, alive_s)),
        queued=await _count_jobs(session, JobState.QUEUED),
        running=await _count_jobs(session, JobState.RUNNING),
        buckets=await _buckets(session, days),
        paused=await service.is_paused(session),
    )


async def _count_jobs(session: AsyncSession, state: JobState) -> int:
    return await session.scalar(select(func.count()).where(Job.state == state)) or 0


async def _count(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).select_from(User).where(condition)) or 0


async def spread(
    session: AsyncSession, seconds: ColumnElement[Any] | InstrumentedAttribute[Any], recent: ColumnElement[bool]
) -> Spread:
    """The percentiles of `seconds` over the jobs that meet `recent`."""
    percentiles = [func.percentile_cont(share).within_group(seconds) for share in (0.5, 0.95)]
    p50, p95 = (await session.execute(select(*percentiles).where(recent, seconds.is_not(None)))).one()
    return Spread(None if p50 is None else float(p50), None if p95 is None else float(p95))


async def _buckets(session: AsyncSession, days: int) -> list[Bucket]:
    """Every stretch of the period, empty ones included, oldest first; borders are those of whole stretches in UTC."""
    width = BUCKETS[days]
    origin = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    now = await session.scalar(select(func.now()))
    assert now is not None
    last = origin + (now - origin) // width * width
    first = last - (timedelta(days=days) // width - 1) * width
    start = func.date_bin(width, Job.created_at, origin)
    rows = await session.execute(
        select(start, Job.state, func.count()).where(Job.created_at >= first).group_by(start, Job.state)
    )
    counts = {(begin, JobState(state)): count for begin, state, count in rows}
    starts = [first + step * width for step in range(timedelta(days=days) // width)]
    return [_bucket(begin, counts) for begin in starts]


def _bucket(start: datetime, counts: Mapping[tuple[datetime, JobState], int]) -> Bucket:
    def of(*states: JobState) -> int:
        return sum(counts.get((start, state), 0) for state in states)

    return Bucket(
        start=start,
        delivered=of(JobState.DELIVERED),
        failed=of(JobState.FAILED),
        cancelled=of(JobState.CANCELLED),
        open=of(JobState.QUEUED, JobState.RUNNING, JobState.DONE),
    )
