"""Figures per day (UTC) that the usage report has for a whole period only. Functions never commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.admin_tables import UsageCounter
from bot.db.tables import Payment, User
from bot.db.usage import ORIGIN

DAY = timedelta(days=1)


async def arrivals(session: AsyncSession, since: datetime) -> Counter[datetime]:
    """New users per day, including those who have deleted their data since."""
    start = func.date_bin(DAY, User.created_at, ORIGIN)
    rows = await session.execute(select(start, func.count()).where(User.created_at >= since).group_by(start))
    return Counter({day: int(count) for day, count in rows}) + await _counters(session, since, "funnel", "start")


async def rejected_photos(session: AsyncSession, since: datetime) -> Counter[datetime]:
    return await _counters(session, since, "photo")


async def refunds(session: AsyncSession, since: datetime) -> Counter[datetime]:
    """Refunded Stars, per day of the refund."""
    start = func.date_bin(DAY, Payment.refunded_at, ORIGIN)
    rows = await session.execute(
        select(start, func.sum(Payment.stars)).where(Payment.refunded_at >= since).group_by(start)
    )
    return Counter({day: int(stars) for day, stars in rows})


async def payments(session: AsyncSession) -> Sequence[Payment]:
    """All payments, oldest first."""
    return (await session.scalars(select(Payment).order_by(Payment.paid_at, Payment.charge_id))).all()


async def _counters(session: AsyncSession, since: datetime, name: str, label: str | None = None) -> Counter[datetime]:
    start = func.date_bin(DAY, UsageCounter.hour, ORIGIN)
    statement = select(start, func.sum(UsageCounter.count)).where(UsageCounter.hour >= since, UsageCounter.name == name)
    if label is not None:
        statement = statement.where(UsageCounter.label == label)
    return Counter({day: int(count) for day, count in await session.execute(statement.group_by(start))})
