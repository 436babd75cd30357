"""Pose photos: photos whose pose a user's pictures take. Functions never commit."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.session import execute
from bot.db.tables import PosePhoto, User
from bot.domain import SENT_PHOTO_PATIENCE


async def of_user(session: AsyncSession, user_id: int) -> PosePhoto | None:
    """The user's pose photo, without its image."""
    return await session.scalar(select(PosePhoto).where(PosePhoto.user_id == user_id))


async def is_awaited(session: AsyncSession, user_id: int) -> bool:
    """Whether the bot asked the user for a pose photo within the last minutes."""
    expects_photo = select(User.pose_asked_at > func.now() - SENT_PHOTO_PATIENCE).where(User.id == user_id)
    return bool(await session.scalar(expects_photo))


async def replace(session: AsyncSession, photo: PosePhoto) -> None:
    """Stores `photo` and deletes the user's earlier pose photo."""
    await remove(session, photo.user_id)
    session.add(photo)
    await session.flush()


async def remove(session: AsyncSession, user_id: int) -> bool:
    """Deletes the user's pose photo; `False` when there is none."""
    return await execute(session, delete(PosePhoto).where(PosePhoto.user_id == user_id)) > 0


async def sizes(session: AsyncSession, photo_ids: Collection[UUID]) -> dict[UUID, int]:
    """The sizes in bytes of the pose photos that still exist; no image is read."""
    if not photo_ids:
        return {}
    rows = await session.execute(select(PosePhoto.id, func.length(PosePhoto.image)).where(PosePhoto.id.in_(photo_ids)))
    return {row[0]: row[1] for row in rows}


async def images(session: AsyncSession, photo_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """The pose photos that still exist, with their images."""
    if not photo_ids:
        return {}
    rows = await session.execute(select(PosePhoto.id, PosePhoto.image).where(PosePhoto.id.in_(photo_ids)))
    return {row.id: row.image for row in rows}
