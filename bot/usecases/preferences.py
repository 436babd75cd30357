"""Use cases of preferences: likeness, clothes, aspect and pose of future pictures (see poses.py for the pose photo)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import image_prompts, people, poses, users, workers
from bot.db.session import Sessions
from bot.db.tables import User
from bot.domain import ASPECT_DEFAULT, POSE_PHOTO, Likeness, ReferenceState, settings_overrides
from bot.errors import CompanionGone
from bot.usecases.image_prompts import ImagePromptState, image_prompt_state
from engine.contract import Aspect, Clothes, PosePreset


@dataclass(frozen=True)
class Preferences:
    """The content of the settings screen."""

    likeness: Likeness
    clothes: Clothes
    pose: str | None
    """A preset's name or POSE_PHOTO; `None` for a free pose."""
    pose_pinned: bool
    """Whether the pose is for all future pictures, not only for the next one."""
    has_pose_photo: bool
    poses_drawn: bool
    """Whether a living worker can draw a pose that is asked for."""
    aspect: Aspect
    aspects_drawn: tuple[Aspect, ...]
    """The aspects that a living worker can draw."""
    image_prompt: ImagePromptState


class PreferenceOverrides(TypedDict):
    """The part of `bot.db.jobs.submit`'s arguments that preferences decide."""

    settings: dict[str, object]
    pose: str | None
    pose_photo_id: UUID | None
    image_prompt_id: UUID | None
    companion_id: UUID | None
    companion_reference_ids: list[UUID]


async def preference_overrides(session: AsyncSession, user: User) -> PreferenceOverrides:
    """The user's preferences for a new picture. A picture of two people has a free pose. Raises CompanionGone."""
    together = await _companion_photos(session, user)
    photo = await poses.of_user(session, user.id) if user.pose == POSE_PHOTO and not together else None
    pose = None if together or (user.pose == POSE_PHOTO and photo is None) else user.pose
    settings = settings_overrides(user.likeness, user.clothes, user.aspect)
    image_prompt = await image_prompts.of_user(session, user.id) if user.image_prompt else None
    return PreferenceOverrides(
        settings=settings,
        pose=pose,
        pose_photo_id=None if photo is None else photo.id,
        image_prompt_id=None if image_prompt is None else image_prompt.id,
        companion_id=user.companion_id if together else None,
        companion_reference_ids=together,
    )


async def _companion_photos(session: AsyncSession, user: User) -> list[UUID]:
    """The photos of the second person in the next picture; empty without one. Raises CompanionGone: a picture of one
    person is not what the user asked for."""
    if user.companion_id is None or user.companion_id == await people.current_id(session, user.id):
        return []
    photos = await people.photo_ids(session, user.id, user.companion_id, ReferenceState.ACCEPTED)
    if not photos:
        raise CompanionGone
    return photos


def use_up_choices(user: User, taken: PreferenceOverrides) -> None:
    """Resets the pose, image prompt and companion that a picture has used, unless they are pinned. A pose that a
    picture of two people did not use stays for the next one. `user` must be locked."""
    if not user.pose_pinned and taken["companion_id"] is None:
        user.pose = None
    user.companion_id = None
    if not user.image_prompt_pinned:
        user.image_prompt = False


@dataclass(frozen=True)
class OpenPreferences:
    """The preferences now. A user who opens them is no longer expected to send a pose photo or an image prompt. Raises
    UnknownUser."""

    sessions: Sessions
    alive_s: float

    async def __call__(self, user_id: int) -> Preferences:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.pose_asked_at = user.image_prompt_asked_at = None
            photo = await poses.of_user(session, user_id)
            return Preferences(
                likeness=Likeness(user.likeness or Likeness.BALANCED),
                clothes=Clothes(user.clothes or Clothes.KEEP),
                pose=None if user.pose == POSE_PHOTO and photo is None else user.pose,
                pose_pinned=user.pose_pinned,
                has_pose_photo=photo is not None,
                poses_drawn=await workers.any_can_pose(session, self.alive_s),
                aspect=Aspect(user.aspect or ASPECT_DEFAULT),
                aspects_drawn=await workers.aspects_drawn(session, self.alive_s),
                image_prompt=await image_prompt_state(session, user, self.alive_s),
            )


@dataclass(frozen=True)
class ChooseLikeness:
    """Sets the likeness of the future pictures. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, likeness: Likeness) -> None:
        async with self.sessions.begin() as session:
            (await users.lock(session, user_id)).likeness = likeness


@dataclass(frozen=True)
class ChooseClothes:
    """Sets the clothes of the future pictures. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, clothes: Clothes) -> None:
        async with self.sessions.begin() as session:
            (await users.lock(session, user_id)).clothes = clothes


@dataclass(frozen=True)
class ChooseAspect:
    """Sets the aspect of the future pictures. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, aspect: Aspect) -> None:
        async with self.sessions.begin() as session:
            (await users.lock(session, user_id)).aspect = aspect


@dataclass(frozen=True)
class ChoosePose:
    """Sets the pose to a preset, or to `None` for a free pose. A stored pose photo is kept and can be chosen again.
    Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, preset: PosePreset | None) -> None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.pose, user.pose_asked_at = preset, None
            user.pose_pinned = user.pose_pinned and preset is not None


@dataclass(frozen=True)
class PinPose:
    """Keeps the chosen pose for all future pictures, or only for the next one. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, *, pinned: bool) -> None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.pose_pinned = pinned and user.pose is not None
