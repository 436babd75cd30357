"""Use cases of photos: send, view, delete."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import people, photo_states, poses, references, users, workers
from bot.db.session import Sessions
from bot.db.tables import Reference
from bot.domain import OtherPersonChoice, ReferenceState
from bot.photos import NormalPhoto, Refusal
from bot.usecases.drafts import keep_draft
from bot.usecases.image_prompts import ImagePromptResult, keep_sent_image_prompt
from bot.usecases.persons import add_person
from bot.usecases.ports import Signals
from bot.usecases.poses import PosePhotoResult, await_pose_photo
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
    """Keep a photo as the image prompt or for its pose if one was asked for, else for examination, or note why not;
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
            for_pose = False
            if row is None:
                stored = await poses.of_user(session, user.id)
                if stored is not None and stored.message_id == sent.message_id:
                    return PosePhotoResult.SKIPPED
                result = await await_pose_photo(session, user, sent.chat_id, sent.album_id, sent.photo)
                if result in (PosePhotoResult.REFUSED, PosePhotoResult.SKIPPED):
                    return result
                for_pose = result is PosePhotoResult.EXAMINE
                if not for_pose:
                    image_prompt = await keep_sent_image_prompt(
                        session, user, sent.message_id, sent.album_id, sent.photo
                    )
                    if image_prompt is not None:
                        return image_prompt
            if sent.prompt is not None:
                await keep_draft(session, user, sent.chat_id, sent.message_id, sent.prompt)
            if row is None:
                row = await self._add(session, sent, for_pose=for_pose)
            worker_alive = bool(await workers.alive(session, self.alive_s))
            received = ReceivedPhoto(
                row.id, row.state == ReferenceState.PENDING and not row.answer_message_id, worker_alive
            )
        if not received.unannounced:
            self.signals.wake()
        return received

    async def _add(self, session: AsyncSession, sent: SentPhoto, *, for_pose: bool) -> Reference:
        answer = await references.album_answer(session, sent.chat_id, sent.album_id) if sent.album_id else None
        person_id = None if for_pose else await people.current(session, sent.user_id)
        photo = sent.photo if person_id is None else await self._admitted(session, sent, person_id)
        row = Reference(
            id=uuid4(),
            user_id=sent.user_id,
            person_id=person_id,
            chat_id=sent.chat_id,
            message_id=sent.message_id,
            album_id=sent.album_id,
            answer_message_id=answer,
            for_pose=for_pose,
            **_content(photo, sent, for_pose=for_pose),
        )
        session.add(row)
        await session.flush()
        return row

    async def _admitted(self, session: AsyncSession, sent: SentPhoto, person_id: UUID) -> NormalPhoto | Refusal:
        """The photo, unless it is stored already or there is no room; one that was refused may be tried again."""
        if isinstance(sent.photo, Refusal):
            return sent.photo
        earlier = await references.by_image(session, sent.user_id, sent.photo.sha256)
        if earlier is not None and earlier.state != ReferenceState.REJECTED:
            return Refusal.KNOWN
        if await self._is_full(session, sent.user_id, person_id):
            return Refusal.TOO_MANY
        if earlier is not None:
            await session.delete(earlier)
            await session.flush()
        return sent.photo

    async def _is_full(self, session: AsyncSession, user_id: int, person_id: UUID) -> bool:
        usable = (ReferenceState.ACCEPTED, ReferenceState.PENDING)
        stored = await people.count_photos(session, user_id, person_id, *usable)
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
class DecideOtherPerson:
    """Decides about a photo that shows another person than the earlier ones, and about those of its album.

    Gives the number of photos decided: 0 where there are none, or no room for one. Raises TooManyPeople."""

    sessions: Sessions
    signals: Signals

    async def __call__(self, user_id: int, reference_id: UUID, choice: OtherPersonChoice) -> int:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            photos = await references.of_others(session, reference_id, user_id)
            if not photos:
                return 0
            if choice is OtherPersonChoice.IGNORE:
                for photo in photos:
                    await session.delete(photo)
                return len(photos)
            person_id = photos[0].person_id or await people.current(session, user_id)
            if choice is OtherPersonChoice.REPLACE:
                await people.remove_accepted(session, user_id, person_id)
            elif choice is OtherPersonChoice.SEPARATE:
                person_id = await add_person(session, user_id)
            kept = (ReferenceState.ACCEPTED, ReferenceState.PENDING)
            stored = await people.count_photos(session, user_id, person_id, *kept)
            photos = photos[: max(REFERENCES_MAX - stored, 0)]
            await photo_states.accept_other(session, photos, person_id)
        self.signals.wake()
        return len(photos)


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
    """The photos of a person, by default of the current one, that were not refused; images loaded, oldest first."""

    sessions: Sessions

    async def __call__(self, user_id: int, person_id: UUID | None = None) -> list[Reference]:
        async with self.sessions() as session:
            person_id = person_id or await people.current_id(session, user_id)
            return await people.photos(session, user_id, person_id)


@dataclass(frozen=True)
class DeletePhoto:
    """Delete one's own photo; gives how many are left of its person. A second time it changes nothing."""

    sessions: Sessions

    async def __call__(self, user_id: int, reference_id: UUID) -> int:
        async with self.sessions.begin() as session:
            person_id = await references.person_of(session, reference_id, user_id)
            await references.remove(session, reference_id, user_id)
            person_id = person_id or await people.current_id(session, user_id)
            kept = (ReferenceState.ACCEPTED, ReferenceState.PENDING)
            return await people.count_photos(session, user_id, person_id, *kept)


def _content(photo: NormalPhoto | Refusal, sent: SentPhoto, *, for_pose: bool) -> dict[str, object]:
    """Drops the content of a refused photo. The unique column of hashes gets the hash of the message's address, as for
    a pose photo, which may equal one of the person's photos."""
    address = hashlib.sha256(f"{sent.chat_id}:{sent.message_id}".encode()).hexdigest()
    if isinstance(photo, NormalPhoto):
        sha256 = address if for_pose else photo.sha256
        return {"image": photo.jpeg, "width": photo.width, "height": photo.height, "sha256": sha256}
    refused = {"state": ReferenceState.REJECTED, "verdict": photo.value}
    return {**refused, "image": b"", "width": 0, "height": 0, "sha256": address}
