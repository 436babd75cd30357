"""Users who deleted everything, by pseudonym. Functions never commit."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.session import execute
from bot.db.tables import Departure

KEPT_DAYS = 180
"""The days for which pseudonyms are stored: deleting everything and inviting oneself again earns credits at most twice
a year."""


async def note(session: AsyncSession, digest: bytes, left_on: date, free_used: int) -> None:
    values = {"left_on": left_on, "free_used": free_used}
    statement = insert(Departure).values(digest=digest, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=[Departure.digest], set_=values))


async def find(session: AsyncSession, digest: bytes) -> Departure | None:
    return await session.scalar(select(Departure).where(Departure.digest == digest))


async def forget(session: AsyncSession, day: date) -> int:
    """Deletes rows older than KEPT_DAYS; returns how many."""
    return await execute(session, delete(Departure).where(Departure.left_on < day - timedelta(days=KEPT_DAYS)))
