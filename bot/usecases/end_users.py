"""Use cases of the end users of apps: consent, photos, and deletion of all their data."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bot.admin_acts import Act
from bot.db import apps, audit, consents, image_prompts, jobs, ledger, references, users
from bot.db.session import Sessions, database_time
from bot.db.tables import ImagePrompt, Reference, User
from bot.domain import CONSENT_VERSION
from bot.errors import NoConsent, UnknownUser
from bot.photos import NormalPhoto, Refusal
from bot.usecases.apps import ApiClient
from bot.usecases.photos import ReceivePhoto, SentPhoto
from bot.usecases.ports import Signals


@dataclass(frozen=True)
class AgreeForEndUser:
    """The app declares that an end user agrees to the terms; returns whether the end user is new.

    Raises NoConsent for a version of the terms that is not in force, UnknownUser where the app is gone.
    """

    sessions: Sessions

    async def __call__(self, client: ApiClient, name: str, version: int, language: str) -> tuple[User, bool]:
        if version != CONSENT_VERSION:
            raise NoConsent(CONSENT_VERSION)
        async with self.sessions.begin() as session:
            await users.lock(session, client.owner_id)
            user = await apps.end_user(session, client.app_id, name)
            is_new = user is None
            if user is None:
                user = await apps.add_end_user(session, client.app_id, name, language)
            user.language = language
            if user.consent_version != version:
                user.consent_version = version
                user.consent_at = await database_time(session)
                await consents.add(session, user.id, version, language)
        return user, is_new


@dataclass(frozen=True)
class FindEndUser:
    """Returns the app's end user. Raises UnknownUser; with `consenting`, NoConsent where they have not agreed to the
    terms in force."""

    sessions: Sessions

    async def __call__(self, client: ApiClient, name: str, *, consenting: bool = False) -> User:
        async with self.sessions.begin() as session:
            user = await apps.end_user(session, client.app_id, name)
            if user is None:
                raise UnknownUser
            if consenting and user.consent_version != CONSENT_VERSION:
                raise NoConsent(CONSENT_VERSION)
            await apps.note_activity(session, user.id)
        return user


@dataclass(frozen=True)
class ListEndUsers:
    """A page of the app's end users, newest first, from below `after` (created_at, id) on."""

    sessions: Sessions

    async def __call__(self, client: ApiClient, after: tuple[datetime, int] | None, limit: int) -> Sequence[User]:
        async with self.sessions() as session:
            return await apps.end_users(session, client.app_id, after, limit)


@dataclass(frozen=True)
class DeleteEndUser:
    """Delete every row of an end user and cancel the jobs that are drawn for them. Raises UnknownUser.

    Delivered pictures are booked first, because a deleted job counts as one without a picture.
    """

    sessions: Sessions
    signals: Signals

    async def __call__(self, client: ApiClient, name: str) -> None:
        async with self.sessions.begin() as session:
            await users.lock(session, client.owner_id)
            user = await apps.end_user(session, client.app_id, name)
            if user is None:
                raise UnknownUser
            await users.lock(session, user.id)
            await ledger.reconcile(session, await ledger.today(session), client.owner_id)
            open_jobs = await jobs.open_jobs(session, user.id)
            await users.remove(session, user.id)
            await audit.note_of_app(session, client.key_id, Act.APP_DELETE_USER)
        if open_jobs:
            await self.signals.cancelled([job.job_id for job in open_jobs])


@dataclass(frozen=True)
class AddReference:
    """Stores a photo for examination; returns its row and whether it is new. A photo that is stored already is
    unchanged.

    Raises UnknownUser. `Refusal.TOO_MANY`: there is no room.
    """

    sessions: Sessions
    receive_photo: ReceivePhoto

    async def __call__(self, user_id: int, photo: NormalPhoto) -> tuple[Reference, bool] | Refusal:
        message_id = secrets.randbelow(2**31)  # there is no message: chat and message only tell a user's photos apart
        await self.receive_photo(SentPhoto(user_id, user_id, message_id, None, photo))
        async with self.sessions.begin() as session:
            row = await references.by_message(session, user_id, message_id)
            if row is None:
                raise UnknownUser
            if row.verdict not in (Refusal.KNOWN, Refusal.TOO_MANY):
                return row, True
            await session.delete(row)
            earlier = await references.by_image(session, user_id, photo.sha256)
            return Refusal.TOO_MANY if earlier is None else (earlier, False)


@dataclass(frozen=True)
class RemoveReference:
    """Delete a photo of an end user; a second time it changes nothing."""

    sessions: Sessions

    async def __call__(self, client: ApiClient, user_id: int, reference_id: UUID) -> None:
        async with self.sessions.begin() as session:
            if await references.remove(session, reference_id, user_id):
                await audit.note_of_app(session, client.key_id, Act.APP_DELETE_PHOTO, subject=reference_id)


@dataclass(frozen=True)
class KeepImagePrompt:
    """Stores the image prompt of the end user, in place of the earlier one. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, user_id: int, photo: NormalPhoto) -> None:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            await image_prompts.add(session, ImagePrompt(user_id=user_id, message_id=0, image=photo.jpeg))


@dataclass(frozen=True)
class RemoveImagePrompt:
    """Deletes the image prompt, if there is one. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, client: ApiClient, user_id: int) -> None:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            if await image_prompts.of_user(session, user_id) is not None:
                await image_prompts.remove(session, user_id)
                await audit.note_of_app(session, client.key_id, Act.APP_DELETE_IMAGE_PROMPT)


@dataclass(frozen=True)
class ListReferences:
    """The photos of a user without images, oldest first; refused ones for as long as their rows are kept."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> list[Reference]:
        async with self.sessions() as session:
            return await references.of_user(session, user_id)


@dataclass(frozen=True)
class ReadReference:
    """The image of a user's own photo; `None`: there is none."""

    sessions: Sessions

    async def __call__(self, user_id: int, reference_id: UUID) -> bytes | None:
        async with self.sessions() as session:
            return await references.image(session, reference_id, user_id) or None


@dataclass(frozen=True)
class CountReferences:
    """The number of each end user's photos that are accepted or wait for verdicts; those without any are left out."""

    sessions: Sessions

    async def __call__(self, user_ids: Collection[int]) -> dict[int, int]:
        async with self.sessions() as session:
            return await references.counts(session, user_ids)


@dataclass(frozen=True)
class EndUserUseCases:
    agree: AgreeForEndUser
    find: FindEndUser
    list: ListEndUsers
    delete: DeleteEndUser
    add_reference: AddReference
    remove_reference: RemoveReference
    keep_image_prompt: KeepImagePrompt
    remove_image_prompt: RemoveImagePrompt
    list_references: ListReferences
    count_references: CountReferences


def build_end_users(sessions: Sessions, signals: Signals, receive_photo: ReceivePhoto) -> EndUserUseCases:
    return EndUserUseCases(
        agree=AgreeForEndUser(sessions),
        find=FindEndUser(sessions),
        list=ListEndUsers(sessions),
        delete=DeleteEndUser(sessions, signals),
        add_reference=AddReference(sessions, receive_photo),
        remove_reference=RemoveReference(sessions),
        keep_image_prompt=KeepImagePrompt(sessions),
        remove_image_prompt=RemoveImagePrompt(sessions),
        list_references=ListReferences(sessions),
        count_references=CountReferences(sessions),
    )


def reference_of(photos: Sequence[Reference], reference_id: UUID) -> Reference | None:
    return next((photo for photo in photos if photo.id == reference_id), None)
