"""The lease of the bot process that leads, by the clock of the database. Functions never commit."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.service_tables import LeaderLease
from bot.db.session import execute


async def take(session: AsyncSession, holder: UUID, lease_s: float) -> bool:
    """Takes the lease or extends it to `lease_s` from now; `False` while another process holds it.

    A lease that ends later than any process could have asked for is void: the database's clock was set back.
    """
    now, lease = func.clock_timestamp(), timedelta(seconds=lease_s)
    values = {"holder": holder, "until": now + lease}
    free = or_(LeaderLease.holder == holder, LeaderLease.until < now, LeaderLease.until > now + 2 * lease)
    statement = insert(LeaderLease).values(id=1, **values)
    return await execute(session, statement.on_conflict_do_update(index_elements=["id"], set_=values, where=free)) > 0


async def release(session: AsyncSession, holder: UUID) -> None:
    """Ends the lease, so that another process may lead at once."""
    await session.execute(delete(LeaderLease).where(LeaderLease.holder == holder))
