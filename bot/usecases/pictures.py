"""Use cases of pictures: ask for one, for another like it, cancel it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.credits import CreditTerms
from bot.db import job_states, jobs, poses, references, users
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.domain import POSE_PHOTO, Likeness, ReferenceState, settings_overrides
from bot.errors import NoPhotos, PictureGone
from bot.styles import NO_STYLE
from bot.usecases.drafts import drop_draft, keep_draft, message_key
from bot.usecases.ports import DrawSeed, Signals, log_queued
from bot.usecases.preferences import preference_overrides
from engine.contract import Clothes


class RequestResult(Enum):
    """The result of a request for a picture."""

    QUEUED = auto()
    WAITS_FOR_PHOTO = auto()
    WAITS_FOR_VERDICT = auto()


@dataclass(frozen=True)
class AskForPicture:
    """A prompt -> a queued picture, in the chosen style or none; without an accepted photo the prompt is kept.

    The same message a second time changes nothing. Raises TooManyOpenJobs, NotEnoughCredits, UnknownUser.
    """

    sessions: Sessions
    signals: Signals
    draw_seed: DrawSeed
    open_jobs_max: int
    credit_terms: CreditTerms | None = None

    async def __call__(self, user_id: int, chat_id: int, message_id: int, prompt: str) -> RequestResult:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.pose_asked_at = None
            photos = await references.ids(session, user_id, ReferenceState.ACCEPTED)
            pending = await references.ids(session, user_id, ReferenceState.PENDING)
            if not photos:
                await keep_draft(session, user, chat_id, message_id, prompt)
                return RequestResult.WAITS_FOR_VERDICT if pending else RequestResult.WAITS_FOR_PHOTO
            job, created = await jobs.submit(
                session,
                user_id=user_id,
                chat_id=chat_id,
                idempotency_key=message_key(chat_id, message_id),
                reference_ids=[*photos, *pending],
                style=user.style or NO_STYLE,
                prompt=prompt,
                **await preference_overrides(session, user),
                seed=self.draw_seed(),
                open_jobs_max=self.open_jobs_max,
                credit_terms=self.credit_terms,
            )
            await drop_draft(session, user, chat_id)
        if created:
            log_queued(job.id)
        self.signals.wake()
        return RequestResult.QUEUED


@dataclass(frozen=True)
class Change:
    """The changes of a picture that is drawn again; without any, it is another one like it."""

    style: str | None = None
    likeness: Likeness | None = None
    clothes: Clothes | None = None
    free_pose: bool = False

    @property
    def act(self) -> str:
        """The button, as idempotency keys name it."""
        if self.style is not None:
            return f"style:{self.style}"
        if self.likeness is not None or self.clothes is not None:
            return f"likeness:{self.likeness}:{self.clothes}"
        return "free-pose" if self.free_pose else "again"


AGAIN = Change()


@dataclass(frozen=True)
class RedrawResult:
    """`created`: it is queued now; else one like it was queued before. `pose_lost`: the photo of its pose is not
    kept any more, so the pose is free."""

    created: bool
    pose_lost: bool = False


@dataclass(frozen=True)
class Redraw:
    """A picture's prompt once more with a new seed, drawn as before but for `change`, from the photos accepted by now.

    While such a picture is in progress, another press adds none; nor does the same press again, at any time.
    Raises PictureGone, NoPhotos, TooManyOpenJobs, NotEnoughCredits, UnknownUser.
    """

    sessions: Sessions
    signals: Signals
    draw_seed: DrawSeed
    open_jobs_max: int
    credit_terms: CreditTerms | None = None

    async def __call__(
        self, user_id: int, chat_id: int, press_id: str, job_id: UUID, change: Change = AGAIN
    ) -> RedrawResult:
        """`press_id`: Telegram's id of the press, the same when it is delivered again."""
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            source = await _job_of_user(session, job_id, user_id)
            photos = await references.ids(session, user_id, ReferenceState.ACCEPTED)
            if not photos:
                raise NoPhotos
            pose_lost = source.pose == POSE_PHOTO and not await _has_pose_photo(session, source)
            pose = None if pose_lost or change.free_pose else source.pose
            act = f"{change.act}:{job_id}"
            if await jobs.has_open(session, act):
                return RedrawResult(created=False)
            job, created = await jobs.submit(
                session,
                user_id=user_id,
                chat_id=chat_id,
                idempotency_key=f"{act}:{press_id}",
                reference_ids=photos,
                style=change.style or source.style,
                prompt=source.prompt,
                settings={**source.settings, **settings_overrides(change.likeness, change.clothes)},
                pose=pose,
                pose_photo_id=source.pose_photo_id if pose == POSE_PHOTO else None,
                seed=self.draw_seed(),
                source_job_id=job_id,
                open_jobs_max=self.open_jobs_max,
                credit_terms=self.credit_terms,
            )
        if created:
            log_queued(job.id)
        self.signals.wake()
        return RedrawResult(created, pose_lost and not change.free_pose)


@dataclass(frozen=True)
class FindPicture:
    """Raises PictureGone."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID) -> Job:
        async with self.sessions() as session:
            return await _job_of_user(session, job_id, user_id)


@dataclass(frozen=True)
class CancelPicture:
    """Call a picture off; `False` when it is too late. Raises PictureGone."""

    sessions: Sessions
    signals: Signals

    async def __call__(self, user_id: int, job_id: UUID) -> bool:
        async with self.sessions.begin() as session:
            await _job_of_user(session, job_id, user_id)
            cancelled = await job_states.cancel(session, job_id, user_id)
        self.signals.wake()
        return cancelled


async def _job_of_user(session: AsyncSession, job_id: UUID, user_id: int) -> Job:
    job = await jobs.get(session, job_id, user_id)
    if job is None:
        raise PictureGone
    return job


async def _has_pose_photo(session: AsyncSession, job: Job) -> bool:
    photo = await poses.of_user(session, job.user_id)
    return photo is not None and photo.id == job.pose_photo_id
