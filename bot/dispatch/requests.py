"""A job as a worker is asked for it: its photos, words, style, settings and pose."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import poses
from bot.db.tables import Job, Reference
from bot.domain import POSE_PHOTO, ReferenceState
from bot.styles import Styles
from engine.contract import REFERENCES_MAX, FailureCode, GenerateRequest, PersonBox, Pose, PosePreset, Settings
from engine.contract import Reference as ReferencePhoto


class CannotAsk(Exception):
    """The job cannot be asked for, by any worker at any time; `code` tells the user why."""

    def __init__(self, code: FailureCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Photos:
    """What jobs refer to and is still there: photos of people, and photos of poses."""

    references: Mapping[UUID, ReferencePhoto]
    poses: Mapping[UUID, bytes]


async def read_photos(session: AsyncSession, jobs: Collection[Job]) -> Photos:
    """Accepted references only."""
    photo_ids = {photo_id for job in jobs for photo_id in job.reference_ids}
    statement = select(Reference.id, Reference.image, Reference.profile, Reference.person).where(
        Reference.id.in_(photo_ids), Reference.state == ReferenceState.ACCEPTED
    )
    rows = await session.execute(statement)
    references = {
        photo_id: ReferencePhoto(image=image, profile=profile, person=person_box(person))
        for photo_id, image, profile, person in rows
    }
    pose_ids = {job.pose_photo_id for job in jobs if job.pose == POSE_PHOTO and job.pose_photo_id is not None}
    return Photos(references, await poses.images(session, pose_ids))


def person_box(stored: list[float] | None) -> PersonBox | None:
    """The box of a chosen person as the database holds it, for a message."""
    if stored is None:
        return None
    left, top, right, bottom = stored
    return left, top, right, bottom


def request_for(job: Job, photos: Photos, styles: Styles, *, with_pose: bool) -> GenerateRequest:
    """Raises CannotAsk. Without `with_pose` the job's pose is left out."""
    references = [photos.references[photo_id] for photo_id in job.reference_ids if photo_id in photos.references]
    if not references:
        raise CannotAsk(FailureCode.BAD_REFERENCE)
    try:
        return GenerateRequest(
            job_id=str(job.id),
            attempt=job.attempts + 1,
            references=tuple(references[:REFERENCES_MAX]),
            prompt=job.prompt,
            style=styles.asked(job.style),
            seed=job.seed,
            settings=Settings.model_validate(styles.settings(job.style, job.settings)),
            pose=_pose(job, photos) if with_pose else None,
        )
    except ValidationError as error:
        raise CannotAsk(FailureCode.BAD_PROMPT) from error


def _pose(job: Job, photos: Photos) -> Pose | None:
    """A photo deleted meanwhile is told: drawn in a free pose, the picture would not be what was asked for."""
    if job.pose is None:
        return None
    if job.pose == POSE_PHOTO:
        image = photos.poses.get(job.pose_photo_id) if job.pose_photo_id else None
        if image is None:
            raise CannotAsk(FailureCode.BAD_POSE)
        return Pose(image=image)
    if job.pose not in tuple(PosePreset):
        raise CannotAsk(FailureCode.BAD_POSE)
    return Pose(preset=PosePreset(job.pose))
