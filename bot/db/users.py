"""Users: who talks to the bot, in which language, and what they agreed to. Functions never commit."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import apps, ledger
from bot.db.session import execute
from bot.db.tables import Job, User
from bot.domain import OPEN_STATES
from bot.errors import UnknownUser


async def touch(session: AsyncSession, user_id: int, language: str) -> User:
    """The user's row, made if need be (`language` is for a new one only); they are active and have not blocked us."""
    statement = insert(User).values(id=user_id, language=language)
    statement = statement.on_conflict_do_update(
        index_elements=[User.id], set_={"active_at": func.now(), "blocked_at": None}
    )
    users = await session.scalars(statement.returning(User), execution_options={"populate_existing": True})
    return users.one()


async def lock(session: AsyncSession, user_id: int) -> User:
    """The user's row, locked till the end of the transaction. Raises UnknownUser."""
    user = await session.scalar(select(User).where(User.id == user_id).with_for_update())
    if user is None:
        raise UnknownUser
    return user


async def get(session: AsyncSession, user_id: int) -> User | None:
    return await session.get(User, user_id)


async def set_blocked(session: AsyncSession, user_id: int, blocked: bool) -> None:
    """Note that a user has blocked the bot, or has let it in again; one who is not known stays so."""
    when = func.now() if blocked else None
    await session.execute(update(User).where(User.id == user_id).values(blocked_at=when))


async def remove_inactive(session: AsyncSession, days: int, limit: int) -> int:
    """Delete up to `limit` users without an update for `days` days; returns how many. Those with an open job stay,
    those with credits that no day limits (they may have paid for them), and owners of apps in use."""
    open_job = exists().where(Job.user_id == User.id, Job.state.in_(OPEN_STATES))
    inactive = select(User.id).where(User.active_at < func.now() - timedelta(days=days), ~open_job)
    chosen = (
        inactive.where(~ledger.lasting_credits(), ~apps.owns_an_app()).limit(limit).with_for_update(skip_locked=True)
    )
    return await execute(session, delete(User).where(User.id.in_(chosen)))


async def remove(session: AsyncSession, user_id: int) -> None:
    """Delete the user and, by cascade, all that is theirs."""
    await session.execute(delete(User).where(User.id == user_id))
