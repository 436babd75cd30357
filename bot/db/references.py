"""The photos of a person and the answers about them. Functions never commit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import String, and_, case, cast, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.session import execute
from bot.db.tables import Reference
from bot.domain import APP_USER_IDS_FROM, OTHER_PERSON, ReferenceState

ALBUM_QUIET = timedelta(seconds=1)
"""An album has no end marker: it counts as complete when no photo of it has come for this time."""
ANSWER_GRACE = timedelta(seconds=2)
"""The time within which the id of the "checking" message is stored, so that the answer edits that message."""
REFUSED_KEPT = timedelta(minutes=10)
"""The time that the bare row (no image) of a refused photo is kept: the rest of its album is answered with it."""
CHOICE_KEPT = timedelta(hours=1)
"""How long a photo is kept for its sender to decide about it: of several people one, or another person's."""
OF_PERSON = ~Reference.for_pose
"""The photo is, or may become, one of a person's."""
_UNDECIDED = or_(Reference.boxes.is_not(None), func.coalesce(Reference.verdict, "") == OTHER_PERSON)


@dataclass(frozen=True)
class Group:
    """Photos that came together: an album, or one photo alone."""

    user_id: int
    chat_id: int
    album_id: str | None
    message_id: int
    """The earliest one's."""


async def count(session: AsyncSession, user_id: int, *states: ReferenceState) -> int:
    statement = select(func.count()).where(Reference.user_id == user_id, Reference.state.in_(states), OF_PERSON)
    return await session.scalar(statement) or 0


async def of_user(session: AsyncSession, user_id: int) -> list[Reference]:
    """All photos of the user without images, oldest first, including refused ones while their rows are stored."""
    statement = select(Reference).where(Reference.user_id == user_id)
    return list(await session.scalars(statement.order_by(Reference.created_at, Reference.id)))


async def image(session: AsyncSession, reference_id: UUID, user_id: int) -> bytes | None:
    """The image of the user's own photo; empty for a refused one."""
    of_user = (Reference.id == reference_id, Reference.user_id == user_id)
    return await session.scalar(select(Reference.image).where(*of_user))


async def counts(session: AsyncSession, user_ids: Collection[int]) -> dict[int, int]:
    """The number of accepted and unexamined photos by user; users without any are left out."""
    not_rejected = Reference.state != ReferenceState.REJECTED
    statement = select(Reference.user_id, func.count()).where(Reference.user_id.in_(user_ids), not_rejected, OF_PERSON)
    return {row[0]: row[1] for row in await session.execute(statement.group_by(Reference.user_id))}


AcceptedPhoto = tuple[bytes, bytes | None, list[float] | None]
"""Image, profile, and the box of the person who was chosen."""


async def accepted(session: AsyncSession, photo_ids: Collection[UUID]) -> dict[UUID, AcceptedPhoto]:
    """Those of the photos that are accepted and still stored."""
    statement = select(Reference.id, Reference.image, Reference.profile, Reference.person).where(
        Reference.id.in_(photo_ids), Reference.state == ReferenceState.ACCEPTED
    )
    return {photo_id: (image, profile, person) for photo_id, image, profile, person in await session.execute(statement)}


@dataclass(frozen=True)
class StoredPhoto:
    """The facts about an accepted photo that decide whether it is loaded."""

    size: int
    """Bytes of the image and the profile."""
    quality: float
    """0 to 1, see Reference; 0 where it is not known."""


async def stored(session: AsyncSession, photo_ids: Collection[UUID]) -> dict[UUID, StoredPhoto]:
    """Those of the photos that are accepted and still stored. Postgres reads no image for their lengths."""
    size = func.length(Reference.image) + func.coalesce(func.length(Reference.profile), 0)
    statement = select(Reference.id, size, func.coalesce(Reference.quality, 0.0)).where(
        Reference.id.in_(photo_ids), Reference.state == ReferenceState.ACCEPTED
    )
    return {row[0]: StoredPhoto(row[1], row[2]) for row in await session.execute(statement)}


async def by_message(session: AsyncSession, chat_id: int, message_id: int) -> Reference | None:
    """The photo that this message brought, if the message has been handled before."""
    statement = select(Reference).where(Reference.chat_id == chat_id, Reference.message_id == message_id)
    return await session.scalar(statement.limit(1))


async def by_image(session: AsyncSession, user_id: int, sha256: str) -> Reference | None:
    return await session.scalar(select(Reference).where(Reference.user_id == user_id, Reference.sha256 == sha256))


async def album_answer(session: AsyncSession, chat_id: int, album_id: str) -> int | None:
    """The message that answers this album, if one has been sent."""
    statement = select(func.max(Reference.answer_message_id))
    return await session.scalar(statement.where(Reference.chat_id == chat_id, Reference.album_id == album_id))


async def note_answer(session: AsyncSession, reference_id: UUID, answer_message_id: int) -> bool:
    """Stores the id of the message that will become the answer; `False` when the photo was answered meanwhile."""
    statement = update(Reference).where(Reference.id == reference_id, Reference.answered_at.is_(None))
    return await execute(session, statement.values(answer_message_id=answer_message_id)) > 0


async def remove(session: AsyncSession, reference_id: UUID, user_id: int) -> bool:
    """Deletes a user's own photo; `False` when there is none."""
    statement = delete(Reference).where(Reference.id == reference_id, Reference.user_id == user_id)
    return await execute(session, statement) > 0


async def person_of(session: AsyncSession, reference_id: UUID, user_id: int) -> UUID | None:
    """The person whom a user's own photo shows."""
    of_user = (Reference.id == reference_id, Reference.user_id == user_id)
    return await session.scalar(select(Reference.person_id).where(*of_user))


async def open_messages(session: AsyncSession, user_id: int) -> list[tuple[int, int]]:
    """The "looking at it" messages (chat, message) that have not become answers yet."""
    waiting = (Reference.user_id == user_id, Reference.answered_at.is_(None))
    statement = select(Reference.chat_id, Reference.answer_message_id).where(*waiting).distinct()
    return [(chat_id, message_id) for chat_id, message_id in await session.execute(statement) if message_id is not None]


async def answerable(session: AsyncSession) -> list[Group]:
    """Groups with a verdict that is not sent yet and without photos that are unexamined or still arriving; the longest
    waiting first. End users of apps get no messages."""
    group_name = func.coalesce(Reference.album_id, cast(Reference.message_id, String))
    unanswered = and_(Reference.answered_at.is_(None), Reference.user_id < APP_USER_IDS_FROM)
    pending = Reference.state == ReferenceState.PENDING
    settling = and_(
        unanswered,
        Reference.answer_message_id.is_(None),
        func.length(Reference.image) > 0,
        Reference.created_at > func.now() - ANSWER_GRACE,
    )
    arriving = and_(Reference.album_id.is_not(None), Reference.created_at > func.now() - ALBUM_QUIET)
    decided = select(Reference.chat_id, group_name).where(unanswered, Reference.state != ReferenceState.PENDING)
    statement = (
        select(Reference.user_id, Reference.chat_id, func.min(Reference.album_id), func.min(Reference.message_id))
        .where(tuple_(Reference.chat_id, group_name).in_(decided))
        .group_by(Reference.user_id, Reference.chat_id, group_name)
        .having(func.bool_or(unanswered), ~func.bool_or(or_(pending, settling, arriving)))
        .order_by(func.min(Reference.created_at))
    )
    return [Group(*row) for row in await session.execute(statement)]


async def members(session: AsyncSession, group: Group) -> list[Reference]:
    """The group's photos in the order in which they were sent, answered ones included."""
    statement = select(Reference).where(Reference.user_id == group.user_id, Reference.chat_id == group.chat_id)
    if group.album_id is None:
        statement = statement.where(Reference.album_id.is_(None), Reference.message_id == group.message_id)
    else:
        statement = statement.where(Reference.album_id == group.album_id)
    return list(await session.scalars(statement.order_by(Reference.message_id)))


async def mark_answered(session: AsyncSession, reference_ids: Sequence[UUID], answer_message_id: int | None) -> None:
    """Records that the user has the answer. Images of refused photos are deleted, unless the user may still decide
    about them."""
    chosen = and_(Reference.id.in_(reference_ids), Reference.state != ReferenceState.PENDING)
    statement = update(Reference).where(chosen)
    await session.execute(statement.values(answered_at=func.now(), answer_message_id=answer_message_id))
    refused = update(Reference).where(chosen, Reference.state == ReferenceState.REJECTED, ~_UNDECIDED)
    await session.execute(refused.values(image=b"", profile=None, face=None))


async def forget_refused(session: AsyncSession) -> None:
    """Deletes the rows of photos that were refused some time ago, and photos about which the user has not decided."""
    lifetime = case((_UNDECIDED, CHOICE_KEPT), else_=REFUSED_KEPT)
    refused = Reference.state == ReferenceState.REJECTED
    await session.execute(delete(Reference).where(refused, Reference.answered_at < func.now() - lifetime))


async def choosable(session: AsyncSession, reference_id: UUID, user_id: int) -> Reference | None:
    """A user's own photo of several people, of whom one can still be chosen; the row is locked."""
    statement = select(Reference).where(
        Reference.id == reference_id,
        Reference.user_id == user_id,
        Reference.state == ReferenceState.REJECTED,
        Reference.boxes.is_not(None),
    )
    return await session.scalar(statement.with_for_update())


async def of_others(session: AsyncSession, reference_id: UUID, user_id: int) -> list[Reference]:
    """A user's own photo of another person, with those of its album, in the order of sending; the rows are locked."""
    of_another = (Reference.user_id == user_id, Reference.verdict == OTHER_PERSON)
    photo = await session.scalar(select(Reference).where(Reference.id == reference_id, *of_another))
    if photo is None:
        return []
    together = Reference.id == photo.id
    if photo.album_id is not None:
        together = and_(Reference.chat_id == photo.chat_id, Reference.album_id == photo.album_id)
    statement = select(Reference).where(together, *of_another).order_by(Reference.message_id).with_for_update()
    return list(await session.scalars(statement))


async def is_pose_album(session: AsyncSession, chat_id: int, album_id: str) -> bool:
    """Whether a photo of the album has been taken for its pose."""
    taken = exists().where(Reference.chat_id == chat_id, Reference.album_id == album_id, Reference.for_pose)
    return bool(await session.scalar(select(taken)))
