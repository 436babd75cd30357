"""Users as admins see them: ids, dates, states and sums, never a prompt or a picture. Functions never commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import access, apps, consents
from bot.db.admin_tables import AccessRule
from bot.db.apps import EndUserName
from bot.db.tables import Consent, CreditEntry, Job, Payment, Reference, User
from bot.domain import JobState, ReferenceState


@dataclass(frozen=True)
class Account:
    """One user as an admin sees them: ids, dates, states and sums."""

    user: User
    end_user: EndUserName | None
    """Of an app's end user."""
    rule: AccessRule | None
    today: int
    """The number of pictures of this day, in progress or delivered."""
    jobs: Mapping[JobState, int]
    refusals: Mapping[str, int]
    photos: int
    consents: Sequence[Consent]
    payments: int
    stars: int


@dataclass(frozen=True)
class JobLine:
    """A job without its content."""

    created_at: datetime
    style: str
    state: str
    failure: str | None


async def find(session: AsyncSession, user_id: int) -> Account | None:
    user = await session.get(User, user_id)
    if user is None:
        return None
    of_user = Job.user_id == user_id
    states = await session.execute(select(Job.state, func.count()).where(of_user).group_by(Job.state))
    reasons = await session.execute(
        select(Job.failure, func.count()).where(of_user, Job.failure.is_not(None)).group_by(Job.failure)
    )
    photos = select(func.count()).where(Reference.user_id == user_id, Reference.state == ReferenceState.ACCEPTED)
    paid = (Payment.user_id == user_id, Payment.refunded_at.is_(None))
    payments, stars = (
        await session.execute(select(func.count(), func.coalesce(func.sum(Payment.stars), 0)).where(*paid))
    ).one()
    return Account(
        user=user,
        end_user=(await apps.names(session, [user_id])).get(user_id),
        rule=await access.rule_of(session, user_id),
        today=await access.count_today(session, user_id),
        jobs={JobState(state): count for state, count in states},
        refusals={str(reason): count for reason, count in reasons},
        photos=await session.scalar(photos) or 0,
        consents=await consents.history(session, user_id),
        payments=payments,
        stars=int(stars),
    )


async def latest(session: AsyncSession, offset: int, limit: int) -> tuple[Sequence[User], int]:
    """Users by their last message, newest first, and the number of users."""
    statement = select(User).order_by(User.active_at.desc(), User.id).offset(offset).limit(limit)
    count = await session.scalar(select(func.count()).select_from(User)) or 0
    return (await session.scalars(statement)).all(), count


async def jobs(session: AsyncSession, user_id: int, offset: int, limit: int) -> tuple[list[JobLine], int]:
    """The user's jobs, newest first, and their number."""
    of_user = Job.user_id == user_id
    statement = select(Job.created_at, Job.style, Job.state, Job.failure).where(of_user)
    rows = await session.execute(statement.order_by(Job.created_at.desc(), Job.id).offset(offset).limit(limit))
    count = await session.scalar(select(func.count()).where(of_user)) or 0
    return [JobLine(*row) for row in rows], count


async def entries(session: AsyncSession, user_id: int, offset: int, limit: int) -> tuple[Sequence[CreditEntry], int]:
    """The user's ledger, newest first, and the number of entries."""
    of_user = CreditEntry.user_id == user_id
    statement = select(CreditEntry).where(of_user).order_by(CreditEntry.id.desc()).offset(offset).limit(limit)
    return (await session.scalars(statement)).all(), await session.scalar(select(func.count()).where(of_user)) or 0
