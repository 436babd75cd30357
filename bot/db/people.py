"""The people whom a user has photos of. Functions never commit; those that change rows expect the user to be locked.

The person chosen last is the current one: new photos and pictures belong to them, and a companion chosen earlier no
longer applies. A bot of an earlier version stores photos without a person; they belong to the current person, and get
their person before a second one is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ScalarSelect, Uuid, delete, func, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, undefer

from bot.db.person_tables import Person
from bot.db.references import OF_PERSON
from bot.db.session import execute
from bot.db.tables import Reference, User
from bot.domain import ReferenceState


@dataclass(frozen=True)
class PersonSummary:
    """A person with a summary of their photos. `number` counts the user's people from 1, oldest first."""

    id: UUID
    number: int
    name: str | None
    is_current: bool
    is_companion: bool
    """Whether they are drawn beside the current person in the next picture."""
    accepted: int
    pending: int
    lacks: tuple[str, ...] = ()
    """Names of engine.contract.Hint that hold for every accepted photo."""

    @property
    def photos(self) -> int:
        return self.accepted + self.pending


async def of_user(session: AsyncSession, user_id: int) -> list[Person]:
    """The user's people, oldest first."""
    statement = select(Person).where(Person.user_id == user_id).order_by(Person.created_at, Person.id)
    return list(await session.scalars(statement))


def number_of(person: type[Person]) -> ScalarSelect[int]:
    """The place in `of_user`, from 1, of a person that the query around it selects."""
    other = aliased(Person)
    up_to = tuple_(other.created_at, other.id) <= tuple_(person.created_at, person.id)
    return select(func.count()).select_from(other).where(other.user_id == person.user_id, up_to).scalar_subquery()


async def get(session: AsyncSession, user_id: int, person_id: UUID) -> Person | None:
    """The user's own person."""
    return await session.scalar(select(Person).where(Person.id == person_id, Person.user_id == user_id))


async def current_id(session: AsyncSession, user_id: int) -> UUID | None:
    """The id of the current person, `None` for a user without people."""
    return await session.scalar(select(_current(user_id)))


def _current(user_id: int) -> ScalarSelect[UUID]:
    latest = select(Person.id).where(Person.user_id == user_id).order_by(Person.chosen_at.desc(), Person.id)
    return latest.limit(1).scalar_subquery()


async def current(session: AsyncSession, user_id: int) -> UUID:
    """The current person, created if there is none; photos without a person become theirs."""
    person_id = await current_id(session, user_id)
    if person_id is None:
        person_id = (await add(session, user_id)).id
    adopted = update(Reference).where(Reference.user_id == user_id, Reference.person_id.is_(None), OF_PERSON)
    await session.execute(adopted.values(person_id=person_id))
    return person_id


async def add(session: AsyncSession, user_id: int) -> Person:
    """Adds a person without a name, who becomes the current one."""
    person = Person(id=uuid4(), user_id=user_id, chosen_at=func.clock_timestamp(), created_at=func.clock_timestamp())
    session.add(person)
    await session.flush()
    await session.refresh(person)
    await session.execute(update(User).where(User.id == user_id).values(companion_id=None))
    return person


async def choose(session: AsyncSession, user_id: int, person_id: UUID) -> None:
    await session.execute(update(User).where(User.id == user_id).values(companion_id=None))
    await session.execute(update(Person).where(Person.id == person_id).values(chosen_at=func.clock_timestamp()))


async def remove(session: AsyncSession, user_id: int, person_id: UUID) -> bool:
    """Deletes a person with their photos; `False` when there is no such person."""
    return await execute(session, delete(Person).where(Person.id == person_id, Person.user_id == user_id)) > 0


async def by_question(session: AsyncSession, user_id: int, message_id: int) -> Person | None:
    """The person whose name this message of the bot asked for."""
    return await session.scalar(
        select(Person).where(Person.user_id == user_id, Person.question_id == message_id).limit(1)
    )


async def summaries(session: AsyncSession, user_id: int) -> list[PersonSummary]:
    """Summaries of the user's people, oldest first."""
    people, chosen = await of_user(session, user_id), await current_id(session, user_id)
    companion = await session.scalar(select(User.companion_id).where(User.id == user_id))
    rows = await session.execute(
        select(Reference.person_id, Reference.state, Reference.hints).where(
            Reference.user_id == user_id, Reference.state != ReferenceState.REJECTED, OF_PERSON
        )
    )
    photos: dict[UUID | None, list[tuple[str, str | None]]] = {}
    for person_id, state, hints in rows:
        photos.setdefault(person_id or chosen, []).append((state, hints))
    return [
        _summary(number, person, chosen, companion, photos.get(person.id, []))
        for number, person in enumerate(people, 1)
    ]


def _summary(
    number: int,
    person: Person,
    chosen: UUID | None,
    companion: UUID | None,
    photos: Sequence[tuple[str, str | None]],
) -> PersonSummary:
    accepted = [(hints or "").split() for state, hints in photos if state == ReferenceState.ACCEPTED]
    lacks = [hint for hint in accepted[0] if all(hint in others for others in accepted)] if accepted else []
    return PersonSummary(
        id=person.id,
        number=number,
        name=person.name,
        is_current=person.id == chosen,
        is_companion=person.id == companion != chosen,
        accepted=len(accepted),
        pending=len(photos) - len(accepted),
        lacks=tuple(lacks),
    )


def _photos_of(user_id: int, person_id: UUID | None, states: Sequence[ReferenceState]) -> list[ColumnElement[bool]]:
    """Conditions on photos: in these states, and of this person or without a person."""
    of_person = or_(Reference.person_id == person_id, Reference.person_id.is_(None))
    return [Reference.user_id == user_id, of_person, Reference.state.in_(states), OF_PERSON]


async def photo_ids(session: AsyncSession, user_id: int, person_id: UUID | None, *states: ReferenceState) -> list[UUID]:
    """The ids of the person's photos in these states, oldest first."""
    statement = select(Reference.id).where(*_photos_of(user_id, person_id, states))
    return list(await session.scalars(statement.order_by(Reference.created_at, Reference.message_id)))


@dataclass(frozen=True)
class PhotosAtHand:
    """The photos for the next picture of a user, oldest first. `person_id`: the person on them, if there is one."""

    person_id: UUID | None
    accepted: list[UUID]
    pending: list[UUID]
    pose_pending: bool
    """Whether a pose photo waits for its verdict."""


async def photos_at_hand(session: AsyncSession, user_id: int, person_id: UUID | None) -> PhotosAtHand:
    """The photos of the person, else of the current one. One round trip, because it delays every prompt."""
    whom = select((literal(person_id, Uuid()) if person_id else _current(user_id)).label("id")).subquery()
    usable = (ReferenceState.ACCEPTED, ReferenceState.PENDING)
    covers = OF_PERSON & Reference.state.in_(usable)
    covers &= or_(Reference.person_id == whom.c.id, Reference.person_id.is_(None))
    for_pose = Reference.for_pose & (Reference.state == ReferenceState.PENDING)
    statement = (
        select(whom.c.id, Reference.id, Reference.state, Reference.for_pose)
        .select_from(whom)
        .outerjoin(Reference, (Reference.user_id == user_id) & or_(covers, for_pose))
        .order_by(Reference.created_at, Reference.message_id)
    )
    rows = (await session.execute(statement)).all()
    photos = {state: [id_ for _, id_, is_in, pose in rows if is_in == state and not pose] for state in usable}
    return PhotosAtHand(
        rows[0][0], photos[ReferenceState.ACCEPTED], photos[ReferenceState.PENDING], any(row[3] for row in rows)
    )


async def count_photos(session: AsyncSession, user_id: int, person_id: UUID | None, *states: ReferenceState) -> int:
    statement = select(func.count()).where(*_photos_of(user_id, person_id, states))
    return await session.scalar(statement) or 0


async def photos(session: AsyncSession, user_id: int, person_id: UUID | None) -> list[Reference]:
    """The photos of a person that are not rejected, with their images, oldest first."""
    usable = (ReferenceState.ACCEPTED, ReferenceState.PENDING)
    statement = select(Reference).where(*_photos_of(user_id, person_id, usable)).options(undefer(Reference.image))
    return list(await session.scalars(statement.order_by(Reference.created_at, Reference.message_id)))


async def faces(session: AsyncSession, user_id: int, person_id: UUID | None) -> list[list[float]]:
    """The faces on the accepted photos of a person, as far as they have been described."""
    accepted = _photos_of(user_id, person_id, [ReferenceState.ACCEPTED])
    statement = select(Reference.face).where(*accepted, Reference.face.is_not(None))
    return [face for face in await session.scalars(statement) if face is not None]


async def remove_accepted(session: AsyncSession, user_id: int, person_id: UUID | None) -> None:
    """Deletes the accepted photos of a person."""
    await session.execute(delete(Reference).where(*_photos_of(user_id, person_id, [ReferenceState.ACCEPTED])))


async def cover(session: AsyncSession, user_id: int, person_id: UUID) -> Reference | None:
    """The accepted photo that was chosen last as the cover, else the one of the best quality, with its image."""
    statement = (
        select(Reference)
        .where(*_photos_of(user_id, person_id, [ReferenceState.ACCEPTED]))
        .order_by(Reference.cover_at.desc().nulls_last(), Reference.quality.desc().nulls_last(), Reference.created_at)
        .limit(1)
    )
    return await session.scalar(statement.options(undefer(Reference.image)))


async def set_cover(session: AsyncSession, user_id: int, reference_id: UUID) -> bool:
    """Makes a photo the cover of its person; `False` when there is no such photo."""
    of_user = (Reference.id == reference_id, Reference.user_id == user_id)
    return await execute(session, update(Reference).where(*of_user).values(cover_at=func.clock_timestamp())) > 0
