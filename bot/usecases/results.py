"""Use cases of delivered pictures: favourite, file, report, delete, gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import image_prompts, jobs, results, review
from bot.db.results import GalleryPage
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.domain import CaseKind, ReportReason
from bot.errors import PictureGone, PictureInProgress


async def job_of_user(session: AsyncSession, job_id: UUID, user_id: int) -> Job:
    """The user's own job. Raises PictureGone."""
    job = await jobs.get(session, job_id, user_id)
    if job is None:
        raise PictureGone
    return job


@dataclass(frozen=True)
class SetFavourite:
    """Returns the job as it is now. Raises PictureGone."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID, *, favourite: bool) -> Job:
        async with self.sessions.begin() as session:
            job = await job_of_user(session, job_id, user_id)
            await results.set_favourite(session, job.id, favourite=favourite)
            await session.refresh(job)
        return job


@dataclass(frozen=True)
class Original:
    """The PNG of a picture: its bytes, or Telegram's id of it; both `None` when it is no longer stored."""

    job: Job
    png: bytes | None
    file_id: str | None


@dataclass(frozen=True)
class TakeOriginal:
    """The PNG of a picture. Raises PictureGone; call `settle` when Telegram has it, in message `message_id`."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID) -> Original:
        async with self.sessions() as session:
            job = await job_of_user(session, job_id, user_id)
            if job.document_file_id is None:
                await session.refresh(job, ["result"])
                return Original(job, job.result, None)
            return Original(job, None, job.document_file_id)

    async def settle(self, job_id: UUID, file_id: str, message_id: int) -> None:
        async with self.sessions.begin() as session:
            await results.note_document(session, job_id, file_id, message_id)


@dataclass(frozen=True)
class ReportPicture:
    """Returns the job, and the case that admins have to decide; `None` when the picture was reported before. Raises
    PictureGone."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID, reason: ReportReason) -> tuple[Job, UUID | None]:
        async with self.sessions.begin() as session:
            job = await job_of_user(session, job_id, user_id)
            if not await results.report(session, job.id, reason):
                return job, None
            return job, await review.open_case(session, job, CaseKind.REPORT, reason)


@dataclass(frozen=True)
class RemovePicture:
    """Delete what is kept of a picture, as an image prompt too. Gives the messages that show it (chat, message); a
    second time the same, so that a caller that failed to delete a message may repeat both. Raises PictureInProgress,
    PictureGone."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID) -> list[tuple[int, int]]:
        async with self.sessions.begin() as session:
            job = await jobs.get_kept_or_removed(session, job_id, user_id)
            if job is None:
                raise PictureGone
            await image_prompts.remove_of_job(session, job.id)
            if job.removed_at is None and not await results.remove(session, job.id):
                raise PictureInProgress
            return await results.shown_messages(session, job)


@dataclass(frozen=True)
class BrowseGallery:
    """Returns one page of the user's pictures; `None` where there are none."""

    sessions: Sessions

    async def __call__(self, user_id: int, job_id: UUID | None = None, *, favourites: bool) -> GalleryPage | None:
        async with self.sessions() as session:
            return await results.page(session, user_id, job_id, favourites=favourites)


@dataclass(frozen=True)
class SearchPictures:
    """The user's pictures whose prompt has the words, newest first; nobody's where the user has none."""

    sessions: Sessions

    async def __call__(self, user_id: int, words: str, begin: int, count: int) -> list[Job]:
        async with self.sessions() as session:
            return await results.search(session, user_id, words.strip(), begin, count)


@dataclass(frozen=True)
class ListPictures:
    """Several of the user's pictures, newest first, from below `after` (created_at, id) on; with `person_id` those
    that show this person."""

    sessions: Sessions

    async def __call__(
        self,
        user_id: int,
        after: tuple[datetime, UUID] | None,
        limit: int,
        *,
        favourites: bool,
        person_id: UUID | None = None,
    ) -> Sequence[Job]:
        async with self.sessions() as session:
            return await results.listed(session, user_id, after, limit, favourites=favourites, person_id=person_id)


@dataclass(frozen=True)
class NoteMessage:
    """Remember the message that shows a picture now, or the one that asked for another prompt for it."""

    sessions: Sessions

    async def __call__(
        self, job_id: UUID, *, result_message_id: int | None = None, question_message_id: int | None = None
    ) -> None:
        async with self.sessions.begin() as session:
            await results.note_message(
                session, job_id, result_message_id=result_message_id, question_message_id=question_message_id
            )
