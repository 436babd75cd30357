"""The audit log: entries are added with the act itself, in its transaction. Functions never commit."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.admin_acts import Act
from bot.db.admin_tables import AuditEntry


async def note(
    session: AsyncSession, admin_id: int, act: Act, *, user_id: int | None = None, subject: str | int | None = None
) -> None:
    """Adds an entry to the audit log. `subject` is a number or a name, never content."""
    session.add(
        AuditEntry(admin_id=admin_id, act=act, user_id=user_id, subject=None if subject is None else str(subject))
    )
    await session.flush()


async def note_of_app(session: AsyncSession, key_id: str, act: Act, *, subject: UUID | None = None) -> None:
    """Adds an act of an app by its key. Its end users have no Telegram ID, and the app's own names for them are not
    stored."""
    session.add(AuditEntry(key_id=key_id, act=act, subject=None if subject is None else str(subject)))
    await session.flush()


async def page(session: AsyncSession, offset: int, limit: int) -> Sequence[AuditEntry]:
    """Entries of the audit log, newest first."""
    return (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).offset(offset).limit(limit))).all()


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(AuditEntry)) or 0
