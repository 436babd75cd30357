"""The examination of a photo: every statement that changes a photo's state, lease or counters. Functions never commit.

A photo is PENDING until the first verdict; a second one changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Update, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import people, poses
from bot.db.session import execute, id_of, seconds_from_now
from bot.db.tables import Job, PosePhoto, Reference, User
from bot.domain import APP_USER_IDS_FROM, OTHER_PERSON, POSE_PHOTO, UNDRAWN_STATES, ReferenceState
from engine.contract import Examination, Verdict

_PENDING = Reference.state == ReferenceState.PENDING
_WITHOUT_WORKER = {"handed_at": None, "lease_until": None}


def _change(*conditions: ColumnElement[bool]) -> Update:
    return update(Reference).where(_PENDING, *conditions)


async def next_photos(session: AsyncSession, limit: int) -> list[Reference]:
    """The next photos to examine, oldest first, with their images; their rows are locked."""
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
    """Returns photos that the broker did not accept to the queue; this handout does not count."""
    values = {**_WITHOUT_WORKER, "attempts": Reference.attempts - 1}
    await session.execute(_change(Reference.id.in_(photo_ids)).values(values))


async def decide(session: AsyncSession, report: Examination) -> bool:
    """Stores the verdict; `False` when there is one already, or no such photo.

    An accepted photo that shows another person than the earlier photos becomes OTHER_PERSON, and its user is asked,
    except for an app's photo, whose user cannot answer. An accepted pose photo replaces the earlier one. After a
    refused pose photo the next photo still counts as a pose photo.
    """
    photo_id = id_of(report.reference_id)
    owner = select(Reference.user_id).where(_PENDING, Reference.id == photo_id)
    # the user first, as everywhere: two verdicts on a user's photos are stored one after the other
    user = await session.scalar(select(User).where(User.id == owner.scalar_subquery()).with_for_update())
    photo = await session.scalar(select(Reference).where(_PENDING, Reference.id == photo_id).with_for_update())
    if photo is None or user is None:
        return False
    accepted = report.verdict == Verdict.ACCEPTED
    if photo.for_pose:
        await _settle_pose(session, user, photo, accepted=accepted)
    stored = accepted and not photo.for_pose
    asks_owner = stored and user.id < APP_USER_IDS_FROM
    other = asks_owner and report.face is not None and await _shows_another(session, photo, report.face)
    statement = _change(Reference.id == photo_id).values(
        state=ReferenceState.ACCEPTED if stored and not other else ReferenceState.REJECTED,
        verdict=OTHER_PERSON if other else report.verdict,
        profile=report.profile if stored else None,
        quality=report.quality if stored else None,
        hints=" ".join(report.hints) if stored and report.hints else None,
        face=report.face if stored else None,
        boxes=[list(box) for box in report.boxes] or None,
        lease_until=None,
    )
    return await execute(session, statement) > 0


async def _shows_another(session: AsyncSession, photo: Reference, face: Sequence[float]) -> bool:
    """Whether a face differs from all faces on the accepted photos of the photo's person; see Examination.face."""
    person_id = photo.person_id or await people.current_id(session, photo.user_id)
    faces = await people.faces(session, photo.user_id, person_id)
    comparable = [other for other in faces if len(other) == len(face)]
    return bool(comparable) and min(math.dist(face, other) for other in comparable) > 1


async def _settle_pose(session: AsyncSession, user: User, photo: Reference, *, accepted: bool) -> None:
    if not accepted:
        user.pose_asked_at = func.now()
        return
    await session.refresh(photo, ["image"])
    new = PosePhoto(
        id=uuid4(), user_id=user.id, message_id=photo.message_id, album_id=photo.album_id, image=photo.image
    )
    await poses.replace(session, new)
    user.pose, user.pose_asked_at = POSE_PHOTO, None


async def examine_again(session: AsyncSession, photo_id: UUID, person: list[float]) -> None:
    """Queues a refused photo of several people again, for the chosen one of them; the new verdict gets an answer of its
    own."""
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
    """Extends the leases of the photos that a worker's heartbeat names; returns those that still need a verdict."""
    statement = _change(Reference.id.in_(photo_ids)).values(lease_until=seconds_from_now(lease_s))
    return set(await session.scalars(statement.returning(Reference.id)))


async def cap(session: AsyncSession, lease_s: float) -> None:
    """Limits every lease of a photo to `lease_s` from now."""
    late = Reference.lease_until > seconds_from_now(lease_s)
    await session.execute(_change(late).values(lease_until=seconds_from_now(lease_s)))


async def expire(
    session: AsyncSession, lost: ColumnElement[bool], exhausted: ColumnElement[bool]
) -> tuple[list[UUID], list[UUID]]:
    """Takes back the photos that are `lost`. Returns those to examine again, and those refused because they are
    `exhausted` too."""
    values = {"state": ReferenceState.REJECTED, "verdict": Verdict.UNREADABLE, **_WITHOUT_WORKER}
    refused = list(await session.scalars(_change(lost, exhausted).values(values).returning(Reference.id)))
    again = _change(lost, ~exhausted).values(_WITHOUT_WORKER).returning(Reference.id)
    return list(await session.scalars(again)), refused


async def accept_other(session: AsyncSession, photos: Sequence[Reference], person_id: UUID) -> None:
    """Accepts photos as photos of the person `person_id`; they get an answer of their own. Pictures of somebody else
    that waited for the verdicts on these photos are drawn without them."""
    for photo in photos:
        of_another = (
            Job.user_id == photo.user_id,
            Job.state.in_(UNDRAWN_STATES),
            Job.reference_ids.contains([photo.id]),
            Job.person_id.is_distinct_from(person_id),
        )
        without = func.array_remove(Job.reference_ids, photo.id)
        await session.execute(update(Job).where(*of_another).values(reference_ids=without))
    accepted = {"state": ReferenceState.ACCEPTED, "verdict": Verdict.ACCEPTED}
    values = {**accepted, "answered_at": None, "person_id": person_id, "cover_at": None}
    chosen = Reference.id.in_([photo.id for photo in photos])
    await session.execute(update(Reference).where(chosen).values(answer_message_id=None, **values))
