"""What a user does with the photo whose pose the pictures take: choose it, send it, delete it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import poses, users
from bot.db.session import Sessions
from bot.db.tables import PosePhoto, User
from bot.domain import POSE_PHOTO
from bot.photos import Refusal
from bot.usecases.photos import SentPhoto


class Taken(Enum):
    """What became of a photo that may have been sent for its pose."""

    NOT_ASKED = auto()
    """It is a photo of the person, like any other."""
    KEPT = auto()
    """Now, or when the same message came before: its answer may have been lost."""
    REFUSED = auto()
    """The file is no good; the next photo is still one for its pose."""
    PASSED_OVER = auto()
    """Another photo of its album is the pose photo."""


@dataclass(frozen=True)
class ChoosePosePhoto:
    """Take the pose of the photo kept; `False`: there is none, or `another` is wished, and the next one sent is it.

    Raises UnknownUser.
    """

    sessions: Sessions

    async def __call__(self, user_id: int, *, another: bool = False) -> bool:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            if not another and await poses.of_user(session, user_id) is not None:
                user.pose, user.pose_asked_at = POSE_PHOTO, None
                return True
            user.pose_asked_at = await session.scalar(select(func.now()))
            return False


@dataclass(frozen=True)
class KeepPosePhoto:
    """Keep a photo as the user's pose photo if one was asked for a moment ago. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, sent: SentPhoto) -> Taken:
        async with self.sessions.begin() as session:
            user = await users.lock(session, sent.user_id)
            kept = await poses.of_user(session, sent.user_id)
            if kept is not None and kept.message_id == sent.message_id:
                return Taken.KEPT
            if kept is not None and sent.album_id is not None and kept.album_id == sent.album_id:
                return Taken.PASSED_OVER
            if not await poses.is_awaited(session, sent.user_id):
                return Taken.NOT_ASKED
            if isinstance(sent.photo, Refusal):
                return Taken.REFUSED
            await _keep(session, user, sent, sent.photo.jpeg)
            return Taken.KEPT


@dataclass(frozen=True)
class DeletePosePhoto:
    """Delete one's pose photo; pictures to come have a free pose if they would have taken it. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            await poses.remove(session, user_id)
            if user.pose == POSE_PHOTO:
                user.pose = None


async def _keep(session: AsyncSession, user: User, sent: SentPhoto, jpeg: bytes) -> None:
    photo = PosePhoto(user_id=user.id, message_id=sent.message_id, album_id=sent.album_id, image=jpeg)
    await poses.replace(session, photo)
    user.pose, user.pose_asked_at = POSE_PHOTO, None
