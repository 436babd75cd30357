"""The life of a job: every statement that changes its state, lease or counters. Functions never commit.

`bot.domain.MOVES` lists the allowed changes. `_move` builds the WHERE clause of each change of state from it: a row in
any other state stays as it is, so a report that arrives late or twice changes nothing. A job begins QUEUED
(`jobs.submit`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Update, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.session import execute, id_of, seconds_from_now
from bot.db.tables import Job, User
from bot.domain import ATTEMPTS_MAX, MOVES, OPEN_STATES, UNDRAWN_STATES, JobMove, JobState
from engine.contract import Failure, FailureCode, Progress, Result, Started

HANDOUTS_MAX = 3 * ATTEMPTS_MAX
WORKER_LOST = "worker_lost"
UNDELIVERABLE = "undeliverable"
_WITHOUT_WORKER = {"handed_at": None, "lease_until": None, "worker_id": None, "step": 0}


def _move(move: JobMove, *conditions: ColumnElement[bool], **values: Any) -> Update:
    sources, target = MOVES[move]
    return update(Job).where(Job.state.in_(sources), *conditions).values(state=target, **values)


async def hand_out(session: AsyncSession, jobs: Sequence[Job], lease_s: float) -> None:
    """Records that one batch goes to the broker: its jobs share `handed_at`, and their users go to the end of the
    queue."""
    moment = await session.scalar(select(func.clock_timestamp()))
    await session.execute(
        update(Job)
        .where(Job.id.in_([job.id for job in jobs]), Job.state == JobState.QUEUED)
        .values(handed_at=moment, lease_until=seconds_from_now(lease_s), handouts=Job.handouts + 1)
    )
    await session.execute(update(User).where(User.id.in_({job.user_id for job in jobs})).values(served_at=moment))


async def take_back(session: AsyncSession, job_ids: Collection[UUID]) -> None:
    """Returns jobs that the broker did not accept to the queue; this handout does not count."""
    await session.execute(
        update(Job)
        .where(Job.id.in_(job_ids), Job.state == JobState.QUEUED)
        .values(handed_at=None, lease_until=None, handouts=Job.handouts - 1)
    )


async def take_cancelled(session: AsyncSession) -> list[UUID]:
    """Cancelled jobs that the broker or a worker may still hold. Each is returned once."""
    statement = (
        update(Job)
        .where(Job.state == JobState.CANCELLED, Job.lease_until.is_not(None))
        .values(lease_until=None)
        .returning(Job.id)
    )
    return list(await session.scalars(statement))


async def start(session: AsyncSession, report: Started, lease_s: float) -> bool:
    """Records that a worker begins the job. `False` when the report no longer counts, as in the functions below."""
    ignored = ", ".join(report.ignored) or None
    return await _hold(
        session,
        report,
        lease_s,
        worker_id=report.worker_id,
        translated_prompt=report.translated_prompt,
        ignored_words=ignored,
    )


async def progress(session: AsyncSession, report: Progress, lease_s: float) -> bool:
    """Records that a denoising step is done. Steps of an earlier, abandoned attempt do not count."""
    return await _hold(session, report, lease_s, step=report.step, steps=report.steps)


async def _hold(session: AsyncSession, report: Started | Progress, lease_s: float, **values: Any) -> bool:
    conditions = (Job.id == id_of(report.job_id), Job.attempts <= report.attempt)
    statement = _move(JobMove.START, *conditions, attempts=report.attempt, **_begin(lease_s), **values)
    return await execute(session, statement) > 0


async def extend(session: AsyncSession, job_ids: Collection[UUID], worker_id: str, lease_s: float) -> set[UUID]:
    """Extends the leases of the jobs that a worker's heartbeat names; returns those that are still to be drawn."""
    attempts = func.greatest(Job.attempts, 1)
    statement = _move(JobMove.START, Job.id.in_(job_ids), worker_id=worker_id, attempts=attempts, **_begin(lease_s))
    return set(await session.scalars(statement.returning(Job.id)))


async def cap(session: AsyncSession, lease_s: float) -> None:
    """Limits the lease of every undrawn job to `lease_s` from now."""
    late = Job.lease_until > seconds_from_now(lease_s)
    statement = update(Job).where(Job.state.in_(UNDRAWN_STATES), late)
    await session.execute(statement.values(lease_until=seconds_from_now(lease_s)))


def _begin(lease_s: float) -> dict[str, Any]:
    return {
        "handed_at": func.coalesce(Job.handed_at, func.now()),
        "started_at": func.coalesce(Job.started_at, func.now()),
        "lease_until": seconds_from_now(lease_s),
    }


async def finish(session: AsyncSession, report: Result) -> bool:
    """Stores the finished picture, whichever attempt made it; the first one counts."""
    statement = _move(
        JobMove.FINISH,
        Job.id == id_of(report.job_id),
        result=report.image,
        backbone=report.backbone,
        seconds=report.seconds,
        worker_id=report.worker_id,
        started_at=func.coalesce(Job.started_at, func.now()),
        finished_at=func.now(),
        failure=None,
        lease_until=None,
    )
    return await execute(session, statement) > 0


async def fail_attempt(session: AsyncSession, report: Failure) -> bool:
    """Records a failed attempt: the job is queued again if another attempt may succeed and one is left, else it fails.

    CANCELLED for a job that was not cancelled means that the worker gave it up: another attempt may succeed.
    """
    job = await session.scalar(select(Job).where(Job.id == id_of(report.job_id)).with_for_update())
    if job is None or job.state not in UNDRAWN_STATES or report.attempt < job.attempts:
        return False
    may_help = report.retry or report.code == FailureCode.CANCELLED
    if may_help and job.state == JobState.QUEUED and report.attempt == job.attempts:
        return False  # that attempt was given up before: the next one waits already
    if may_help and report.attempt < ATTEMPTS_MAX:
        again = _move(JobMove.REQUEUE, Job.id == job.id, attempts=report.attempt, **_WITHOUT_WORKER)
        return await execute(session, again) > 0
    code = FailureCode.INTERNAL if report.code == FailureCode.CANCELLED else report.code
    return await execute(session, _failure(code, Job.id == job.id).values(attempts=report.attempt)) > 0


async def fail(session: AsyncSession, job_id: UUID, failure: str) -> bool:
    """Ends a job that no worker can draw; `False` if it has ended already."""
    return await execute(session, _failure(failure, Job.id == job_id).values(handed_at=None)) > 0


async def expire(
    session: AsyncSession, lost: ColumnElement[bool], exhausted: ColumnElement[bool]
) -> tuple[list[UUID], list[UUID]]:
    """Takes back the jobs that are `lost`. Returns those queued again, and those failed because they are `exhausted`
    too."""
    failure = _failure(WORKER_LOST, lost, exhausted).values(_WITHOUT_WORKER).returning(Job.id)
    again = _move(JobMove.REQUEUE, lost, ~exhausted, **_WITHOUT_WORKER).returning(Job.id)
    failed = list(await session.scalars(failure))
    return list(await session.scalars(again)), failed


def _failure(failure: str, *conditions: ColumnElement[bool]) -> Update:
    return _move(JobMove.FAIL, *conditions, failure=failure, finished_at=func.now(), lease_until=None)


async def cancel(session: AsyncSession, job_id: UUID, user_id: int) -> bool:
    """Cancels the user's own job; `False` when it has ended already.

    The lease stays: it shows the dispatcher that a worker has to be notified.
    """
    statement = _move(JobMove.CANCEL, Job.id == job_id, Job.user_id == user_id, finished_at=func.now())
    return await execute(session, statement) > 0


async def cancel_album(session: AsyncSession, album_id: UUID, user_id: int) -> bool:
    """Cancels the pictures of an album that are not drawn yet; `False` when all are drawn or have ended."""
    of_album = (Job.album_id == album_id, Job.user_id == user_id)
    return await execute(session, _move(JobMove.CANCEL, *of_album, finished_at=func.now())) > 0


async def deliver(session: AsyncSession, job_id: UUID, file_id: str | None, message_id: int | None = None) -> None:
    """Records that the picture is delivered, in message `message_id` of the job's chat; Telegram stores it from now on.
    Call `close` once the status message is deleted. `file_id` `None` keeps an id that was stored before."""
    values: dict[str, Any] = {"result_file_id": func.coalesce(file_id, Job.result_file_id)}
    if message_id is not None:
        values["shown_message_ids"] = case(
            (Job.chat_id == Job.user_id, func.array_append(Job.shown_message_ids, message_id)),
            else_=Job.shown_message_ids,
        )
    await session.execute(_move(JobMove.DELIVER, Job.id == job_id, **values))


async def fail_delivery(session: AsyncSession, job_id: UUID) -> None:
    """Ends a job whose picture Telegram refuses; its message will show the failure."""
    await session.execute(_move(JobMove.FAIL_DELIVERY, Job.id == job_id, failure=UNDELIVERABLE, result=None))


async def close(session: AsyncSession, *job_ids: UUID) -> None:
    """Closes jobs whose end the user has seen or can no longer see. A job that has not ended stays open."""
    await session.execute(_closure(Job.id.in_(job_ids)))


async def abandon_chat(session: AsyncSession, chat_id: int) -> None:
    """Ends and closes every job of a chat in which the bot may no longer write."""
    in_chat = (Job.chat_id == chat_id, Job.closed_at.is_(None))
    await session.execute(_move(JobMove.CANCEL, *in_chat, finished_at=func.now()))
    await session.execute(_move(JobMove.FAIL_DELIVERY, *in_chat, failure=UNDELIVERABLE))
    await session.execute(_closure(*in_chat))


def _closure(*conditions: ColumnElement[bool]) -> Update:
    """The statement that closes ended jobs. Only a delivered picture keeps its PNG, so that it can be sent as a
    file."""
    remaining_result = case((Job.state == JobState.DELIVERED, Job.result), else_=None)
    return (
        update(Job)
        .where(Job.state.not_in(OPEN_STATES), *conditions)
        .values(closed_at=func.now(), result=remaining_result)
    )
