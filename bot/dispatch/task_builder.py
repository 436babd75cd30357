"""Builds the task of a job: its photos, prompt, style, settings and pose."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import poses, references
from bot.db.tables import Job
from bot.domain import POSE_PHOTO
from bot.styles import Styles
from engine.contract import REFERENCES_MAX, FailureCode, GenerateRequest, Pose, PosePreset, Reference, Settings


class UnbuildableTask(Exception):
    """No worker could ever draw the job; `code` gives the user the reason."""

    def __init__(self, code: FailureCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Photos:
    """The photos that jobs refer to and that still exist: of people, and of poses."""

    references: Mapping[UUID, Reference]
    poses: Mapping[UUID, bytes]


async def read_photos(session: AsyncSession, jobs: Collection[Job]) -> Photos:
    """Accepted references only."""
    rows = await references.accepted(session, {photo_id for job in jobs for photo_id in job.reference_ids})
    people = {photo_id: Reference(image=image, profile=profile) for photo_id, (image, profile) in rows.items()}
    pose_ids = {job.pose_photo_id for job in jobs if job.pose == POSE_PHOTO and job.pose_photo_id is not None}
    return Photos(people, await poses.images(session, pose_ids))


def build_request(job: Job, photos: Photos, styles: Styles, *, with_pose: bool) -> GenerateRequest:
    """Raises UnbuildableTask. Without `with_pose` the job's pose is left out."""
    accepted = [photos.references[photo_id] for photo_id in job.reference_ids if photo_id in photos.references]
    if not accepted:
        raise UnbuildableTask(FailureCode.BAD_REFERENCE)
    try:
        return GenerateRequest(
            job_id=str(job.id),
            attempt=job.attempts + 1,
            references=tuple(accepted[:REFERENCES_MAX]),
            prompt=job.prompt,
            style=styles.request_name(job.style),
            seed=job.seed,
            settings=Settings.model_validate(styles.settings(job.style, job.settings)),
            pose=_pose(job, photos) if with_pose else None,
        )
    except ValidationError as error:
        raise UnbuildableTask(FailureCode.BAD_PROMPT) from error


def _pose(job: Job, photos: Photos) -> Pose | None:
    """A pose photo deleted meanwhile fails the job: a picture in a free pose would not be what the user asked for."""
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
