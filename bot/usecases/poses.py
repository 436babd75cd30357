"""Use cases of the pose photo: choice, receipt (see photos.py) and deletion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import poses, references, users
from bot.db.session import Sessions, database_time
from bot.db.tables import User
from bot.domain import POSE_PHOTO
from bot.photos import NormalPhoto, Refusal


class PosePhotoResult(Enum):
    """The result of sending a photo that may be meant for its pose."""

    EXAMINE = auto()
    """It is to be examined for its pose."""
    REFUSED = auto()
    """The file cannot be used; the next photo is still taken as the pose photo."""
    SKIPPED = auto()
    """Another photo of its album is the pose photo."""


@dataclass(frozen=True)
class ChoosePosePhoto:
    """Chooses the stored pose photo. `False` where there is none or `another` is set: then the user's next photo
    becomes the pose photo. Raises UnknownUser.
    """

    sessions: Sessions

    async def __call__(self, user_id: int, *, another: bool = False) -> bool:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            if not another and await poses.of_user(session, user_id) is not None:
                user.pose, user.pose_asked_at = POSE_PHOTO, None
                return True
            user.pose_asked_at, user.image_prompt_asked_at = await database_time(session), None
            return False


@dataclass(frozen=True)
class DeletePosePhoto:
    """Deletes the user's pose photo; if it was chosen, future pictures have a free pose. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            await poses.remove(session, user_id)
            if user.pose == POSE_PHOTO:
                user.pose, user.pose_pinned = None, False


async def await_pose_photo(
    session: AsyncSession, user: User, chat_id: int, album_id: str | None, photo: NormalPhoto | Refusal
) -> PosePhotoResult | None:
    """The result for a new photo if the bot has just asked for a pose photo; `None`: the photo shows the person.

    `user` is locked.
    """
    if album_id is not None and await references.is_pose_album(session, chat_id, album_id):
        return PosePhotoResult.SKIPPED
    if not await poses.is_awaited(session, user.id):
        return None
    if isinstance(photo, Refusal):
        return PosePhotoResult.REFUSED
    user.pose_asked_at = None
    return PosePhotoResult.EXAMINE
