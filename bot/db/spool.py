"""Updates that are confirmed to Telegram and not finished. Functions never commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.service_tables import SpooledUpdate


async def add(session: AsyncSession, contents: Mapping[int, str]) -> None:
    """By update id; the same one a second time changes nothing."""
    rows = [{"update_id": update_id, "content": content} for update_id, content in contents.items()]
    await session.execute(insert(SpooledUpdate).values(rows).on_conflict_do_nothing())


async def remove(session: AsyncSession, update_ids: Collection[int]) -> None:
    await session.execute(delete(SpooledUpdate).where(SpooledUpdate.update_id.in_(update_ids)))


async def contents(session: AsyncSession) -> list[str]:
    """In the order in which they came."""
    return list(await session.scalars(select(SpooledUpdate.content).order_by(SpooledUpdate.update_id)))
