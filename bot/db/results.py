"""Delivered pictures and what their users do with them. Functions never commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.session import execute
from bot.db.tables import Job
from bot.domain import OPEN_STATES, JobState

SEARCHED_MAX = 500
_SHOWN = (Job.state == JobState.DELIVERED, Job.result_file_id.is_not(None), Job.removed_at.is_(None))


@dataclass(frozen=True)
class GalleryPage:
    """One picture of a gallery, newest first; `number` counts from 1."""

    job: Job
    number: int
    count: int
    newer: UUID | None
    older: UUID | None


async def page(session: AsyncSession, user_id: int, job_id: UUID | None, *, favourites: bool) -> GalleryPage | None:
    """The gallery page of a job, or of the newest picture where the job is not in the gallery; `None` for an empty
    gallery."""
    listed: list[ColumnElement[bool]] = [Job.user_id == user_id, *_SHOWN]
    if favourites:
        listed.append(Job.favourite_at.is_not(None))
    count = await session.scalar(select(func.count()).where(*listed)) or 0
    newest_first = select(Job).where(*listed).order_by(Job.created_at.desc(), Job.id.desc()).limit(1)
    job = await session.scalar(newest_first.where(Job.id == job_id)) if job_id is not None else None
    job = job or await session.scalar(newest_first)
    if job is None:
        return None
    place, current = tuple_(Job.created_at, Job.id), tuple_(job.created_at, job.id)
    before = await session.scalar(select(func.count()).where(*listed, place > current)) or 0
    newer = select(Job.id).where(*listed, place > current).order_by(Job.created_at, Job.id).limit(1)
    older = newest_first.with_only_columns(Job.id).where(place < current)
    return GalleryPage(job, before + 1, count, await session.scalar(newer), await session.scalar(older))


async def search(session: AsyncSession, user_id: int, words: str, begin: int, count: int) -> list[Job]:
    """Up to `count` pictures whose prompt contains `words`, newest first, beginning with number `begin`. With words,
    the latest SEARCHED_MAX pictures are searched. Python compares, because Postgres does not lower Cyrillic letters in
    the locale C."""
    newest_first = select(Job).where(Job.user_id == user_id, *_SHOWN).order_by(Job.created_at.desc(), Job.id.desc())
    if not words:
        return list(await session.scalars(newest_first.offset(begin).limit(count)))
    latest = await session.scalars(newest_first.limit(SEARCHED_MAX))
    found = [job for job in latest if words.casefold() in job.prompt.casefold()]
    return found[begin : begin + count]


async def listed(
    session: AsyncSession,
    user_id: int,
    after: tuple[datetime, UUID] | None,
    limit: int,
    *,
    favourites: bool,
    person_id: UUID | None,
) -> Sequence[Job]:
    """Pictures of the gallery, newest first, that are older than `after` (created_at, id); with `person_id` those that
    show this person."""
    statement = select(Job).where(Job.user_id == user_id, *_SHOWN)
    if person_id is not None:
        statement = statement.where(or_(Job.person_id == person_id, Job.companion_id == person_id))
    if favourites:
        statement = statement.where(Job.favourite_at.is_not(None))
    if after is not None:
        statement = statement.where(tuple_(Job.created_at, Job.id) < after)
    return (await session.scalars(statement.order_by(Job.created_at.desc(), Job.id.desc()).limit(limit))).all()


async def set_favourite(session: AsyncSession, job_id: UUID, *, favourite: bool) -> None:
    when = func.now() if favourite else None
    await session.execute(update(Job).where(Job.id == job_id).values(favourite_at=when))


async def report(session: AsyncSession, job_id: UUID, reason: str) -> bool:
    """Records a report; `False` when the picture was reported before."""
    statement = update(Job).where(Job.id == job_id, Job.reported_at.is_(None))
    return await execute(session, statement.values(report_reason=reason, reported_at=func.now())) > 0


async def remove(session: AsyncSession, job_id: UUID) -> bool:
    """Deletes prompt and pictures of a job that has ended; `False` while it is in progress."""
    emptied = {
        "prompt": "", "translated_prompt": None, "ignored_words": None, "result": None, "result_file_id": None,
        "document_file_id": None, "favourite_at": None,
    }  # fmt: skip
    statement = update(Job).where(Job.id == job_id, Job.state.not_in(OPEN_STATES))
    return await execute(session, statement.values(removed_at=func.now(), **emptied)) > 0


async def shown_messages(session: AsyncSession, job: Job) -> list[tuple[int, int]]:
    """The messages (chat, message) that show the picture or its file, messages of an album included. The message below
    an album is left out, because it opens the other pictures too."""
    messages = [(job.user_id, message_id) for message_id in job.shown_message_ids]
    if job.result_message_id is not None and not await _leads_album(session, job):
        messages.append((job.chat_id, job.result_message_id))
    return list(dict.fromkeys(messages))


async def _leads_album(session: AsyncSession, job: Job) -> bool:
    """Whether the job's result message may be the one below an album."""
    if job.album_sent_at is None:
        return False
    members = select(Job.id).where(Job.album_id == job.album_id).order_by(Job.created_at, Job.id)
    return await session.scalar(members.limit(1)) == job.id


async def note_document(session: AsyncSession, job_id: UUID, file_id: str, message_id: int) -> None:
    """Records that Telegram stores the PNG and that message `message_id` shows it, and deletes the PNG from the
    database."""
    message_ids = func.array_append(Job.shown_message_ids, message_id)
    values = {"document_file_id": file_id, "result": None, "shown_message_ids": message_ids}
    await session.execute(update(Job).where(Job.id == job_id).values(values))


async def note_upload(session: AsyncSession, job_id: UUID, file_id: str) -> None:
    """Records that Telegram stores the picture although the user does not have it yet."""
    await session.execute(update(Job).where(Job.id == job_id).values(result_file_id=file_id))


async def note_album(session: AsyncSession, job_ids: Sequence[UUID], *, sent: bool) -> None:
    """Records that an album is about to be sent, or that it was certainly not sent."""
    when = func.now() if sent else None
    await session.execute(update(Job).where(Job.id.in_(job_ids)).values(album_sent_at=when))


async def note_message(
    session: AsyncSession, job_id: UUID, *, result_message_id: int | None = None, question_message_id: int | None = None
) -> None:
    """Records a message of the private chat that shows the picture, or that asked for another prompt."""
    values: dict[str, object] = {}
    if question_message_id is not None:
        values["edit_message_id"] = question_message_id
    if result_message_id is not None:  # a picture of a group stays in its message there
        values["shown_message_ids"] = func.array_append(Job.shown_message_ids, result_message_id)
        values["result_message_id"] = case((Job.chat_id == Job.user_id, result_message_id), else_=Job.result_message_id)
    await session.execute(update(Job).where(Job.id == job_id).values(values))


async def forget_originals(session: AsyncSession, days: int) -> int:
    """Deletes the PNGs of closed jobs whose pictures were finished more than `days` ago."""
    old = (Job.result.is_not(None), or_(Job.finished_at.is_(None), Job.finished_at < func.now() - timedelta(days=days)))
    return await execute(session, update(Job).where(*old, Job.closed_at.is_not(None)).values(result=None))
