"""How a user wants the pictures to come: likeness and clothes, and the pose (see poses.py for its photo)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import poses, users, workers
from bot.db.session import Sessions
from bot.db.tables import User
from bot.domain import POSE_PHOTO, Likeness, wished_settings
from engine.contract import Clothes, PosePreset


@dataclass(frozen=True)
class Preferences:
    """What the settings screen shows."""

    likeness: Likeness
    clothes: Clothes
    pose: str | None
    """A preset's name or POSE_PHOTO; `None` for a free pose."""
    has_pose_photo: bool
    poses_drawn: bool
    """Whether a living worker can draw a pose that is asked for."""


class Wished(TypedDict):
    """The part of `bot.db.jobs.submit`'s arguments that preferences decide."""

    settings: dict[str, object]
    pose: str | None
    pose_photo_id: UUID | None


async def wished_by(session: AsyncSession, user: User) -> Wished:
    """For a picture asked for now."""
    photo = await poses.of_user(session, user.id) if user.pose == POSE_PHOTO else None
    pose = None if user.pose == POSE_PHOTO and photo is None else user.pose
    settings = wished_settings(user.likeness, user.clothes)
    return Wished(settings=settings, pose=pose, pose_photo_id=None if photo is None else photo.id)


@dataclass(frozen=True)
class OpenPreferences:
    """As of now. Whoever looks at them again is not about to send a photo of a pose. Raises UnknownUser."""

    sessions: Sessions
    alive_s: float

    async def __call__(self, user_id: int) -> Preferences:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.pose_asked_at = None
            photo = await poses.of_user(session, user_id)
            return Preferences(
                likeness=Likeness(user.likeness or Likeness.BALANCED),
                clothes=Clothes(user.clothes or Clothes.KEEP),
                pose=None if user.pose == POSE_PHOTO and photo is None else user.pose,
                has_pose_photo=photo is not None,
                poses_drawn=await workers.any_can_pose(session, self.alive_s),
            )


@dataclass(frozen=True)
class ChooseLikeness:
    """Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, likeness: Likeness) -> None:
        async with self.sessions.begin() as session:
            (await users.lock(session, user_id)).likeness = likeness


@dataclass(frozen=True)
class ChooseClothes:
    """Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, clothes: Clothes) -> None:
        async with self.sessions.begin() as session:
            (await users.lock(session, user_id)).clothes = clothes


@dataclass(frozen=True)
class ChoosePose:
    """A preset, or `None` for a free pose. A pose photo stays kept, to be chosen again. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, preset: PosePreset | None) -> None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.pose, user.pose_asked_at = preset, None
