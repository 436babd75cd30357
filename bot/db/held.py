"""Messages that came before their sender agreed to the terms. Functions never commit."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.session import execute
from bot.db.tables import HeldMessage

HELD_FOR = timedelta(days=7)


async def of_user(session: AsyncSession, user_id: int) -> list[HeldMessage]:
    """The user's held messages, in the order of arrival."""
    statement = select(HeldMessage).where(HeldMessage.user_id == user_id).order_by(HeldMessage.message_id)
    return list(await session.scalars(statement))


async def add(session: AsyncSession, message: HeldMessage) -> None:
    """Stores a message. A message that is stored already changes nothing."""
    values = {
        column.name: value
        for column in HeldMessage.__table__.columns
        if (value := getattr(message, column.name)) is not None
    }
    await session.execute(insert(HeldMessage).values(values).on_conflict_do_nothing())


async def remove(session: AsyncSession, user_id: int, message_id: int) -> None:
    of_message = (HeldMessage.user_id == user_id, HeldMessage.message_id == message_id)
    await session.execute(delete(HeldMessage).where(*of_message))


async def forget_old(session: AsyncSession) -> int:
    """Deletes messages older than HELD_FOR; returns how many."""
    return await execute(session, delete(HeldMessage).where(HeldMessage.created_at < func.now() - HELD_FOR))
