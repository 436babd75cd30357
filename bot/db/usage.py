"""Usage for operators: counts and times over a period, read in a few queries.

A figure is the sum of what the rows of users say and of the counters that deleted users left (`UsageCounter`). Waiting
and drawing times are percentiles, so they are of rows alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from bot.db import service, workers
from bot.db.admin_tables import UsageCounter
from bot.db.session import database_time
from bot.db.tables import Job, Payment, Reference, User
from bot.domain import REFUSALS, JobState, ReferenceState

BUCKETS = {1: timedelta(hours=1), 7: timedelta(hours=6), 30: timedelta(days=1)}
"""The bar width of the charts by the length of the period in days."""
ORIGIN = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
FUNNEL = ("start", "consent", "photo", "picture", "second")
"""The steps of a new user, in order: wrote, agreed, has an accepted photo, got a picture, got another one."""


@dataclass(frozen=True)
class Spread:
    """Median and 95th percentile, in seconds; `None` when nothing was measured."""

    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True)
class Bucket:
    """One bar of the charts. It counts the jobs requested in its stretch of time by their outcome (`open`: none yet),
    the Stars that were paid and not refunded, and the median waiting time of its jobs in seconds."""

    start: datetime
    delivered: int = 0
    failed: int = 0
    refused: int = 0
    cancelled: int = 0
    open: int = 0
    stars: int = 0
    wait_s: float | None = None

    @property
    def asked(self) -> int:
        return self.delivered + self.failed + self.refused + self.cancelled + self.open


@dataclass(frozen=True)
class Usage:
    """The usage report. A job belongs to the stretch of time in which it was requested."""

    days: int
    users: int
    new_users: int
    active_users: int
    blocked_users: int
    deleted_users: int
    """The users who deleted their data in the period."""
    refusals: Mapping[str, int]
    """Refused jobs by FailureCode."""
    failures: Mapping[str, int]
    """Failed jobs by FailureCode or a reason of bot.db.job_states; refused ones are not among them."""
    rejected_photos: Mapping[str, int]
    """Rejected photos by verdict."""
    funnel: Sequence[int]
    """How many of the users who came in the period reached each step of FUNNEL."""
    wait: Spread
    drawing: Spread
    drawing_s: float
    """The seconds for which workers drew, failed attempts included."""
    payments: int
    refunded_stars: int
    styles: Sequence[tuple[str, int]]
    """Style names with their jobs, most used first."""
    workers_alive: int
    queued: int
    """Jobs that wait at this moment, also those requested before the period."""
    running: int
    """Jobs that workers draw at this moment."""
    buckets: Sequence[Bucket]
    paused: bool = False

    def total(self, field: str) -> int:
        """The sum of a field of Bucket over all buckets."""
        return sum(getattr(bucket, field) for bucket in self.buckets)

    @property
    def success_rate(self) -> float | None:
        """The delivered jobs among those that were delivered or failed through a fault; refused and cancelled ones do
        not count."""
        good = self.total("delivered")
        ended = good + self.total("failed")
        return good / ended if ended else None

    @property
    def seconds_per_picture(self) -> float | None:
        """Worker seconds per delivered picture."""
        good = self.total("delivered")
        return self.drawing_s / good if good else None


async def report(session: AsyncSession, days: int, alive_s: float) -> Usage:
    """The usage of the last `days` days (a key of BUCKETS), beginning with a whole bucket."""
    width = BUCKETS[days]
    last = ORIGIN + (await database_time(session) - ORIGIN) // width * width
    since = last - (timedelta(days=days) // width - 1) * width
    starts = [since + step * width for step in range(timedelta(days=days) // width)]
    return await _report(session, days, starts, width, alive_s)


async def daily(session: AsyncSession, days: int, alive_s: float) -> Usage:
    """The usage in buckets of one day (UTC), for any number of days."""
    width = timedelta(days=1)
    last = ORIGIN + (await database_time(session) - ORIGIN) // width * width
    starts = [last - step * width for step in reversed(range(days))]
    return await _report(session, days, starts, width, alive_s)


async def _report(
    session: AsyncSession, days: int, starts: Sequence[datetime], width: timedelta, alive_s: float
) -> Usage:
    since = starts[0]
    recent = Job.created_at >= since
    counted = await _counted(session, since, width)
    jobs = await _jobs(session, since, width) + Counter(
        {(start, *_split(label)): count for (start, name, label), count in counted.items() if name == "job"}
    )
    by_failure = Counter[str]()
    for (_, state, failure), count in jobs.items():
        if state == JobState.FAILED:
            by_failure[failure] += count
    left = _labels(counted)
    return Usage(
        days=days,
        users=await _count(session, User.id.is_not(None)),
        new_users=await _count(session, User.created_at >= since) + left["funnel", "start"],
        active_users=await _count(session, User.active_at >= since),
        blocked_users=await _count(session, User.blocked_at.is_not(None)),
        deleted_users=left["departure", ""],
        refusals={code: count for code, count in by_failure.most_common() if code in REFUSALS},
        failures={code: count for code, count in by_failure.most_common() if code not in REFUSALS},
        rejected_photos=dict(
            Counter({label: count for (name, label), count in left.items() if name == "photo"}).most_common()
        ),
        funnel=[
            count + left["funnel", step] for step, count in zip(FUNNEL, await _funnel(session, since), strict=True)
        ],
        wait=await spread(session, _waited(), recent),
        drawing=await spread(session, Job.seconds, recent),
        drawing_s=float(await session.scalar(select(func.coalesce(func.sum(Job.seconds), 0.0)).where(recent)) or 0.0)
        + left["drawing_ms", ""] / 1000,
        payments=await session.scalar(select(func.count()).where(Payment.paid_at >= since)) or 0,
        refunded_stars=await session.scalar(
            select(func.coalesce(func.sum(Payment.stars), 0)).where(Payment.refunded_at >= since)
        )
        or 0,
        styles=await _styles(session, recent, left),
        workers_alive=len(await workers.alive(session, alive_s)),
        queued=await _count_jobs(session, JobState.QUEUED),
        running=await _count_jobs(session, JobState.RUNNING),
        buckets=_buckets(starts, jobs, await _stars(session, since, width), await _waits(session, since, width)),
        paused=await service.is_paused(session),
    )


JobCounts = Counter[tuple[datetime, str, str]]
"""(start of the stretch, state, failure) -> jobs."""


async def _jobs(session: AsyncSession, since: datetime, width: timedelta) -> JobCounts:
    start = func.date_bin(width, Job.created_at, ORIGIN)
    failure = func.coalesce(Job.failure, "")
    rows = await session.execute(
        select(start, Job.state, failure, func.count())
        .where(Job.created_at >= since)
        .group_by(start, Job.state, failure)
    )
    return Counter({(begin, state, reason): count for begin, state, reason, count in rows})


async def _counted(session: AsyncSession, since: datetime, width: timedelta) -> Mapping[tuple[datetime, str, str], int]:
    """(start of the bucket, name, label) -> the sum of the counters, which are not rows of jobs."""
    start = func.date_bin(width, UsageCounter.hour, ORIGIN)
    rows = await session.execute(
        select(start, UsageCounter.name, UsageCounter.label, func.sum(UsageCounter.count))
        .where(UsageCounter.hour >= since)
        .group_by(start, UsageCounter.name, UsageCounter.label)
    )
    return {(begin, name, label): int(count) for begin, name, label, count in rows}


def _labels(counted: Mapping[tuple[datetime, str, str], int]) -> Counter[tuple[str, str]]:
    sums = Counter[tuple[str, str]]()
    for (_, name, label), count in counted.items():
        sums[name, label] += count
    return sums


def _split(label: str) -> tuple[str, str]:
    state, _, failure = label.partition(":")
    return state, failure


async def _funnel(session: AsyncSession, since: datetime) -> list[int]:
    """The number of existing users who reached each step. A job proves that there was an accepted photo, which may be
    deleted by now."""
    delivered = (
        select(Job.user_id, func.count().label("pictures"))
        .where(Job.state == JobState.DELIVERED)
        .group_by(Job.user_id)
        .subquery()
    )
    accepted = (Reference.user_id == User.id) & (Reference.state == ReferenceState.ACCEPTED)
    photo = or_(select(Reference.id).where(accepted).exists(), select(Job.id).where(Job.user_id == User.id).exists())
    steps = (
        await session.execute(
            select(
                func.count(),
                func.count().filter(User.consent_version.is_not(None)),
                func.count().filter(photo),
                func.count().filter(delivered.c.pictures >= 1),
                func.count().filter(delivered.c.pictures >= 2),
            )
            .select_from(User)
            .outerjoin(delivered, delivered.c.user_id == User.id)
            .where(User.created_at >= since)
        )
    ).one()
    return list(steps)


async def _styles(
    session: AsyncSession, recent: ColumnElement[bool], left: Counter[tuple[str, str]]
) -> list[tuple[str, int]]:
    rows = await session.execute(select(Job.style, func.count()).where(recent).group_by(Job.style))
    used = Counter({style: int(count) for style, count in rows})
    used += Counter({label: count for (name, label), count in left.items() if name == "style"})
    return sorted(used.items(), key=lambda item: (-item[1], item[0]))


async def _stars(session: AsyncSession, since: datetime, width: timedelta) -> Mapping[datetime, int]:
    start = func.date_bin(width, Payment.paid_at, ORIGIN)
    paid = and_(Payment.paid_at >= since, Payment.refunded_at.is_(None))
    rows = await session.execute(select(start, func.sum(Payment.stars)).where(paid).group_by(start))
    return {begin: int(stars) for begin, stars in rows}


def _waited() -> ColumnElement[Any]:
    return func.extract("epoch", Job.started_at - Job.created_at)


async def _waits(session: AsyncSession, since: datetime, width: timedelta) -> Mapping[datetime, float]:
    start = func.date_bin(width, Job.created_at, ORIGIN)
    median = func.percentile_cont(0.5).within_group(_waited())
    rows = await session.execute(
        select(start, median).where(Job.created_at >= since, Job.started_at.is_not(None)).group_by(start)
    )
    return {begin: float(seconds) for begin, seconds in rows}


async def _count_jobs(session: AsyncSession, state: JobState) -> int:
    return await session.scalar(select(func.count()).where(Job.state == state)) or 0


async def _count(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).select_from(User).where(condition)) or 0


async def spread(
    session: AsyncSession, seconds: ColumnElement[Any] | InstrumentedAttribute[Any], recent: ColumnElement[bool]
) -> Spread:
    """The median and the 95th percentile of `seconds` over the jobs that meet `recent`."""
    percentiles = [func.percentile_cont(share).within_group(seconds) for share in (0.5, 0.95)]
    p50, p95 = (await session.execute(select(*percentiles).where(recent, seconds.is_not(None)))).one()
    return Spread(None if p50 is None else float(p50), None if p95 is None else float(p95))


def _buckets(
    starts: Sequence[datetime], jobs: JobCounts, stars: Mapping[datetime, int], waits: Mapping[datetime, float]
) -> list[Bucket]:
    """Every bucket of the period, empty ones included, oldest first; buckets begin at whole units of time in UTC."""
    fields: dict[datetime, Counter[str]] = {start: Counter() for start in starts}
    for (start, state, failure), count in jobs.items():
        if start in fields:  # else the clock was set back
            fields[start][_field(state, failure)] += count
    return [
        Bucket(start=start, stars=stars.get(start, 0), wait_s=waits.get(start), **fields[start]) for start in starts
    ]


def _field(state: str, failure: str) -> str:
    match JobState(state):
        case JobState.DELIVERED:
            return "delivered"
        case JobState.CANCELLED:
            return "cancelled"
        case JobState.FAILED:
            return "refused" if failure in REFUSALS else "failed"
        case _:
            return "open"
