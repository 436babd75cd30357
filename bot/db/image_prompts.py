"""Image prompts: pictures whose style a user's pictures follow. Functions never commit."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db.session import execute
from bot.db.tables import ImagePrompt, Job, User
from bot.domain import OPEN_STATES, SENT_PHOTO_PATIENCE


async def of_user(session: AsyncSession, user_id: int) -> ImagePrompt | None:
    """The user's latest image prompt, without its image."""
    statement = select(ImagePrompt).where(ImagePrompt.user_id == user_id)
    return await session.scalar(statement.order_by(ImagePrompt.created_at.desc(), ImagePrompt.id).limit(1))


async def is_awaited(session: AsyncSession, user_id: int) -> bool:
    """Whether the bot asked the user for an image prompt within the last minutes."""
    expects_picture = select(User.image_prompt_asked_at > func.now() - SENT_PHOTO_PATIENCE).where(User.id == user_id)
    return bool(await session.scalar(expects_picture))


async def exists_still(session: AsyncSession, image_prompt_id: UUID) -> bool:
    return await session.scalar(select(ImagePrompt.id).where(ImagePrompt.id == image_prompt_id)) is not None


async def add(session: AsyncSession, image_prompt: ImagePrompt) -> None:
    """Stores an image prompt and deletes the user's others, except those that pictures in progress use. The user is
    locked.

    The time is set here, because the column's default is the time at which the transaction began: a later transaction
    may have begun earlier.
    """
    latest = select(func.max(ImagePrompt.created_at) + timedelta(microseconds=1))
    latest = latest.where(ImagePrompt.user_id == image_prompt.user_id)
    image_prompt.created_at = func.greatest(func.clock_timestamp(), latest.scalar_subquery())
    session.add(image_prompt)
    await session.flush()
    others = (ImagePrompt.user_id == image_prompt.user_id, ImagePrompt.id != image_prompt.id)
    await session.execute(delete(ImagePrompt).where(*others, _unused()))


async def remove(session: AsyncSession, user_id: int) -> None:
    """Deletes all image prompts of the user."""
    await session.execute(delete(ImagePrompt).where(ImagePrompt.user_id == user_id))


async def remove_of_job(session: AsyncSession, job_id: UUID) -> None:
    """Deletes the image prompt that is the picture of this job."""
    await session.execute(delete(ImagePrompt).where(ImagePrompt.job_id == job_id))


async def forget_replaced(session: AsyncSession) -> int:
    """Deletes image prompts that later ones have replaced and that no picture in progress uses; returns how many."""
    later = aliased(ImagePrompt)
    replaced = exists().where(later.user_id == ImagePrompt.user_id, later.created_at > ImagePrompt.created_at)
    return await execute(session, delete(ImagePrompt).where(replaced, _unused()))


async def sizes(session: AsyncSession, image_prompt_ids: Collection[UUID]) -> dict[UUID, int]:
    """The sizes in bytes of the image prompts that still exist; no image is read."""
    if not image_prompt_ids:
        return {}
    chosen = ImagePrompt.id.in_(image_prompt_ids)
    rows = await session.execute(select(ImagePrompt.id, func.length(ImagePrompt.image)).where(chosen))
    return {row[0]: row[1] for row in rows}


async def images(session: AsyncSession, image_prompt_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """The image prompts that still exist, with their images."""
    if not image_prompt_ids:
        return {}
    chosen = ImagePrompt.id.in_(image_prompt_ids)
    rows = await session.execute(select(ImagePrompt.id, ImagePrompt.image).where(chosen))
    return {row.id: row.image for row in rows}


def _unused() -> ColumnElement[bool]:
    """A condition on image prompts: no picture in progress uses them."""
    return ~exists().where(Job.image_prompt_id == ImagePrompt.id, Job.state.in_(OPEN_STATES))
