"""Jobs of apps, and the callbacks that report their ends. Functions never commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, exists, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import job_states, references
from bot.db.app_tables import AppJob
from bot.db.session import seconds_from_now
from bot.db.tables import Job, Reference, User
from bot.domain import APP_USER_IDS_FROM, OPEN_STATES, UNDRAWN_STATES, JobState, ReferenceState

_OF_APPS = Job.user_id >= APP_USER_IDS_FROM


async def add(session: AsyncSession, job: AppJob) -> None:
    session.add(job)
    await session.flush()
    await session.refresh(job)


async def of_app(session: AsyncSession, app_id: UUID, job_id: UUID) -> AppJob | None:
    """The job of this id, if it belongs to the app."""
    return await session.scalar(select(AppJob).where(AppJob.id == job_id, AppJob.app_id == app_id))


async def by_key(session: AsyncSession, app_id: UUID, idempotency_key: str) -> AppJob | None:
    return await session.scalar(
        select(AppJob).where(AppJob.app_id == app_id, AppJob.idempotency_key == idempotency_key)
    )


async def listed(
    session: AsyncSession, app_id: UUID, user_id: int | None, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[AppJob]:
    """The app's jobs after `after` (created_at, id), newest first; those of one end user where `user_id` is given."""
    statement = select(AppJob).where(AppJob.app_id == app_id)
    if user_id is not None:
        statement = statement.where(AppJob.user_id == user_id)
    if after is not None:
        statement = statement.where(tuple_(AppJob.created_at, AppJob.id) < after)
    return (await session.scalars(statement.order_by(AppJob.created_at.desc(), AppJob.id.desc()).limit(limit))).all()


async def pictures(session: AsyncSession, job_ids: Collection[UUID]) -> Mapping[UUID, list[Job]]:
    """The pictures of the jobs, each in the order in which they were asked for."""
    found: dict[UUID, list[Job]] = {job_id: [] for job_id in job_ids}
    statement = select(Job).where(Job.album_id.in_(job_ids), _OF_APPS).order_by(Job.idempotency_key)
    for job in await session.scalars(statement):
        assert job.album_id is not None
        found[job.album_id].append(job)
    return found


async def names(session: AsyncSession, user_ids: Collection[int]) -> Mapping[int, str]:
    """The apps' own names of their end users."""
    rows = await session.execute(select(User.id, User.app_user).where(User.id.in_(user_ids)))
    return {user_id: name or "" for user_id, name in rows}


async def stored(session: AsyncSession, picture_ids: Collection[UUID]) -> set[UUID]:
    """The ids of those pictures whose PNG is still stored."""
    statement = select(Job.id).where(Job.id.in_(picture_ids), Job.result.is_not(None))
    return set(await session.scalars(statement))


async def png(session: AsyncSession, picture_id: UUID) -> bytes | None:
    return await session.scalar(select(Job.result).where(Job.id == picture_id))


async def count_open(session: AsyncSession, app_id: UUID) -> int:
    """The number of pictures of the app in progress."""
    statement = select(func.count()).select_from(Job).join(User, User.id == Job.user_id)
    return await session.scalar(statement.where(User.app_id == app_id, Job.state.in_(OPEN_STATES))) or 0


async def remove(session: AsyncSession, job_id: UUID) -> None:
    await session.execute(delete(AppJob).where(AppJob.id == job_id))


async def settle(session: AsyncSession) -> None:
    """Delivers and closes the app pictures that have ended. Marks the jobs whose last picture has ended, and makes
    their callbacks due."""
    waiting = select(Job.id, Job.state).where(_OF_APPS, Job.closed_at.is_(None), Job.state.not_in(UNDRAWN_STATES))
    rows = (await session.execute(waiting.with_for_update(skip_locked=True))).all()
    for picture_id, state in rows:
        if state == JobState.DONE:
            await job_states.deliver(session, picture_id, None)
    await job_states.close(session, *[picture_id for picture_id, _ in rows])
    in_progress = exists().where(Job.album_id == AppJob.id, Job.closed_at.is_(None))
    due = case((AppJob.callback_url.is_not(None), func.now()), else_=None)
    ended = update(AppJob).where(AppJob.ended_at.is_(None), ~in_progress)
    await session.execute(ended.values(ended_at=func.now(), call_at=due))


async def settle_photos(session: AsyncSession) -> None:
    """Mark examined photos of end users as answered, since no message is sent, and drop the images of refused ones."""
    statement = select(Reference.id).where(
        Reference.user_id >= APP_USER_IDS_FROM,
        Reference.answered_at.is_(None),
        Reference.state != ReferenceState.PENDING,
    )
    photo_ids = list(await session.scalars(statement))
    if photo_ids:
        await references.mark_answered(session, photo_ids, None)


async def due_calls(session: AsyncSession, hold_s: float, limit: int) -> Sequence[AppJob]:
    """Jobs with a callback that is due, reserved for this process for `hold_s` seconds."""
    due = select(AppJob.id).where(AppJob.call_at <= func.now()).order_by(AppJob.call_at).limit(limit)
    taken = update(AppJob).where(AppJob.id.in_(due.with_for_update(skip_locked=True)))
    held = taken.values(call_at=seconds_from_now(hold_s), calls=AppJob.calls + 1).returning(AppJob)
    return (await session.scalars(held, execution_options={"populate_existing": True})).all()


async def note_call(session: AsyncSession, job_id: UUID, *, confirmed: bool, again_s: float | None) -> None:
    """Stores the result of a callback. `again_s`: seconds until the next attempt, `None` for no further attempt."""
    values = {
        "called_at": func.now() if confirmed else None,
        "call_at": None if again_s is None else seconds_from_now(again_s),
    }
    await session.execute(update(AppJob).where(AppJob.id == job_id).values(values))
