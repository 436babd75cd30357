"""Use cases of the people whom a user has photos of: list, add, choose, name, delete, cover."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import people, users, workers
from bot.db.people import PersonSummary
from bot.db.session import Sessions
from bot.db.tables import Reference
from bot.domain import PEOPLE_MAX, PERSON_NAME_MAX, ReferenceState
from bot.errors import NoPhotos, OnePersonOnly, PersonGone, PersonNameRefused, TooManyPeople
from bot.prompts import one_line


async def _summary(session: AsyncSession, user_id: int, person_id: UUID) -> PersonSummary:
    """The summary of one person. Raises PersonGone."""
    for person in await people.summaries(session, user_id):
        if person.id == person_id:
            return person
    raise PersonGone


async def _current(session: AsyncSession, user_id: int) -> PersonSummary | None:
    return next((person for person in await people.summaries(session, user_id) if person.is_current), None)


async def add_person(session: AsyncSession, user_id: int) -> UUID:
    """Adds a person and makes it the current one; the user is locked. Raises TooManyPeople."""
    if len(await people.of_user(session, user_id)) >= PEOPLE_MAX:
        raise TooManyPeople(limit=PEOPLE_MAX)
    return (await people.add(session, user_id)).id


@dataclass(frozen=True)
class ListPeople:
    """Returns the user's people, oldest first; a user with photos has at least one person."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> list[PersonSummary]:
        async with self.sessions.begin() as session:
            listed = await people.summaries(session, user_id)
            usable = (ReferenceState.ACCEPTED, ReferenceState.PENDING)
            if not listed and await people.count_photos(session, user_id, None, *usable):
                await users.lock(session, user_id)
                await people.current(session, user_id)
                listed = await people.summaries(session, user_id)
            return listed


@dataclass(frozen=True)
class PersonPage:
    """A person with the cover, image loaded; `None` without an accepted photo. `together`: they can be drawn beside
    the current person."""

    person: PersonSummary
    cover: Reference | None
    together: bool


@dataclass(frozen=True)
class OpenPerson:
    """Returns the page of a person. Raises PersonGone."""

    sessions: Sessions
    alive_s: float

    async def __call__(self, user_id: int, person_id: UUID) -> PersonPage:
        async with self.sessions() as session:
            person = await _summary(session, user_id, person_id)
            current = await _current(session, user_id)
            both = not person.is_current and person.accepted > 0 and current is not None and current.accepted > 0
            together = both and await workers.all_draw_two(session, self.alive_s)
            return PersonPage(person, await people.cover(session, user_id, person_id), together)


@dataclass(frozen=True)
class AddPerson:
    """Adds a person and makes it the current one, whom new photos belong to. A person without name and photos is
    taken in its place, so that the same press twice adds one person. Raises TooManyPeople, UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> PersonSummary:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            await people.current(session, user_id)
            for person in await people.summaries(session, user_id):
                if not person.photos and person.name is None:
                    await people.choose(session, user_id, person.id)
                    return await _summary(session, user_id, person.id)
            return await _summary(session, user_id, await add_person(session, user_id))


@dataclass(frozen=True)
class ChooseCurrentPerson:
    """Draw this person from now on. Raises PersonGone, UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, person_id: UUID) -> PersonSummary:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            await _summary(session, user_id, person_id)
            await people.choose(session, user_id, person_id)
            return await _summary(session, user_id, person_id)


@dataclass(frozen=True)
class ChooseCompanion:
    """Draw this person at the right of the current one in the next picture; gives both, the current one first.

    Raises PersonGone, also for the current one, NoPhotos, OnePersonOnly, UnknownUser.
    """

    sessions: Sessions
    alive_s: float

    async def __call__(self, user_id: int, person_id: UUID) -> tuple[PersonSummary, PersonSummary]:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            person, current = await _summary(session, user_id, person_id), await _current(session, user_id)
            if current is None or person.is_current:
                raise PersonGone
            if not person.accepted or not current.accepted:
                raise NoPhotos
            if not await workers.all_draw_two(session, self.alive_s):
                raise OnePersonOnly
            user.companion_id = person_id
            await session.flush()
            return current, await _summary(session, user_id, person_id)

    async def drop(self, user_id: int, person_id: UUID) -> PersonSummary:
        """The next picture shows the current person alone; gives the one who was the second."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            if user.companion_id == person_id:
                user.companion_id = None
                await session.flush()
            return await _summary(session, user_id, person_id)


@dataclass(frozen=True)
class NamePerson:
    """A reply to the question for a name gives the person that name; `None`: the message asked for none.

    Raises PersonNameRefused, UnknownUser.
    """

    sessions: Sessions

    async def __call__(self, user_id: int, question_id: int, text: str) -> PersonSummary | None:
        name = one_line(text)
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            person = await people.by_question(session, user_id, question_id)
            if person is None:
                return None
            if not any(character.isalnum() for character in name) or len(name) > PERSON_NAME_MAX:
                raise PersonNameRefused(limit=PERSON_NAME_MAX)
            person.name = name
            await session.flush()
            return await _summary(session, user_id, person.id)

    async def is_asked(self, user_id: int, question_id: int) -> bool:
        async with self.sessions() as session:
            return await people.by_question(session, user_id, question_id) is not None

    async def ask(self, user_id: int, person_id: UUID, question_id: int) -> None:
        """The message `question_id` asks for the name. Raises PersonGone."""
        async with self.sessions.begin() as session:
            person = await people.get(session, user_id, person_id)
            if person is None:
                raise PersonGone
            person.question_id = question_id


@dataclass(frozen=True)
class RemovePerson:
    """Delete a person with all their photos; the person chosen before is the current one again. Returns whether the
    next picture was to show two people, which it does not now. Raises PersonGone, UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, person_id: UUID) -> bool:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            together = any(person.is_companion for person in await people.summaries(session, user_id))
            if await people.current_id(session, user_id) == person_id:
                user.companion_id = None  # chosen beside the one who goes
            if not await people.remove(session, user_id, person_id):
                raise PersonGone
            return together and not any(person.is_companion for person in await people.summaries(session, user_id))


@dataclass(frozen=True)
class SetCover:
    """Show a person by this photo; `False` when it is no longer stored."""

    sessions: Sessions

    async def __call__(self, user_id: int, reference_id: UUID) -> bool:
        async with self.sessions.begin() as session:
            return await people.set_cover(session, user_id, reference_id)


@dataclass(frozen=True)
class PeopleUseCases:
    """The use cases about people; `bot.app` builds them."""

    list: ListPeople
    open: OpenPerson
    add: AddPerson
    choose: ChooseCurrentPerson
    together: ChooseCompanion
    name: NamePerson
    remove: RemovePerson
    set_cover: SetCover


def build_people(sessions: Sessions, alive_s: float) -> PeopleUseCases:
    return PeopleUseCases(
        list=ListPeople(sessions),
        open=OpenPerson(sessions, alive_s),
        add=AddPerson(sessions),
        choose=ChooseCurrentPerson(sessions),
        together=ChooseCompanion(sessions, alive_s),
        name=NamePerson(sessions),
        remove=RemovePerson(sessions),
        set_cover=SetCover(sessions),
    )
