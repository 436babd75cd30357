"""Builds the task of a job: the photos of its people, prompt, style, settings, pose and image prompt.

A hand-out is planned by the sizes of the photos; only those of jobs that are sent are loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import image_prompts, poses, references
from bot.db.references import StoredPhoto
from bot.db.tables import Job
from bot.dispatch.batching import QueuedJob
from bot.domain import POSE_PHOTO
from bot.styles import Styles
from engine.contract import FailureCode, GenerateRequest, PersonBox, Pose, PosePreset, Reference, Settings


class UnbuildableTask(Exception):
    """No worker can ever draw the job; `code` is the reason that the user gets."""

    def __init__(self, code: FailureCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Photos:
    """The photos that jobs refer to and that still exist: of people, of poses, and image prompts."""

    references: Mapping[UUID, Reference]
    poses: Mapping[UUID, bytes]
    image_prompts: Mapping[UUID, bytes]


@dataclass(frozen=True)
class WorkerAbilities:
    """The abilities of the living workers: a pose, where any of them has it; an image prompt and a second person, where
    all have."""

    pose: bool
    image_prompt: bool
    companion: bool


@dataclass(frozen=True)
class PhotoSizes:
    """The sizes in bytes of the photos that jobs refer to, before the photos are loaded."""

    references: Mapping[UUID, StoredPhoto]
    poses: Mapping[UUID, int]
    image_prompts: Mapping[UUID, int]


async def read_sizes(session: AsyncSession, jobs: Collection[Job]) -> PhotoSizes:
    """The sizes of the accepted references, the pose photos and the image prompts of the jobs."""
    needed_ids = {photo_id for job in jobs for photo_id in (*job.reference_ids, *job.companion_reference_ids)}
    stored = await references.stored(session, needed_ids)
    pose_sizes = await poses.sizes(session, _pose_ids(jobs))
    return PhotoSizes(stored, pose_sizes, await image_prompts.sizes(session, _image_prompt_ids(jobs)))


async def read_photos(session: AsyncSession, jobs: Collection[Job], reference_ids: Collection[UUID]) -> Photos:
    """Loads the given references, if they are still accepted, and the pose photos and image prompts of the jobs."""
    rows = await references.accepted(session, reference_ids)
    people = {
        photo_id: Reference(image=image, profile=profile, person=person_box(person))
        for photo_id, (image, profile, person) in rows.items()
    }
    pose_photos = await poses.images(session, _pose_ids(jobs))
    return Photos(people, pose_photos, await image_prompts.images(session, _image_prompt_ids(jobs)))


def person_box(stored: list[float] | None) -> PersonBox | None:
    """The box of a chosen person, converted from the database's form to the message's."""
    if stored is None:
        return None
    left, top, right, bottom = stored
    return left, top, right, bottom


def _pose_ids(jobs: Collection[Job]) -> set[UUID]:
    return {job.pose_photo_id for job in jobs if job.pose == POSE_PHOTO and job.pose_photo_id is not None}


def _image_prompt_ids(jobs: Collection[Job]) -> set[UUID]:
    return {job.image_prompt_id for job in jobs if job.image_prompt_id is not None}


def queued_job(job: Job, sizes: PhotoSizes, styles: Styles, references_max: int) -> QueuedJob:
    """The job with the best `references_max` photos of each person, in the job's own order. Raises UnbuildableTask."""
    chosen = tuple(
        photo_id
        for photo_ids in (job.reference_ids, job.companion_reference_ids)
        for photo_id in _best(photo_ids, sizes, references_max)
    )
    pose_size = sizes.poses.get(job.pose_photo_id, 0) if job.pose_photo_id else 0
    image_prompt_size = sizes.image_prompts.get(job.image_prompt_id, 0) if job.image_prompt_id else 0
    return QueuedJob(
        job.id,
        job.user_id,
        job.attempts,
        _settings(job, styles),
        photo_ids=chosen,
        size=pose_size + image_prompt_size + sum(sizes.references[photo_id].size for photo_id in chosen),
    )


def _best(photo_ids: Sequence[UUID], sizes: PhotoSizes, count: int) -> list[UUID]:
    """The `count` accepted photos of the best quality, in their original order."""
    accepted = [photo_id for photo_id in photo_ids if photo_id in sizes.references]
    best = sorted(accepted, key=lambda photo_id: -sizes.references[photo_id].quality)[:count]
    return [photo_id for photo_id in accepted if photo_id in best]


def _settings(job: Job, styles: Styles) -> Settings:
    try:
        return Settings.model_validate(styles.settings(job.style, job.settings))
    except ValidationError as error:
        raise UnbuildableTask(FailureCode.BAD_PROMPT) from error


def build_request(job: Job, photos: Photos, styles: Styles, abilities: WorkerAbilities) -> GenerateRequest:
    """Builds the request from those of the job's photos that are in `photos`. A pose or an image prompt that the
    workers cannot draw is left out. A job of two people fails if the workers draw only one, because a picture of one
    would not be what the user asked for. Raises UnbuildableTask."""
    accepted = [photos.references[photo_id] for photo_id in job.reference_ids if photo_id in photos.references]
    if not accepted:
        raise UnbuildableTask(FailureCode.BAD_REFERENCE)
    try:
        return GenerateRequest(
            job_id=str(job.id),
            attempt=job.attempts + 1,
            references=tuple(accepted),
            companion=_companion(job, photos, abilities),
            prompt=job.prompt,
            style=styles.request_name(job.style),
            style_template=styles[job.style].template,
            seed=job.seed,
            settings=_settings(job, styles),
            pose=_pose(job, photos) if abilities.pose else None,
            image_prompt=_image_prompt(job, photos) if abilities.image_prompt else None,
        )
    except ValidationError as error:
        raise UnbuildableTask(FailureCode.BAD_PROMPT) from error


def _companion(job: Job, photos: Photos, abilities: WorkerAbilities) -> tuple[Reference, ...]:
    if job.companion_id is None:
        return ()
    accepted = [photos.references[each] for each in job.companion_reference_ids if each in photos.references]
    if not abilities.companion or not accepted:
        raise UnbuildableTask(FailureCode.BAD_COMPANION)
    return tuple(accepted)


def _image_prompt(job: Job, photos: Photos) -> bytes | None:
    """The image prompt of the job. Raises UnbuildableTask for one that was deleted meanwhile, as for a pose photo."""
    if job.image_prompt_id is None:
        return None
    image = photos.image_prompts.get(job.image_prompt_id)
    if image is None:
        raise UnbuildableTask(FailureCode.BAD_IMAGE_PROMPT)
    return image


def _pose(job: Job, photos: Photos) -> Pose | None:
    """The pose of the job. Raises UnbuildableTask for a pose photo that was deleted meanwhile: a picture in a free pose
    would not be what the user asked for."""
    if job.pose is None:
        return None
    if job.pose == POSE_PHOTO:
        image = photos.poses.get(job.pose_photo_id) if job.pose_photo_id else None
        if image is None:
            raise UnbuildableTask(FailureCode.BAD_POSE)
        return Pose(image=image)
    if job.pose not in tuple(PosePreset):
        raise UnbuildableTask(FailureCode.BAD_POSE)
    return Pose(preset=PosePreset(job.pose))
