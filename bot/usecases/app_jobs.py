"""Use cases of the jobs of apps: request pictures, follow, cancel and delete them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot.admin_acts import Act
from bot.credits import CreditTerms
from bot.db import (
    access,
    app_jobs,
    apps,
    audit,
    image_prompts,
    job_queue,
    job_states,
    jobs,
    people,
    references,
    results,
    users,
    workers,
)
from bot.db.app_tables import AppJob
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.domain import CONSENT_VERSION, OPEN_STATES, JobState, Likeness, ReferenceState, settings_overrides
from bot.errors import (
    AppBusy,
    Banned,
    CannotDraw,
    IdempotencyConflict,
    NoConsent,
    NoImagePrompt,
    NoPhotos,
    PictureGone,
    UnknownUser,
)
from bot.prompts import clean, split_seed
from bot.styles import NO_STYLE
from bot.usecases.apps import ApiClient
from bot.usecases.ports import DrawSeed, Signals, log_queued
from engine.contract import Aspect, Clothes, PosePreset

PICTURES_MAX = 4
"""The largest number of pictures of one job."""
SEEDS_END = 2**63


@dataclass(frozen=True)
class PictureOrder:
    """A request of an app for pictures; the style and the model decide fields that are `None`."""

    end_user: str
    prompt: str
    count: int = 1
    style: str | None = None
    pose: PosePreset | None = None
    aspect: Aspect | None = None
    likeness: Likeness | None = None
    clothes: Clothes | None = None
    image_prompt: bool = False
    """Whether to follow the end user's image prompt."""
    seed: int | None = None
    """The seed of the first picture; the others have the next seeds."""
    reference_ids: tuple[UUID, ...] = ()
    """Ids of the photos to draw from; empty: all accepted ones."""
    callback_url: str | None = None


@dataclass(frozen=True)
class AppPictures:
    """The current state of an app's job: its pictures in order, and those of them whose PNG is stored."""

    job: AppJob
    end_user: str
    pictures: Sequence[Job]
    stored: frozenset[UUID]
    place: int | None = None
    """The place in the queue of the first picture that waits."""

    @property
    def is_over(self) -> bool:
        return self.job.ended_at is not None


@dataclass(frozen=True)
class OrderPictures:
    """Queues the pictures of one job; returns the job, and whether it is new.

    The same idempotency key with the same `fingerprint` returns the same job. All pictures are queued, or none. Raises
    UnknownUser, NoConsent, NoPhotos, NoImagePrompt, PromptRefused, CannotDraw, AppBusy, TooManyOpenJobs,
    NotEnoughCredits, IdempotencyConflict, and Banned where the app's owner is blocked.
    """

    sessions: Sessions
    signals: Signals
    draw_seed: DrawSeed
    open_jobs_max: int
    open_app_jobs_max: int
    alive_s: float
    credit_terms: CreditTerms | None = None

    async def __call__(
        self, client: ApiClient, order: PictureOrder, idempotency_key: str | None, fingerprint: bytes
    ) -> tuple[AppPictures, bool]:
        prompt, seed = split_seed(clean(order.prompt))
        if order.seed is not None:
            seed = order.seed
        async with self.sessions.begin() as session:
            await users.lock(session, client.owner_id)  # before the end user, as in the deletion of the owner
            if await access.is_banned(session, client.owner_id):
                raise Banned
            if idempotency_key is not None:
                earlier = await app_jobs.by_key(session, client.app_id, idempotency_key)
                if earlier is not None:
                    if earlier.fingerprint != fingerprint:
                        raise IdempotencyConflict
                    return (await read_pictures(session, [earlier]))[0], False
            await self._check_workers(session, order)
            user_id = await self._consenting(session, client, order.end_user)
            reference_ids = await _references(session, user_id, order.reference_ids)
            followed = await image_prompts.of_user(session, user_id) if order.image_prompt else None
            if order.image_prompt and followed is None:
                raise NoImagePrompt
            if await app_jobs.count_open(session, client.app_id) + order.count > self.open_app_jobs_max:
                raise AppBusy(self.open_app_jobs_max)
            job = AppJob(
                id=uuid4(),
                app_id=client.app_id,
                user_id=user_id,
                key_id=client.key_id,
                idempotency_key=idempotency_key,
                fingerprint=fingerprint,
                callback_url=order.callback_url,
            )
            await app_jobs.add(session, job)
            person_id = await people.current_id(session, user_id)
            first = self.draw_seed() if seed is None else seed
            for number in range(order.count):
                picture, _ = await jobs.submit(
                    session,
                    user_id=user_id,
                    chat_id=user_id,
                    idempotency_key=f"app:{job.id}:{number}",
                    album_id=job.id,
                    person_id=person_id,
                    reference_ids=reference_ids,
                    style=order.style or NO_STYLE,
                    prompt=prompt,
                    settings=settings_overrides(order.likeness, order.clothes, order.aspect),
                    pose=order.pose,
                    image_prompt_id=None if followed is None else followed.id,
                    seed=(first + number) % SEEDS_END,
                    open_jobs_max=max(self.open_jobs_max, PICTURES_MAX),
                    credit_terms=self.credit_terms,
                    payer_id=client.owner_id,
                )
                log_queued(picture.id)
            ordered = (await read_pictures(session, [job]))[0]
        self.signals.wake()
        return ordered, True

    async def _check_workers(self, session: AsyncSession, order: PictureOrder) -> None:
        """Raises CannotDraw; while no worker is alive, every request is accepted."""
        if not await workers.alive(session, self.alive_s):
            return
        if order.pose is not None and not await workers.any_can_pose(session, self.alive_s):
            raise CannotDraw("pose")
        if order.aspect is not None and order.aspect not in await workers.aspects_drawn(session, self.alive_s):
            raise CannotDraw("aspect")
        if order.image_prompt and not await workers.all_read_image_prompts(session, self.alive_s):
            raise CannotDraw("image prompt")

    async def _consenting(self, session: AsyncSession, client: ApiClient, name: str) -> int:
        user = await apps.end_user(session, client.app_id, name)
        if user is None:
            raise UnknownUser
        if user.consent_version != CONSENT_VERSION:
            raise NoConsent(CONSENT_VERSION)
        await apps.note_activity(session, user.id)
        return user.id


async def _references(session: AsyncSession, user_id: int, ids: Sequence[UUID]) -> list[UUID]:
    """The photos to draw from, including those without a verdict yet, for which the job waits."""
    photos = [row for row in await references.of_user(session, user_id) if row.state != ReferenceState.REJECTED]
    chosen = [photo.id for photo in photos if not ids or photo.id in ids]
    if not chosen or len(chosen) < len(set(ids)):
        raise NoPhotos
    return chosen


async def read_pictures(session: AsyncSession, found: Sequence[AppJob]) -> list[AppPictures]:
    """The current states of the jobs."""
    pictures = await app_jobs.pictures(session, [job.id for job in found])
    names = await app_jobs.names(session, {job.user_id for job in found})
    everything = [picture for each in pictures.values() for picture in each]
    stored = await app_jobs.stored(session, [picture.id for picture in everything])
    waiting = any(picture.state == JobState.QUEUED for picture in everything)
    places = await job_queue.positions(session) if waiting else {}
    return [_assembled(job, names[job.user_id], pictures[job.id], stored, places) for job in found]


def _assembled(
    job: AppJob, end_user: str, pictures: Sequence[Job], stored: set[UUID], places: Mapping[UUID, int]
) -> AppPictures:
    ids = [picture.id for picture in pictures]
    place = min((places[picture_id] for picture_id in ids if picture_id in places), default=None)
    return AppPictures(job, end_user, pictures, frozenset(stored.intersection(ids)), place)


async def _own(session: AsyncSession, client: ApiClient, job_id: UUID) -> AppJob:
    job = await app_jobs.of_app(session, client.app_id, job_id)
    if job is None:
        raise PictureGone
    return job


@dataclass(frozen=True)
class FindAppJob:
    """Returns the app's own job with its pictures. Raises PictureGone."""

    sessions: Sessions

    async def __call__(self, client: ApiClient, job_id: UUID) -> AppPictures:
        async with self.sessions() as session:
            return (await read_pictures(session, [await _own(session, client, job_id)]))[0]


@dataclass(frozen=True)
class ListAppJobs:
    """A page of the app's jobs, newest first, from below `after` (created_at, id) on; of one end user where one is
    named. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(
        self, client: ApiClient, end_user: str | None, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[AppPictures]:
        async with self.sessions() as session:
            user_id = None
            if end_user is not None:
                user = await apps.end_user(session, client.app_id, end_user)
                if user is None:
                    raise UnknownUser
                user_id = user.id
            return await read_pictures(session, await app_jobs.listed(session, client.app_id, user_id, after, limit))


@dataclass(frozen=True)
class CancelAppJob:
    """Cancels the pictures that are not drawn yet; returns the job's new state. Raises PictureGone."""

    sessions: Sessions
    signals: Signals

    async def __call__(self, client: ApiClient, job_id: UUID) -> AppPictures:
        async with self.sessions.begin() as session:
            job = await _own(session, client, job_id)
            await job_states.cancel_album(session, job.id, job.user_id)
            cancelled = (await read_pictures(session, [job]))[0]
        self.signals.wake()
        return cancelled


@dataclass(frozen=True)
class TakePng:
    """The PNG of one picture, counted from 1, with its marks; `None` where it is not drawn yet or no longer stored.

    Raises PictureGone for a job or number that the app does not have."""

    sessions: Sessions

    async def __call__(self, client: ApiClient, job_id: UUID, number: int) -> tuple[Job, bytes | None]:
        async with self.sessions() as session:
            job = await _own(session, client, job_id)
            pictures = (await app_jobs.pictures(session, [job.id]))[job.id]
            if not 1 <= number <= len(pictures):
                raise PictureGone
            picture = pictures[number - 1]
            delivered = picture.state == JobState.DELIVERED  # before, it is not charged: deletion would refund it
            return picture, await app_jobs.png(session, picture.id) if delivered else None


@dataclass(frozen=True)
class RemoveAppJob:
    """Delete prompt and pictures of a job that has ended; `False` while it is in progress. Raises PictureGone."""

    sessions: Sessions

    async def __call__(self, client: ApiClient, job_id: UUID) -> bool:
        async with self.sessions.begin() as session:
            job = await _own(session, client, job_id)
            pictures = (await app_jobs.pictures(session, [job.id]))[job.id]
            if any(picture.state in OPEN_STATES for picture in pictures):
                return False
            for picture in pictures:
                await results.remove(session, picture.id)
            await app_jobs.remove(session, job.id)
            await audit.note_of_app(session, client.key_id, Act.APP_DELETE_JOB, subject=job.id)
        return True


@dataclass(frozen=True)
class Drawable:
    """The options that living workers can draw."""

    poses: bool
    aspects: tuple[Aspect, ...]
    image_prompts: bool


@dataclass(frozen=True)
class ReadDrawable:
    sessions: Sessions
    alive_s: float

    async def __call__(self) -> Drawable:
        async with self.sessions() as session:
            poses = await workers.any_can_pose(session, self.alive_s)
            aspects = await workers.aspects_drawn(session, self.alive_s)
            return Drawable(poses, aspects, await workers.all_read_image_prompts(session, self.alive_s))


@dataclass(frozen=True)
class AppJobUseCases:
    order: OrderPictures
    find: FindAppJob
    list: ListAppJobs
    cancel: CancelAppJob
    take_png: TakePng
    remove: RemoveAppJob


def build_app_jobs(
    sessions: Sessions,
    signals: Signals,
    draw_seed: DrawSeed,
    *,
    open_jobs_max: int,
    open_app_jobs_max: int,
    alive_s: float,
    credit_terms: CreditTerms | None,
) -> AppJobUseCases:
    limits = {"open_jobs_max": open_jobs_max, "open_app_jobs_max": open_app_jobs_max}
    return AppJobUseCases(
        order=OrderPictures(sessions, signals, draw_seed, alive_s=alive_s, credit_terms=credit_terms, **limits),
        find=FindAppJob(sessions),
        list=ListAppJobs(sessions),
        cancel=CancelAppJob(sessions, signals),
        take_png=TakePng(sessions),
        remove=RemoveAppJob(sessions),
    )
