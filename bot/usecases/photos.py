"""Use cases of photos: send, view, delete."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import photo_states, references, users, workers
from bot.db.session import Sessions
from bot.db.tables import Reference
from bot.domain import ReferenceState
from bot.photos import NormalPhoto, Refusal
from bot.usecases.drafts import keep_draft
from bot.usecases.image_prompts import ImagePromptResult, keep_sent_image_prompt
from bot.usecases.ports import Signals
from bot.usecases.poses import PosePhotoResult, keep_pose_photo
from engine.contract import REFERENCES_MAX


@dataclass(frozen=True)
class SentPhoto:
    """One message with a photo: the photo itself, or why it could not be accepted; `prompt` is its caption, cleaned."""

    user_id: int
    chat_id: int
    message_id: int
    album_id: str | None
    photo: NormalPhoto | Refusal
    prompt: str | None = None


@dataclass(frozen=True)
class ReceivedPhoto:
    """The result of sending a photo. `unannounced`: it waits for a worker, and no message says so yet."""

    reference_id: UUID
    unannounced: bool
    worker_alive: bool


@dataclass(frozen=True)
class ReceivePhoto:
    """Keep a photo as the pose photo or the image prompt if one was asked for, else for examination, or note why not;
    in one transaction.

    The same message a second time changes nothing. Call `AnnounceAnswer` next when the photo is unannounced, else the
    verdict comes on its own. Raises UnknownUser.
    """

    sessions: Sessions
    signals: Signals
    alive_s: float

    async def __call__(self, sent: SentPhoto) -> PosePhotoResult | ImagePromptResult | ReceivedPhoto:
        async with self.sessions.begin() as session:
            user = await users.lock(session, sent.user_id)
            row = await references.by_message(session, sent.chat_id, sent.message_id)
            if row is None:
                for keep in (keep_pose_photo, keep_sent_image_prompt):
                    result = await keep(session, user, sent.message_id, sent.album_id, sent.photo)
                    if result is not None:
                        return result
            if sent.prompt is not None:
                await keep_draft(session, user, sent.chat_id, sent.message_id, sent.prompt)
            if row is None:
                row = await self._add(session, sent)
            worker_alive = bool(await workers.alive(session, self.alive_s))
            received = ReceivedPhoto(
                row.id, row.state == ReferenceState.PENDING and not row.answer_message_id, worker_alive
            )
        if not received.unannounced:
            self.signals.wake()
        return received

    async def _add(self, session: AsyncSession, sent: SentPhoto) -> Reference:
        answer = await references.album_answer(session, sent.chat_id, sent.album_id) if sent.album_id else None
        row = Reference(
            id=uuid4(),
            user_id=sent.user_id,
            chat_id=sent.chat_id,
            message_id=sent.message_id,
            album_id=sent.album_id,
            answer_message_id=answer,
            **_content(await self._admitted(session, sent), sent),
        )
        session.add(row)
        await session.flush()
        return row

    async def _admitted(self, session: AsyncSession, sent: SentPhoto) -> NormalPhoto | Refusal:
        """The photo, unless it is stored already or there is no room; one that was refused may be tried again."""
        if isinstance(sent.photo, Refusal):
            return sent.photo
        earlier = await references.by_image(session, sent.user_id, sent.photo.sha256)
        if earlier is not None and earlier.state != ReferenceState.REJECTED:
            return Refusal.KNOWN
        if await self._is_full(session, sent.user_id):
            return Refusal.TOO_MANY
        if earlier is not None:
            await session.delete(earlier)
            await session.flush()
        return sent.photo

    async def _is_full(self, session: AsyncSession, user_id: int) -> bool:
        stored = await references.count(session, user_id, ReferenceState.ACCEPTED, ReferenceState.PENDING)
        return stored >= REFERENCES_MAX


@dataclass(frozen=True)
class ChoosePerson:
    """Have the photo examined again for one of the people on it; number 0 deletes the photo.

    `None`: the choice no longer exists, or it was number 0. Call `AnnounceAnswer` next, as for a new photo."""

    sessions: Sessions
    signals: Signals
    alive_s: float

    async def __call__(self, user_id: int, reference_id: UUID, number: int) -> ReceivedPhoto | None:
        async with self.sessions.begin() as session:
            photo = await references.choosable(session, reference_id, user_id)
            if photo is None or not photo.boxes or not 0 <= number <= len(photo.boxes):
                return None
            if number == 0:
                await session.delete(photo)
                return None
            await photo_states.examine_again(session, photo.id, photo.boxes[number - 1])
            worker_alive = bool(await workers.alive(session, self.alive_s))
        self.signals.wake()
        return ReceivedPhoto(reference_id, True, worker_alive)


@dataclass(frozen=True)
class AnnounceAnswer:
    """Note the message that will become a photo's answer; `False` when the answer has been given meanwhile."""

    sessions: Sessions
    signals: Signals

    async def __call__(self, reference_id: UUID, message_id: int) -> bool:
        async with self.sessions.begin() as session:
            noted = await references.note_answer(session, reference_id, message_id)
        self.signals.wake()
        return noted


@dataclass(frozen=True)
class ListPhotos:
    """The user's photos that were not refused, images loaded, oldest first."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> list[Reference]:
        async with self.sessions() as session:
            return await references.not_rejected(session, user_id)


@dataclass(frozen=True)
class DeletePhoto:
    """Delete one's own photo; gives how many are left. A second time it changes nothing."""

    sessions: Sessions

    async def __call__(self, user_id: int, reference_id: UUID) -> int:
        async with self.sessions.begin() as session:
            await references.remove(session, reference_id, user_id)
            return await references.count(session, user_id, ReferenceState.ACCEPTED, ReferenceState.PENDING)


def _content(photo: NormalPhoto | Refusal, sent: SentPhoto) -> dict[str, object]:
    """Nothing of a refused photo is kept; the unique column of hashes gets that of the message's address."""
    if isinstance(photo, NormalPhoto):
        return {"image": photo.jpeg, "width": photo.width, "height": photo.height, "sha256": photo.sha256}
    address = hashlib.sha256(f"{sent.chat_id}:{sent.message_id}".encode()).hexdigest()
    refused = {"state": ReferenceState.REJECTED, "verdict": photo.value}
    return {**refused, "image": b"", "width": 0, "height": 0, "sha256": address}
