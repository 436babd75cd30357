"""Use cases of the image prompt, the picture whose style is followed: take it, choose, pin and delete it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import image_prompts, references, users, workers
from bot.db.session import Sessions, database_time
from bot.db.tables import ImagePrompt, User
from bot.domain import ReferenceState
from bot.photos import NormalPhoto, Refusal


class ImagePromptResult(Enum):
    """The result of sending an image prompt."""

    KEPT = auto()
    """Stored now, or at an earlier delivery of the same message, whose answer may have been lost."""
    REFUSED = auto()
    """The file cannot be used; the next photo is still taken as the image prompt."""
    SKIPPED = auto()
    """Another photo of its album is the image prompt."""


@dataclass(frozen=True)
class ImagePromptState:
    """`offered`: every living worker reads image prompts, so that none is ever lost. `stored`: there is one to
    choose."""

    offered: bool
    stored: bool
    chosen: bool
    pinned: bool


@dataclass(frozen=True)
class ImagePromptUseCases:
    """The use cases of image prompts. Each raises UnknownUser."""

    sessions: Sessions
    alive_s: float

    async def offered(self) -> bool:
        async with self.sessions() as session:
            return await workers.all_read_image_prompts(session, self.alive_s)

    async def state(self, user_id: int) -> ImagePromptState:
        """A user who looks at it is no longer expected to send one."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.image_prompt_asked_at = None
            return await image_prompt_state(session, user, self.alive_s)

    async def choose(self, user_id: int, *, chosen: bool) -> None:
        """Chooses the stored one for the next picture, or none; it stays stored."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.image_prompt = chosen and await image_prompts.of_user(session, user_id) is not None
            user.image_prompt_pinned = user.image_prompt_pinned and user.image_prompt
            user.image_prompt_asked_at = None

    async def pin(self, user_id: int, *, pinned: bool) -> None:
        """Chooses it for all future pictures, or for the next one only."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.image_prompt_pinned = pinned and user.image_prompt

    async def ask(self, user_id: int) -> None:
        """The next photo will be the image prompt."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            user.image_prompt_asked_at, user.pose_asked_at = await database_time(session), None

    async def delete(self, user_id: int) -> None:
        """Deletes the image prompt; future pictures follow none."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            await image_prompts.remove(session, user_id)
            user.image_prompt = user.image_prompt_pinned = False

    async def take_picture(self, user_id: int, message_id: int, job_id: UUID, photo: NormalPhoto) -> None:
        """A picture of the bot's, which the message shows."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            await _keep(session, user, ImagePrompt(message_id=message_id, job_id=job_id, image=photo.jpeg))

    async def take_photo(self, user_id: int, chat_id: int, message_id: int, photo: NormalPhoto) -> bool:
        """A photo that the message brought. It is no photo of the person from now on; returns whether it was one."""
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            was_reference = False
            for row in (
                await references.by_image(session, user_id, photo.sha256),
                await references.by_message(session, chat_id, message_id),
            ):
                if row is not None and row.user_id == user_id and await references.remove(session, row.id, user_id):
                    was_reference |= row.state == ReferenceState.ACCEPTED
            await _keep(session, user, ImagePrompt(message_id=message_id, image=photo.jpeg))
        return was_reference


async def image_prompt_state(session: AsyncSession, user: User, alive_s: float) -> ImagePromptState:
    stored = await image_prompts.of_user(session, user.id) is not None
    offered = await workers.all_read_image_prompts(session, alive_s)
    chosen = stored and user.image_prompt
    return ImagePromptState(offered, stored, chosen, chosen and user.image_prompt_pinned)


async def keep_sent_image_prompt(
    session: AsyncSession, user: User, message_id: int, album_id: str | None, photo: NormalPhoto | Refusal
) -> ImagePromptResult | None:
    """Keep a photo as the image prompt if one was asked for a moment ago, else `None`. `user` is locked.

    The same message a second time changes nothing.
    """
    stored = await image_prompts.of_user(session, user.id)
    if stored is not None and stored.message_id == message_id:
        return ImagePromptResult.KEPT
    if stored is not None and album_id is not None and stored.album_id == album_id:
        return ImagePromptResult.SKIPPED
    if not await image_prompts.is_awaited(session, user.id):
        return None
    if isinstance(photo, Refusal):
        return ImagePromptResult.REFUSED
    await _keep(session, user, ImagePrompt(message_id=message_id, album_id=album_id, image=photo.jpeg))
    return ImagePromptResult.KEPT


async def _keep(session: AsyncSession, user: User, image_prompt: ImagePrompt) -> None:
    image_prompt.user_id = user.id
    await image_prompts.add(session, image_prompt)
    user.image_prompt, user.image_prompt_asked_at = True, None
