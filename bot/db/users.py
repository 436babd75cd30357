"""Users: who talks to the bot, in which language, and what they agreed to. Functions never commit."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import User
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


async def remove(session: AsyncSession, user_id: int) -> None:
    """Delete the user and, by cascade, all that is theirs."""
    await session.execute(delete(User).where(User.id == user_id))
