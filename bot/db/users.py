"""Users: who talks to the bot, in which language, and what they agreed to. Functions never commit."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import apps, ledger
from bot.db.session import execute
from bot.db.tables import Job, User
from bot.domain import APP_USER_IDS_FROM, OPEN_STATES, RetentionTerms
from bot.errors import UnknownUser

_REACHABLE = (User.id < APP_USER_IDS_FROM, User.blocked_at.is_(None), User.consent_version.is_not(None))
"""Conditions on users to whom the bot may write: they agreed to the terms in the chat and have not blocked it."""


async def touch(session: AsyncSession, user_id: int, language: str) -> User:
    """Marks the user as active and not blocking the bot; returns the row, which is created if necessary (`language` is
    for a new one)."""
    statement = insert(User).values(id=user_id, language=language)
    statement = statement.on_conflict_do_update(
        index_elements=[User.id], set_={"active_at": func.now(), "blocked_at": None}
    )
    users = await session.scalars(statement.returning(User), execution_options={"populate_existing": True})
    return users.one()


async def lock(session: AsyncSession, user_id: int) -> User:
    """The user's row, locked until the end of the transaction. Raises UnknownUser."""
    user = await session.scalar(select(User).where(User.id == user_id).with_for_update())
    if user is None:
        raise UnknownUser
    return user


async def get(session: AsyncSession, user_id: int) -> User | None:
    return await session.get(User, user_id)


async def set_blocked(session: AsyncSession, user_id: int, blocked: bool) -> None:
    """Records that a user has blocked or unblocked the bot; no row is created for an unknown user."""
    when = func.now() if blocked else None
    await session.execute(update(User).where(User.id == user_id).values(blocked_at=when))


async def remove_inactive(session: AsyncSession, terms: RetentionTerms, limit: int) -> int:
    """Deletes up to `limit` users who have been inactive for as long as the terms say; returns how many. Kept are users
    with an open job, users with credits that do not expire (they may have paid for them), owners of apps in use, and
    users whose notice has not been sent, or was sent too recently."""
    chosen = select(User.id).where(*_inactive(terms.days))
    if terms.notice_days:
        ago = User.retention_notice_at <= func.now() - timedelta(days=terms.notice_days)
        chosen = chosen.where(or_(~and_(*_REACHABLE), and_(ago, User.retention_notice_at > User.active_at)))
    chosen = chosen.limit(limit).with_for_update(skip_locked=True)
    return await execute(session, delete(User).where(User.id.in_(chosen)))


async def take_retention_notice(session: AsyncSession, terms: RetentionTerms) -> User | None:
    """One of the users who are due to get the notice, marked as notified. Two callers never get the same user."""
    not_yet = or_(User.retention_notice_at.is_(None), User.retention_notice_at <= User.active_at)
    due = select(User.id).where(*_inactive(terms.days - terms.notice_days), *_REACHABLE, not_yet)
    first = due.order_by(User.active_at).limit(1).with_for_update(skip_locked=True)
    taken = update(User).where(User.id.in_(first)).values(retention_notice_at=func.clock_timestamp())
    return await session.scalar(taken.returning(User), execution_options={"populate_existing": True})


async def give_back_retention_notice(session: AsyncSession, user_id: int) -> None:
    """Removes the mark of a notice that was certainly not sent."""
    await session.execute(update(User).where(User.id == user_id).values(retention_notice_at=None))


def _inactive(days: int) -> list[ColumnElement[bool]]:
    """A condition on users: they have been inactive for so many days that retention deletes their data."""
    open_job = exists().where(Job.user_id == User.id, Job.state.in_(OPEN_STATES))
    silent = User.active_at < func.now() - timedelta(days=days)
    return [silent, ~open_job, ~ledger.lasting_credits(), ~apps.owns_an_app()]


async def remove(session: AsyncSession, user_id: int) -> None:
    """Deletes the user and, by cascade, all rows that belong to the user."""
    await session.execute(delete(User).where(User.id == user_id))
