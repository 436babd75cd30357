"""The history of consents. Functions never commit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import Consent


async def add(session: AsyncSession, user_id: int, version: int, language: str) -> None:
    """A consent, given now to the terms of `version` as they were shown in `language`."""
    session.add(Consent(user_id=user_id, version=version, language=language))
    await session.flush()


async def history(session: AsyncSession, user_id: int) -> Sequence[Consent]:
    """The user's consents, oldest first."""
    return (await session.scalars(select(Consent).where(Consent.user_id == user_id).order_by(Consent.id))).all()
