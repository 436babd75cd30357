"""The state of the service as a whole: one row, which an admin's command changes. Functions never commit."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.service_tables import Pause
from bot.db.session import execute


async def is_paused(session: AsyncSession) -> bool:
    """Whether an admin has paused the service: jobs and photos wait although workers are alive."""
    return await session.scalar(select(Pause.id)) is not None


async def pause(session: AsyncSession, user_id: int) -> bool:
    """Pauses the service; `False` when it was paused already."""
    row = {"id": 1, "paused_by": user_id, "paused_at": func.now()}
    return await execute(session, insert(Pause).values(row).on_conflict_do_nothing()) > 0


async def resume(session: AsyncSession) -> bool:
    """Ends the pause; `False` when there was none."""
    return await execute(session, delete(Pause)) > 0
