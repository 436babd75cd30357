"""Updates that are confirmed to Telegram and not finished. Functions never commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.service_tables import SpooledUpdate
from bot.db.session import seconds_from_now


async def add(session: AsyncSession, contents: Mapping[int, str], claim_s: float = 0.0) -> None:
    """Stores updates by update id, claimed for so many seconds. An update that is stored already changes nothing."""
    rows = [
        {"update_id": update_id, "content": content, "claimed_until": seconds_from_now(claim_s)}
        for update_id, content in contents.items()
    ]
    await session.execute(insert(SpooledUpdate).values(rows).on_conflict_do_nothing())


async def claim(session: AsyncSession, update_ids: Collection[int], claim_s: float) -> None:
    """Extends the claims on updates to so many seconds from now; 0 ends the claims."""
    statement = update(SpooledUpdate).where(SpooledUpdate.update_id.in_(update_ids))
    await session.execute(statement.values(claimed_until=seconds_from_now(claim_s)))


async def claim_abandoned(session: AsyncSession, claim_s: float, limit: int) -> list[str]:
    """Claims the updates that no process claims; returns them in the order of arrival."""
    abandoned = select(SpooledUpdate).where(SpooledUpdate.claimed_until <= func.now())
    abandoned = abandoned.order_by(SpooledUpdate.update_id).limit(limit).with_for_update(skip_locked=True)
    rows = list(await session.scalars(abandoned))
    await claim(session, [row.update_id for row in rows], claim_s)
    return [row.content for row in rows]


async def remove(session: AsyncSession, update_ids: Collection[int]) -> None:
    await session.execute(delete(SpooledUpdate).where(SpooledUpdate.update_id.in_(update_ids)))


async def contents(session: AsyncSession) -> list[str]:
    """The contents of the updates, in the order of arrival."""
    return list(await session.scalars(select(SpooledUpdate.content).order_by(SpooledUpdate.update_id)))
