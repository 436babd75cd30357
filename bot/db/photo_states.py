"""The examination of a photo: every statement that changes a photo's state, lease or counters. Functions never commit.

A photo is PENDING until the first verdict; a second one changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Update, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.session import execute, id_of, seconds_from_now
from bot.db.tables import Reference
from bot.domain import ReferenceState
from engine.contract import Examination, Verdict

_PENDING = Reference.state == ReferenceState.PENDING
_WITHOUT_WORKER = {"handed_at": None, "lease_until": None}


def _change(*conditions: ColumnElement[bool]) -> Update:
    return update(Reference).where(_PENDING, *conditions)


async def next_photos(session: AsyncSession, limit: int) -> list[Reference]:
    """The photos next to be examined, oldest first, images loaded, rows locked."""
    statement = (
        select(Reference)
        .where(_PENDING, Reference.handed_at.is_(None))
        .order_by(Reference.created_at, Reference.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    photos = list(await session.scalars(statement))
    for photo in photos:
        await session.refresh(photo, ["image"])
    return photos


async def count_out(session: AsyncSession) -> int:
    """The number of photos that the broker and the workers hold."""
    return await session.scalar(select(func.count()).where(_PENDING, Reference.handed_at.is_not(None))) or 0


async def hand_out(session: AsyncSession, photo_ids: Sequence[UUID], lease_s: float) -> None:
    values = {"lease_until": seconds_from_now(lease_s), "attempts": Reference.attempts + 1}
    await session.execute(_change(Reference.id.in_(photo_ids)).values(handed_at=func.clock_timestamp(), **values))


async def take_back(session: AsyncSession, photo_ids: Sequence[UUID]) -> None:
    """The broker did not accept them: the handout does not count."""
    values = {**_WITHOUT_WORKER, "attempts": Reference.attempts - 1}
    await session.execute(_change(Reference.id.in_(photo_ids)).values(values))


async def decide(session: AsyncSession, report: Examination) -> bool:
    """Store the verdict; `False` when there is one already, or no such photo."""
    accepted = report.verdict == Verdict.ACCEPTED
    statement = _change(Reference.id == id_of(report.reference_id)).values(
        state=ReferenceState.ACCEPTED if accepted else ReferenceState.REJECTED,
        verdict=report.verdict,
        profile=report.profile if accepted else None,
        quality=report.quality if accepted else None,
        hints=" ".join(report.hints) if accepted and report.hints else None,
        boxes=[list(box) for box in report.boxes] or None,
        lease_until=None,
    )
    return await execute(session, statement) > 0


async def examine_again(session: AsyncSession, photo_id: UUID, person: list[float]) -> None:
    """A refused photo of several people waits again, for one of them; its answer will stand alone."""
    answered = {"album_id": None, "answer_message_id": None, "answered_at": None}
    statement = (
        update(Reference)
        .where(Reference.id == photo_id)
        .values(
            state=ReferenceState.PENDING,
            verdict=None,
            person=person,
            boxes=None,
            attempts=0,
            **_WITHOUT_WORKER,
            **answered,
        )
    )
    await session.execute(statement)


async def extend(session: AsyncSession, photo_ids: Collection[UUID], lease_s: float) -> set[UUID]:
    """A heartbeat names the photos that its worker holds; returns those that still need a verdict."""
    statement = _change(Reference.id.in_(photo_ids)).values(lease_until=seconds_from_now(lease_s))
    return set(await session.scalars(statement.returning(Reference.id)))


async def cap(session: AsyncSession, lease_s: float) -> None:
    """No lease ends later than `lease_s` from now."""
    late = Reference.lease_until > seconds_from_now(lease_s)
    await session.execute(_change(late).values(lease_until=seconds_from_now(lease_s)))


async def expire(
    session: AsyncSession, lost: ColumnElement[bool], exhausted: ColumnElement[bool]
) -> tuple[list[UUID], list[UUID]]:
    """Take back the photos that are `lost`: (those to examine again, those refused because `exhausted` too)."""
    values = {"state": ReferenceState.REJECTED, "verdict": Verdict.UNREADABLE, **_WITHOUT_WORKER}
    refused = list(await session.scalars(_change(lost, exhausted).values(values).returning(Reference.id)))
    again = _change(lost, ~exhausted).values(_WITHOUT_WORKER).returning(Reference.id)
    return list(await session.scalars(again)), refused
