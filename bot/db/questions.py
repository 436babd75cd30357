"""Open questions to admins, stored so that they survive a restart. Functions never commit."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.admin_acts import QuestionKind
from bot.db.admin_tables import AdminQuestion

QUESTIONS_MAX = 20
"""The number of open questions per admin; replies to older ones are ignored."""


async def ask(
    session: AsyncSession, admin_id: int, message_id: int, kind: QuestionKind, subject: int | None = None
) -> None:
    values = {"admin_id": admin_id, "message_id": message_id, "kind": kind, "subject": subject}
    await session.execute(insert(AdminQuestion).values(values).on_conflict_do_nothing())
    latest = select(AdminQuestion.message_id).where(AdminQuestion.admin_id == admin_id)
    latest = latest.order_by(AdminQuestion.message_id.desc()).limit(QUESTIONS_MAX)
    old = (AdminQuestion.admin_id == admin_id, AdminQuestion.message_id.not_in(latest))
    await session.execute(delete(AdminQuestion).where(*old))


async def find(session: AsyncSession, admin_id: int, message_id: int) -> AdminQuestion | None:
    return await session.get(AdminQuestion, (admin_id, message_id))
