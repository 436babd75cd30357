"""Use cases of pictures: request, variation and cancellation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot.credits import CreditTerms
from bot.db import image_prompts, job_states, jobs, people, poses, users
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.domain import POSE_PHOTO, Likeness, ReferenceState, settings_overrides
from bot.errors import NoPhotos, NoRoomForVariations, PersonGone
from bot.prompts import split_seed
from bot.styles import NO_STYLE
from bot.usecases.drafts import drop_draft, keep_draft, message_key
from bot.usecases.ports import DrawSeed, Signals, log_queued
from bot.usecases.preferences import PreferenceOverrides, preference_overrides, use_up_choices
from bot.usecases.results import job_of_user
from engine.contract import Clothes

VARIATIONS_MIN, VARIATIONS_MAX = 2, 4


class RequestResult(Enum):
    """The result of a request for a picture."""

    QUEUED = auto()
    WAITS_FOR_PHOTO = auto()
    WAITS_FOR_VERDICT = auto()


@dataclass(frozen=True)
class AskForPicture:
    """Queues a picture for a prompt, in the chosen style or none. Without an accepted photo, a prompt of the private
    chat is stored as the draft.

    `reply_to`: the message to which the prompt replies. If that message shows a picture, or asked for another prompt
    for one, the new picture has the same style, settings and people. Repeated delivery of a message changes nothing.
    Raises PersonGone, NoPhotos or CompanionGone (of the second person), TooManyOpenJobs, NotEnoughCredits,
    SeedTooLarge, UnknownUser.
    """

    sessions: Sessions
    signals: Signals
    draw_seed: DrawSeed
    open_jobs_max: int
    credit_terms: CreditTerms | None = None

    async def __call__(
        self, user_id: int, chat_id: int, message_id: int, prompt: str, reply_to: int | None = None
    ) -> RequestResult:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.pose_asked_at = user.image_prompt_asked_at = None
            source = None if reply_to is None else await jobs.by_message(session, user_id, reply_to)
            earlier = None if source is None else await _person_of(session, user_id, source)
            photos = await people.photos_at_hand(session, user_id, earlier)
            pose_pending = chat_id == user_id and photos.pose_pending
            if not photos.accepted or pose_pending:
                if chat_id == user_id:
                    await keep_draft(session, user, chat_id, message_id, prompt)
                waits_for_verdict = photos.pending or (photos.accepted and pose_pending)
                return RequestResult.WAITS_FOR_VERDICT if waits_for_verdict else RequestResult.WAITS_FOR_PHOTO
            if source is None:
                style, overrides = user.style or NO_STYLE, await preference_overrides(session, user)
            else:
                style, overrides = source.style, (await _as_before(session, source, AGAIN)).overrides
            described, seed = split_seed(prompt)
            job, created = await jobs.submit(
                session,
                user_id=user_id,
                chat_id=chat_id,
                idempotency_key=message_key(chat_id, message_id),
                request_message_id=message_id,
                person_id=photos.person_id,
                source_job_id=None if source is None else source.id,
                reference_ids=[*photos.accepted, *photos.pending],
                style=style,
                prompt=described,
                **overrides,
                seed=self.draw_seed() if seed is None else seed,
                open_jobs_max=self.open_jobs_max,
                credit_terms=self.credit_terms,
            )
            if chat_id == user_id:
                await drop_draft(session, user, chat_id)
            if created and source is None:
                use_up_choices(user, overrides)
        if created:
            log_queued(job.id)
        self.signals.wake()
        return RequestResult.QUEUED


@dataclass(frozen=True)
class Change:
    """The changes of a redrawn picture; without any, only the seed is new."""

    style: str | None = None
    likeness: Likeness | None = None
    clothes: Clothes | None = None
    free_pose: bool = False
    without_image_prompt: bool = False
    alone: bool = False
    """Without the second person."""
    variations: bool = False
    """Up to VARIATIONS_MAX pictures, delivered as one album."""

    @property
    def act(self) -> str:
        """The name of the button in idempotency keys."""
        if self.style is not None:
            return f"style:{self.style}"
        if self.likeness is not None or self.clothes is not None:
            return f"likeness:{self.likeness}:{self.clothes}"
        if self.variations:
            return "variations"
        if self.without_image_prompt:
            return "without-image-prompt"
        if self.alone:
            return "alone"
        return "free-pose" if self.free_pose else "again"


AGAIN = Change()


@dataclass(frozen=True)
class RedrawResult:
    """`created`: whether it was queued now; else the same press had queued it before. `pose_lost`: its pose photo is
    deleted, so the pose is free; `image_prompt_lost`: its image prompt is deleted, so it follows none. `count`: the
    number of pictures queued."""

    created: bool
    pose_lost: bool = False
    image_prompt_lost: bool = False
    count: int = 1


@dataclass(frozen=True)
class Redraw:
    """Draws a picture's prompt with a new seed and `change`, from the photos accepted now. While such a picture is in
    progress, another press adds none; repeated delivery of a press never adds one. Raises PictureGone, PersonGone,
    NoPhotos, NoRoomForVariations, TooManyOpenJobs, NotEnoughCredits, UnknownUser.
    """

    sessions: Sessions
    signals: Signals
    draw_seed: DrawSeed
    open_jobs_max: int
    credit_terms: CreditTerms | None = None

    async def __call__(
        self,
        user_id: int,
        chat_id: int,
        press_id: str,
        job_id: UUID,
        change: Change = AGAIN,
        *,
        message_id: int | None = None,
    ) -> RedrawResult:
        """`press_id`: Telegram's id of the press, the same when it is delivered again; `message_id`: the message with
        the button, to which the result replies."""
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            source = await job_of_user(session, job_id, user_id)
            person_id = await _person_of(session, user_id, source)
            photos = await people.photo_ids(session, user_id, person_id, ReferenceState.ACCEPTED)
            if not photos:
                raise NoPhotos
            before = await _as_before(session, source, change)
            overrides = before.overrides
            act = f"{change.act}:{job_id}"
            keys = [f"{act}:{press_id}"]
            if await jobs.has_open(session, act) or await jobs.exists(session, keys[0]):
                return RedrawResult(created=False)
            if change.variations:
                keys += [f"{keys[0]}:{number}" for number in range(2, await self._room(session, user_id) + 1)]
            overrides["settings"] |= settings_overrides(change.likeness, change.clothes)
            album_id = uuid4() if change.variations else None
            for key in keys:
                job, _ = await jobs.submit(
                    session,
                    user_id=user_id,
                    chat_id=chat_id,
                    idempotency_key=key,
                    reference_ids=photos,
                    style=change.style or source.style,
                    prompt=source.prompt,
                    **overrides,
                    seed=self.draw_seed(),
                    person_id=person_id,
                    source_job_id=job_id,
                    request_message_id=message_id,
                    album_id=album_id,
                    open_jobs_max=self.open_jobs_max,
                    credit_terms=self.credit_terms,
                )
                log_queued(job.id)
        self.signals.wake()
        return RedrawResult(True, before.pose_lost, before.image_prompt_lost, len(keys))

    async def _room(self, session: AsyncSession, user_id: int) -> int:
        """The number of variations that may be queued."""
        room = min(VARIATIONS_MAX, self.open_jobs_max - await jobs.count_open(session, user_id))
        if room < VARIATIONS_MIN:
            raise NoRoomForVariations
        return room


@dataclass(frozen=True)
class FindPicture:
    """Returns the user's own picture. Raises PictureGone."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID) -> Job:
        async with self.sessions() as session:
            return await job_of_user(session, job_id, user_id)


@dataclass(frozen=True)
class CancelPicture:
    """Cancel a picture, with its album; `False` when it is too late. Raises PictureGone."""

    sessions: Sessions
    signals: Signals

    async def __call__(self, user_id: int, job_id: UUID) -> bool:
        async with self.sessions.begin() as session:
            job = await job_of_user(session, job_id, user_id)
            if job.album_id is None:
                cancelled = await job_states.cancel(session, job_id, user_id)
            else:
                cancelled = await job_states.cancel_album(session, job.album_id, user_id)
        self.signals.wake()
        return cancelled


async def _person_of(session: AsyncSession, user_id: int, source: Job | None) -> UUID | None:
    """The person of an earlier picture, else the current one. Raises PersonGone."""
    if source is None or source.person_id is None:
        return await people.current_id(session, user_id)
    if await people.get(session, user_id, source.person_id) is None:
        raise PersonGone
    return source.person_id


@dataclass(frozen=True)
class _AsBefore:
    """The settings that a picture takes from an earlier one, and whether its pose photo or image prompt is deleted."""

    overrides: PreferenceOverrides
    pose_lost: bool
    image_prompt_lost: bool


async def _as_before(session: AsyncSession, source: Job, change: Change) -> _AsBefore:
    """The conditions of an earlier picture, with the change. Raises PersonGone and NoPhotos where the second person can
    no longer be drawn."""
    keeps_pose, keeps_image_prompt = not change.free_pose, not change.without_image_prompt
    pose_there = source.pose != POSE_PHOTO or await _has_pose_photo(session, source)
    pose = source.pose if keeps_pose and pose_there else None
    companion_id = None if change.alone else source.companion_id
    followed = source.image_prompt_id
    image_prompt_there = followed is None or await image_prompts.exists_still(session, followed)
    overrides = PreferenceOverrides(
        settings=dict(source.settings),
        pose=pose,
        pose_photo_id=source.pose_photo_id if pose == POSE_PHOTO else None,
        image_prompt_id=followed if keeps_image_prompt and image_prompt_there else None,
        companion_id=companion_id,
        companion_reference_ids=await _companion_photos(session, source.user_id, companion_id),
    )
    return _AsBefore(overrides, keeps_pose and not pose_there, keeps_image_prompt and not image_prompt_there)


async def _companion_photos(session: AsyncSession, user_id: int, companion_id: UUID | None) -> list[UUID]:
    """The photos of the second person. Raises PersonGone, NoPhotos."""
    if companion_id is None:
        return []
    if await people.get(session, user_id, companion_id) is None:
        raise PersonGone
    photos = await people.photo_ids(session, user_id, companion_id, ReferenceState.ACCEPTED)
    if not photos:
        raise NoPhotos
    return photos


async def _has_pose_photo(session: AsyncSession, job: Job) -> bool:
    photo = await poses.of_user(session, job.user_id)
    return photo is not None and photo.id == job.pose_photo_id
