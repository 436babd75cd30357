"""Queries of jobs, and the submission of a job; `job_states` changes jobs. Functions never commit: their caller
does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import ScalarSelect, any_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.credits import CreditTerms
from bot.db import access, ledger
from bot.db.admin_tables import AccessRule
from bot.db.tables import Job, User
from bot.domain import OPEN_STATES
from bot.errors import TooManyOpenJobs, UnknownUser

DELETABLE = timedelta(days=2)
POSTED_MAX = 100


async def submit(
    session: AsyncSession,
    *,
    user_id: int,
    chat_id: int,
    idempotency_key: str,
    reference_ids: Sequence[UUID],
    style: str,
    prompt: str,
    settings: Mapping[str, object] | None = None,
    pose: str | None = None,
    pose_photo_id: UUID | None = None,
    image_prompt_id: UUID | None = None,
    seed: int,
    person_id: UUID | None = None,
    companion_id: UUID | None = None,
    companion_reference_ids: Sequence[UUID] = (),
    source_job_id: UUID | None = None,
    request_message_id: int | None = None,
    album_id: UUID | None = None,
    open_jobs_max: int,
    credit_terms: CreditTerms | None,
    payer_id: int | None = None,
) -> tuple[Job, bool]:
    """Queues a picture; returns the job and whether it is new. The same key returns the same job.

    `settings` overrides the settings of the style. The user's row is locked first, so two concurrent submissions cannot
    both take the last free place. With `credit_terms` a new job reserves its price, from `payer_id` (locked by the
    caller) if that is not the user. Raises Banned, DailyLimitReached, TooManyOpenJobs, NotEnoughCredits, UnknownUser.
    """
    if await session.scalar(select(User.id).where(User.id == user_id).with_for_update()) is None:
        raise UnknownUser
    earlier, rule, open_jobs = await _before_submission(session, user_id, idempotency_key)
    if earlier is not None:
        return earlier, False
    await access.check_request(session, user_id, rule)
    if open_jobs >= open_jobs_max:
        raise TooManyOpenJobs(limit=open_jobs_max)
    job = Job(
        id=uuid4(),
        idempotency_key=idempotency_key,
        user_id=user_id,
        chat_id=chat_id,
        person_id=person_id,
        companion_id=companion_id,
        companion_reference_ids=list(companion_reference_ids),
        source_job_id=source_job_id,
        request_message_id=request_message_id,
        album_id=album_id,
        reference_ids=list(reference_ids),
        style=style,
        prompt=prompt,
        settings=dict(settings or {}),
        pose=pose,
        pose_photo_id=pose_photo_id,
        image_prompt_id=image_prompt_id,
        seed=seed,
    )
    if credit_terms is not None:  # before the job: a caller that catches NotEnoughCredits may commit
        await ledger.reserve(session, payer_id or user_id, job.id, credit_terms, await ledger.today(session))
    session.add(job)
    await session.flush()
    return job, True


async def _before_submission(
    session: AsyncSession, user_id: int, idempotency_key: str
) -> tuple[Job | None, AccessRule | None, int]:
    """The job of the same key, the access rule of the user, and the number of their pictures in progress; in one round
    trip, because it delays every prompt."""
    counted = select(_open_count(user_id).label("open")).subquery()
    statement = (
        select(Job, AccessRule, counted.c.open)
        .select_from(counted)
        .outerjoin(Job, Job.idempotency_key == idempotency_key)
        .outerjoin(AccessRule, AccessRule.user_id == user_id)
    )
    earlier, rule, open_jobs = (await session.execute(statement)).one()
    return earlier, rule, open_jobs


async def get(session: AsyncSession, job_id: UUID, user_id: int) -> Job | None:
    """The user's own job, unless its picture has been deleted."""
    of_user = (Job.id == job_id, Job.user_id == user_id, Job.removed_at.is_(None))
    return await session.scalar(select(Job).where(*of_user))


async def get_kept_or_removed(session: AsyncSession, job_id: UUID, user_id: int) -> Job | None:
    """The user's own job, also if its picture has been deleted."""
    return await session.scalar(select(Job).where(Job.id == job_id, Job.user_id == user_id))


async def by_message(session: AsyncSession, user_id: int, message_id: int) -> Job | None:
    """The user's own job to which the message belongs: it shows the picture, or asks for another prompt."""
    about = or_(
        Job.result_message_id == message_id,
        Job.edit_message_id == message_id,
        any_(Job.shown_message_ids) == message_id,
    )
    statement = select(Job).where(Job.user_id == user_id, Job.chat_id == user_id, Job.removed_at.is_(None), about)
    return await session.scalar(statement.order_by(Job.created_at.desc()).limit(1))


async def posted_in_groups(session: AsyncSession, user_id: int) -> list[tuple[int, int]]:
    """The messages (chat, message) of the last days that show the user's pictures in groups, newest first. Telegram
    does not let a bot delete older ones."""
    statement = select(Job.chat_id, Job.result_message_id).where(
        Job.user_id == user_id,
        Job.chat_id != user_id,
        Job.result_message_id.is_not(None),
        Job.removed_at.is_(None),
        Job.finished_at > func.now() - DELETABLE,
    )
    rows = await session.execute(statement.order_by(Job.finished_at.desc()).limit(POSTED_MAX))
    return [(chat_id, message_id) for chat_id, message_id in rows if message_id is not None]


async def exists(session: AsyncSession, idempotency_key: str) -> bool:
    """Whether a job with this idempotency key exists."""
    return await session.scalar(select(Job.id).where(Job.idempotency_key == idempotency_key)) is not None


async def count(session: AsyncSession, user_id: int) -> int:
    """The number of the user's jobs, without those whose pictures have been deleted."""
    return await session.scalar(select(func.count()).where(Job.user_id == user_id, Job.removed_at.is_(None))) or 0


async def has_open(session: AsyncSession, act: str) -> bool:
    """Whether a job whose idempotency key begins with `act` is in progress; a second press of the button adds none."""
    key = Job.idempotency_key
    statement = select(Job.id).where(key.startswith(f"{act}:", autoescape=True), Job.state.in_(OPEN_STATES))
    return await session.scalar(statement.limit(1)) is not None


async def count_open(session: AsyncSession, user_id: int) -> int:
    """The number of the user's pictures in progress."""
    return await session.scalar(select(_open_count(user_id))) or 0


def _open_count(user_id: int) -> ScalarSelect[int]:
    return select(func.count()).where(Job.user_id == user_id, Job.state.in_(OPEN_STATES)).scalar_subquery()


@dataclass(frozen=True)
class OpenJob:
    """A picture in progress and the messages about it."""

    job_id: UUID
    chat_id: int
    message_ids: tuple[int, ...]


async def open_jobs(session: AsyncSession, user_id: int) -> list[OpenJob]:
    """The user's pictures in progress."""
    statement = select(Job.id, Job.chat_id, Job.status_message_id, Job.result_message_id)
    rows = await session.execute(statement.where(Job.user_id == user_id, Job.state.in_(OPEN_STATES)))
    return [
        OpenJob(job_id, chat_id, tuple(message_id for message_id in message_ids if message_id is not None))
        for job_id, chat_id, *message_ids in rows
    ]
