"""Jobs whose users have not received the result yet, and the messages about them. Functions never commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db import job_states, people
from bot.db.person_tables import Person
from bot.db.session import execute
from bot.db.tables import Job, Reference, User
from bot.domain import APP_USER_IDS_FROM, JobState, ReferenceState


@dataclass(frozen=True)
class PendingStatus:
    """The fields of a job that its status message shows."""

    job_id: UUID
    user_id: int
    chat_id: int
    language: str
    state: str
    handed: bool
    step: int
    steps: int
    failure: str | None
    style: str
    seed: int
    prompt: str
    translated_prompt: str | None
    ignored_words: str | None
    settings: Mapping[str, object]
    pose: str | None
    pose_skipped: bool
    image_prompt_id: UUID | None
    image_prompt_skipped: bool
    message_id: int | None
    result_message_id: int | None
    request_message_id: int | None
    result_file_id: str | None
    album_id: UUID | None
    album_sent_at: datetime | None
    created_at: datetime
    person_name: str | None
    """The name of the person to draw, where the user gave one."""
    person_number: int | None
    """The number of the person among the user's people, oldest first, from 1. In a group, names and numbers are
    None."""
    companion_id: UUID | None
    companion_name: str | None
    companion_number: int | None


class MessageRole(StrEnum):
    """The messages about a job, by the columns that hold their ids."""

    STATUS = "status_message_id"
    RESULT = "result_message_id"


async def pending(session: AsyncSession) -> list[PendingStatus]:
    """Every job about which its user is still to get a message, oldest first; without jobs of apps, whose end users get
    none."""
    companion, private = aliased(Person), Job.chat_id == Job.user_id
    columns = (  # in the order of PendingStatus's fields
        Job.id,
        Job.user_id,
        Job.chat_id,
        User.language,
        Job.state,
        Job.handed_at.is_not(None),
        Job.step,
        Job.steps,
        Job.failure,
        Job.style,
        Job.seed,
        Job.prompt,
        Job.translated_prompt,
        Job.ignored_words,
        Job.settings,
        Job.pose,
        Job.pose_skipped,
        Job.image_prompt_id,
        Job.image_prompt_skipped,
        Job.status_message_id,
        Job.result_message_id,
        Job.request_message_id,
        Job.result_file_id,
        Job.album_id,
        Job.album_sent_at,
        Job.created_at,
        case((private, Person.name), else_=None),  # a group does not read it
        case((private, people.number_of(Person)), else_=None),
        Job.companion_id,
        case((private, companion.name), else_=None),
        case((private, people.number_of(companion)), else_=None),
    )
    named = select(*columns).join(User, User.id == Job.user_id).outerjoin(Person, Person.id == Job.person_id)
    named = named.outerjoin(companion, companion.id == Job.companion_id)
    statement = named.where(Job.closed_at.is_(None), Job.user_id < APP_USER_IDS_FROM)
    rows = await session.execute(statement.order_by(Job.created_at, Job.id))
    names = [field.name for field in fields(PendingStatus)]
    return [PendingStatus(**dict(zip(names, row, strict=True))) for row in rows]


async def picture(session: AsyncSession, job_id: UUID) -> bytes | None:
    """The finished but undelivered picture as PNG."""
    return await session.scalar(select(Job.result).where(Job.id == job_id, Job.state == JobState.DONE))


async def message_sent(session: AsyncSession, job_id: UUID, role: MessageRole, message_id: int | None) -> bool:
    """Stores the id of a message that was sent, or `None` for a message that was deleted. `False` if the job no longer
    exists."""
    return await execute(session, update(Job).where(Job.id == job_id).values({role.value: message_id})) > 0


async def unreachable(session: AsyncSession, user_id: int, chat_id: int) -> None:
    """Ends the jobs of a chat in which the bot may no longer write; the dispatcher cancels them at the workers."""
    if chat_id == user_id:  # the user first, as in job_queue.lock
        await session.execute(
            update(User).where(User.id == user_id, User.blocked_at.is_(None)).values(blocked_at=func.now())
        )
    await job_states.abandon_chat(session, chat_id)


async def chat_moved(session: AsyncSession, chat_id: int, new_chat_id: int) -> None:
    """Moves jobs to the supergroup that a group became, without their messages, which Telegram does not move."""
    await session.execute(
        update(Job)
        .where(Job.chat_id == chat_id, Job.closed_at.is_(None))
        .values(chat_id=new_chat_id, status_message_id=None, result_message_id=None, request_message_id=None)
    )


async def chats_with_photos_waiting(session: AsyncSession, longer_than_s: float) -> list[tuple[int, str]]:
    """Chats in which a photo has waited `longer_than_s` seconds for its examination, with the user's language."""
    statement = (
        select(Reference.chat_id, User.language)
        .join(User, User.id == Reference.user_id)
        .where(
            Reference.state == ReferenceState.PENDING,
            Reference.user_id < APP_USER_IDS_FROM,
            Reference.created_at < func.now() - timedelta(seconds=longer_than_s),
        )
        .distinct()
    )
    return [(chat_id, language) for chat_id, language in (await session.execute(statement))]
