"""Use cases of a user's account: first message, consent, choice of language and style, deletion."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from bot.credits import CreditTerms
from bot.db import access, consents, departures, image_prompts, jobs, ledger, people, poses, references, users
from bot.db.session import Sessions, database_time
from bot.db.tables import User
from bot.domain import CONSENT_VERSION, LANGUAGES, ReferenceState, Stage, stage_of
from bot.usecases.ports import Pseudonym, Signals


@dataclass(frozen=True)
class MeetUser:
    """A message of the user: returns their row, created in `language` for a new user. The rule that an admin made
    about a new user who had deleted everything holds again."""

    sessions: Sessions
    pseudonym: Pseudonym

    async def __call__(self, user_id: int, language: str) -> User:
        async with self.sessions.begin() as session:
            user = await users.touch(session, user_id, language)
            if user.consent_version is None:
                await access.recognise(session, user_id, self.pseudonym(user_id))
            return user


@dataclass(frozen=True)
class NoteBlocked:
    """The user has blocked the bot, or has let it in again."""

    sessions: Sessions

    async def __call__(self, user_id: int, blocked: bool) -> None:
        async with self.sessions.begin() as session:
            await users.set_blocked(session, user_id, blocked)


@dataclass(frozen=True)
class GiveConsent:
    """Agree to one version of the terms; `False` when that is not the version in force. Raises UnknownUser.

    A consent is stored once in the user's history, however often the button is pressed.
    """

    sessions: Sessions

    async def __call__(self, user_id: int, version: int) -> bool:
        if version != CONSENT_VERSION:
            return False
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            if user.consent_version != version:
                user.consent_version = version
                user.consent_at = await database_time(session)
                await consents.add(session, user_id, version, user.language)
        return True


@dataclass(frozen=True)
class ChooseLanguage:
    """Sets the user's language. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, language: str) -> None:
        async with self.sessions.begin() as session:
            (await users.lock(session, user_id)).language = language


@dataclass(frozen=True)
class FindLanguage:
    """The language to speak with a user; the default one for those who never wrote."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> str:
        async with self.sessions() as session:
            user = await users.get(session, user_id)
            return LANGUAGES[0] if user is None else user.language


@dataclass(frozen=True)
class FindUser:
    """Returns the user; `None` for one who never wrote, or deleted everything."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> User | None:
        async with self.sessions() as session:
            return await users.get(session, user_id)


@dataclass(frozen=True)
class ChooseStyle:
    """The style of the future pictures. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, style: str) -> None:
        async with self.sessions.begin() as session:
            (await users.lock(session, user_id)).style = style


@dataclass(frozen=True)
class FindStage:
    """The next question to the user."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> tuple[Stage, str | None]:
        """The stage and the style chosen."""
        async with self.sessions() as session:
            user = await users.get(session, user_id)
            if user is None:
                return Stage.CONSENT, None
            person_id = await people.current_id(session, user_id)
            accepted = await people.count_photos(session, user_id, person_id, ReferenceState.ACCEPTED)
            return stage_of(user.consent_version, accepted, user.style), user.style


@dataclass(frozen=True)
class Holdings:
    """The amounts of data stored about a user."""

    photos: int
    pictures: int
    pose_photo: bool
    image_prompt: bool
    original_days: int
    """The time for which a PNG is stored for a user who does not request it."""


@dataclass(frozen=True)
class CountHoldings:
    sessions: Sessions
    original_days: int

    async def __call__(self, user_id: int) -> Holdings:
        async with self.sessions() as session:
            photos = await references.count(session, user_id, ReferenceState.ACCEPTED, ReferenceState.PENDING)
            pictures = await jobs.count(session, user_id)
            pose_photo = await poses.of_user(session, user_id) is not None
            image_prompt = await image_prompts.of_user(session, user_id) is not None
            return Holdings(photos, pictures, pose_photo, image_prompt, self.original_days)


@dataclass(frozen=True)
class DeleteEverything:
    """Delete every row of a user and cancel the jobs that are drawn for them. Raises UnknownUser.

    Returns the messages (chat, message) about work in progress, which nothing edits from now on, and those of pictures
    in groups, where the user cannot delete them.
    """

    sessions: Sessions
    signals: Signals
    credit_terms: CreditTerms | None = None

    async def __call__(self, user_id: int) -> list[tuple[int, int]]:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            open_jobs = await jobs.open_jobs(session, user_id)
            posted = await jobs.posted_in_groups(session, user_id)
            looking_at = await references.open_messages(session, user_id)
            if self.credit_terms is not None:
                await _note_departure(session, user_id, self.credit_terms)
            await users.remove(session, user_id)
        if open_jobs:
            await self.signals.cancelled([job.job_id for job in open_jobs])
        statuses = [(job.chat_id, message_id) for job in open_jobs for message_id in job.message_ids]
        return list(dict.fromkeys([*statuses, *posted, *looking_at]))


async def _note_departure(session: AsyncSession, user_id: int, terms: CreditTerms) -> None:
    day = await ledger.today(session)
    left = (await ledger.current_balance(session, user_id, terms, day)).free
    await departures.note(session, terms.pseudonym(user_id), day, max(0, terms.free_per_day - left))
