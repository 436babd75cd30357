"""Reported pictures and appeals against refusals, for admins to decide. Functions never commit."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.admin_tables import ReviewCase
from bot.db.session import execute
from bot.db.tables import Job, Reference, User
from bot.domain import CaseKind, ReferenceState


@dataclass(frozen=True)
class CaseFile:
    """A case and everything about it that an admin may see."""

    case: ReviewCase
    job: Job
    language: str
    """The user's language."""


async def open_case(session: AsyncSession, job: Job, kind: CaseKind, reason: str) -> UUID | None:
    """Opens a case; `None` when the same case exists already."""
    values = {"job_id": job.id, "user_id": job.user_id, "kind": kind, "reason": reason}
    statement = insert(ReviewCase).values(values).on_conflict_do_nothing().returning(ReviewCase.id)
    return await session.scalar(statement)


async def count_open(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).where(ReviewCase.decided_at.is_(None))) or 0


async def next_open(session: AsyncSession, after: UUID | None = None) -> UUID | None:
    """The oldest open case, or the one that follows `after`; after the last one comes the first."""
    place = (ReviewCase.opened_at, ReviewCase.id)
    statement = select(ReviewCase.id).where(ReviewCase.decided_at.is_(None)).order_by(*place).limit(1)
    case = None if after is None else await session.get(ReviewCase, after)
    if case is not None:
        later = await session.scalar(statement.where(tuple_(*place) > tuple_(case.opened_at, case.id)))
        if later is not None:
            return later
    return await session.scalar(statement)


async def find(session: AsyncSession, case_id: UUID) -> CaseFile | None:
    """The case with its job and the user's language; `None` when the user has deleted everything."""
    statement = (
        select(ReviewCase, Job, User.language)
        .join(Job, Job.id == ReviewCase.job_id)
        .join(User, User.id == ReviewCase.user_id)
        .where(ReviewCase.id == case_id)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else CaseFile(*row)


async def photos(session: AsyncSession, job: Job) -> list[bytes]:
    """The stored photos of the job's people. Only an appeal against the refusal of a photo shows them."""
    drawn_from = [*job.reference_ids, *job.companion_reference_ids]
    reference_photos = (Reference.id.in_(drawn_from), Reference.state == ReferenceState.ACCEPTED)
    return list(await session.scalars(select(Reference.image).where(*reference_photos).order_by(Reference.created_at)))


async def decide(session: AsyncSession, case_id: UUID, *, upheld: bool) -> bool:
    """Stores the decision; `False` when there is one already."""
    statement = update(ReviewCase).where(ReviewCase.id == case_id, ReviewCase.decided_at.is_(None))
    return await execute(session, statement.values(decided_at=func.now(), upheld=upheld)) > 0
