"""Drafts: prompts that came before a photo was accepted. They are stored with the user, and drawn as soon as a photo is
accepted.

A prompt that came with a photo is drawn when that photo is accepted. If it is refused, the prompt waits for the next
photo, because it may be about another person than the earlier photos show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from bot.credits import CreditTerms
from bot.db import jobs, people, references, users
from bot.db.session import Sessions
from bot.db.tables import Reference, User
from bot.domain import OTHER_PERSON, ReferenceState
from bot.errors import Banned, CompanionGone, DailyLimitReached, DomainError, NotEnoughCredits, TooManyOpenJobs
from bot.photos import Refusal
from bot.prompts import split_seed
from bot.styles import NO_STYLE
from bot.usecases.ports import DrawSeed, Signals, log_queued
from bot.usecases.preferences import preference_overrides, use_up_choices
from engine.contract import Verdict


def message_key(chat_id: int, message_id: int) -> str:
    """The idempotency key of the job for a message."""
    return f"message:{chat_id}:{message_id}"


async def keep_draft(session: AsyncSession, user: User, chat_id: int, message_id: int, prompt: str) -> None:
    """Stores the prompt of a message as the draft, unless there is a job for it. `user` is locked."""
    key = message_key(chat_id, message_id)
    if not await jobs.exists(session, key):
        user.draft, user.draft_key = prompt, key


async def drop_draft(session: AsyncSession, user: User, chat_id: int) -> None:
    """A later prompt replaces the draft, unless the photo of the draft is still being examined."""
    waits = None if user.draft_key is None else await _waits(session, user.draft_key, chat_id, ())
    if waits is not ReferenceState.PENDING:
        user.draft = user.draft_key = None


@dataclass(frozen=True)
class DrawnDraft:
    """A draft that became a job (`submitted`), or that is returned to the user. The reason for a return is `limit`,
    where so many pictures are in progress; `barred`, where an admin forbids it or the second person cannot be drawn;
    and without either, a lack of credits."""

    prompt: str
    style: str
    submitted: bool
    limit: int | None = None
    barred: DomainError | None = None


@dataclass(frozen=True)
class WaitingDraft:
    """A draft that still waits: for the verdict on its photo, or (`refused`) for another photo."""

    prompt: str
    refused: bool


@dataclass(frozen=True)
class DrawDraft:
    """Requests the picture of the draft, now that the photos `decided` have their verdicts.

    Returns `None` when there is no draft, or when it came as text and no photo is accepted. Raises UnknownUser.
    """

    sessions: Sessions
    signals: Signals
    draw_seed: DrawSeed
    open_jobs_max: int
    credit_terms: CreditTerms | None = None

    async def __call__(
        self, user_id: int, chat_id: int, decided: Sequence[Reference]
    ) -> DrawnDraft | WaitingDraft | None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            person_id = await people.current_id(session, user_id)
            photos = await people.photo_ids(session, user_id, person_id, ReferenceState.ACCEPTED)
            if user.draft is None or user.draft_key is None:
                return None
            waits = await _waits(session, user.draft_key, chat_id, decided)
            if waits is not None:
                return WaitingDraft(user.draft, refused=waits is ReferenceState.REJECTED)
            if not photos:
                return None
            prompt, key, style = user.draft, user.draft_key, user.style or NO_STYLE
            described, seed = split_seed(prompt)
            user.draft = user.draft_key = None
            try:
                overrides = await preference_overrides(session, user)
                job, created = await jobs.submit(
                    session,
                    user_id=user_id,
                    chat_id=chat_id,
                    idempotency_key=key,
                    request_message_id=_message_of(key),
                    person_id=person_id,
                    reference_ids=photos,
                    style=style,
                    prompt=described,
                    **overrides,
                    seed=self.draw_seed() if seed is None else seed,
                    open_jobs_max=self.open_jobs_max,
                    credit_terms=self.credit_terms,
                )
            except TooManyOpenJobs:
                return DrawnDraft(prompt, style, submitted=False, limit=self.open_jobs_max)
            except NotEnoughCredits:
                return DrawnDraft(prompt, style, submitted=False)
            except (Banned, CompanionGone, DailyLimitReached) as error:
                return DrawnDraft(prompt, style, submitted=False, barred=error)
            if created:
                use_up_choices(user, overrides)
        if created:
            log_queued(job.id)
        self.signals.wake()
        return DrawnDraft(prompt, style, submitted=True)


@dataclass(frozen=True)
class TakeBackDraft:
    """Deletes the draft and returns its prompt, because its pose could not be read. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> str | None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            prompt, user.draft, user.draft_key = user.draft, None, None
            return prompt


def _message_of(key: str) -> int:
    """The message id in a `message_key`."""
    return int(key.rpartition(":")[2])


async def _waits(session: AsyncSession, key: str, chat_id: int, decided: Sequence[Reference]) -> ReferenceState | None:
    """What the draft waits for. PENDING: the verdict on the photo that it came with, or the user's decision about that
    photo. REJECTED: another photo in place of the refused one. `None`: nothing, also where the draft came without a
    photo."""
    accompanying = await _came_with(session, key, chat_id)
    states = {photo.state for photo in accompanying}
    if (
        not accompanying
        or ReferenceState.ACCEPTED in states
        or any(photo.verdict == Refusal.KNOWN for photo in accompanying)
    ):
        return None
    if any(photo.for_pose and photo.verdict == Verdict.ACCEPTED for photo in accompanying):
        return None
    if ReferenceState.PENDING in states or any(photo.verdict == OTHER_PERSON for photo in accompanying):
        return ReferenceState.PENDING
    latest = max(photo.message_id for photo in accompanying)
    replaced = any(photo.state == ReferenceState.ACCEPTED and photo.message_id > latest for photo in decided)
    return None if replaced else ReferenceState.REJECTED


async def _came_with(session: AsyncSession, key: str, chat_id: int) -> Sequence[Reference]:
    """The photo whose caption is the draft of `key`, with the rest of its album; none where it came as text."""
    photo = await references.by_message(session, chat_id, _message_of(key))
    if photo is None or message_key(chat_id, photo.message_id) != key:
        return []
    return await references.members(session, references.Group(photo.user_id, chat_id, photo.album_id, photo.message_id))
