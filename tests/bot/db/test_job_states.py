"""Transitions of a job's state, and reports of workers: in order, late, repeated, and about cancelled jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import false, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import job_states, leases, photo_states
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.domain import ATTEMPTS_MAX, MOVES, OPEN_STATES, JobMove, JobState, ReferenceState
from engine.contract import Examination, Failure, FailureCode, Progress, Result, Started, Verdict

ENDED = [JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED]
HANDED = {"handed_at": datetime(2026, 1, 1, tzinfo=UTC), "lease_until": datetime(2026, 1, 1, tzinfo=UTC)}


def _started(job_id: UUID, attempt: int = 1) -> Started:
    return Started(job_id=str(job_id), attempt=attempt, worker_id="w")


def _progress(job_id: UUID, attempt: int = 1, step: int = 1) -> Progress:
    return Progress(job_id=str(job_id), attempt=attempt, step=step, steps=4)


def _result(job_id: UUID, attempt: int = 1, image: bytes = b"png") -> Result:
    return Result(
        job_id=str(job_id), attempt=attempt, worker_id="w", image=image, width=1, height=1, seconds=2.0, backbone="b"
    )


def _failure(job_id: UUID, attempt: int = 1, *, retry: bool = True, code: str = FailureCode.INTERNAL) -> Failure:
    return Failure(job_id=str(job_id), attempt=attempt, code=FailureCode(code), retry=retry)


Step = Callable[[AsyncSession, UUID], Awaitable[Any]]

STEPS: dict[JobMove, list[Step]] = {
    JobMove.START: [
        lambda session, job_id: job_states.start(session, _started(job_id), 15),
        lambda session, job_id: job_states.progress(session, _progress(job_id), 15),
        lambda session, job_id: job_states.extend(session, [job_id], "w", 15),
    ],
    JobMove.REQUEUE: [
        lambda session, job_id: job_states.fail_attempt(session, _failure(job_id)),
        lambda session, job_id: job_states.expire(session, true(), false()),
    ],
    JobMove.FINISH: [lambda session, job_id: job_states.finish(session, _result(job_id))],
    JobMove.FAIL: [
        lambda session, job_id: job_states.fail_attempt(session, _failure(job_id, retry=False)),
        lambda session, job_id: job_states.fail(session, job_id, FailureCode.BAD_PROMPT),
        lambda session, job_id: job_states.expire(session, true(), true()),
    ],
    JobMove.CANCEL: [lambda session, job_id: job_states.cancel(session, job_id, 1)],
    JobMove.DELIVER: [lambda session, job_id: job_states.deliver(session, job_id, "file")],
    JobMove.FAIL_DELIVERY: [lambda session, job_id: job_states.fail_delivery(session, job_id)],
}


@pytest.mark.parametrize("move", JobMove)
async def test_each_step_changes_the_states_that_the_law_names_and_no_other(
    sessions: Sessions, rows: Any, move: JobMove
) -> None:
    await rows.user()
    sources, target = MOVES[move]
    for step in STEPS[move]:
        for state in JobState:
            job_id = await rows.job(state=state, result=b"png")
            before = vars(await rows.get(job_id))
            async with sessions.begin() as session:
                await step(session, job_id)
            job = await rows.get(job_id)
            if state in sources:
                assert job.state == target
            else:
                assert {**vars(job), "_sa_instance_state": None} == {**before, "_sa_instance_state": None}


def test_a_job_that_has_ended_stays_as_it_ended() -> None:
    assert set(MOVES) == set(JobMove)
    assert {state for state in JobState if state not in OPEN_STATES} == set(ENDED)


@pytest.mark.parametrize("state", JobState)
async def test_only_a_job_that_has_ended_is_closed(sessions: Sessions, rows: Any, state: JobState) -> None:
    """A picture that is not delivered yet is not deleted."""
    await rows.user()
    job_id = await rows.job(state=state, result=b"png")
    async with sessions.begin() as session:
        await job_states.close(session, job_id)
    async with sessions() as session:
        result = await session.scalar(select(Job.result).where(Job.id == job_id))
    ended = state in ENDED
    has_file = not ended or state == JobState.DELIVERED  # a delivered picture can be had as a file
    assert ((await rows.get(job_id)).closed_at is not None, result) == (ended, b"png" if has_file else None)


async def test_every_job_of_a_chat_that_is_closed_to_the_bot_ends(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    jobs = {state: await rows.job(state=state, result=b"png") for state in JobState}
    elsewhere = await rows.job(chat_id=2)
    async with sessions.begin() as session:
        await job_states.abandon_chat(session, 1)
    ends = {
        JobState.QUEUED: JobState.CANCELLED,
        JobState.RUNNING: JobState.CANCELLED,
        JobState.DONE: JobState.FAILED,
    }
    for state, job_id in jobs.items():
        job = await rows.get(job_id)
        assert (job.state, job.closed_at is not None) == (ends.get(state, state), True)
    assert (await rows.get(elsewhere)).state == JobState.QUEUED


async def test_a_job_goes_from_the_queue_to_the_picture(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(**HANDED)
    async with sessions.begin() as session:
        assert await job_states.start(session, _started(job_id), 15)
    job = await rows.get(job_id)
    assert (job.state, job.attempts, job.worker_id) == (JobState.RUNNING, 1, "w")
    assert job.lease_until > datetime.now(UTC) + timedelta(seconds=10)
    async with sessions.begin() as session:
        assert await job_states.progress(session, _progress(job_id, step=3), 15)
    assert (await rows.get(job_id)).step == 3
    async with sessions.begin() as session:
        assert await job_states.finish(session, _result(job_id))
    job = await rows.get(job_id)
    assert (job.state, job.lease_until, job.backbone, job.seconds) == (JobState.DONE, None, "b", 2.0)
    assert job.finished_at >= job.started_at


async def test_a_result_that_comes_twice_changes_nothing(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(**HANDED)
    async with sessions.begin() as session:
        assert await job_states.finish(session, _result(job_id, image=b"first"))
        assert not await job_states.finish(session, _result(job_id, attempt=2, image=b"second"))
    async with sessions() as session:
        assert await session.scalar(select(Job.result).where(Job.id == job_id)) == b"first"


@pytest.mark.parametrize("state", ENDED)
async def test_whatever_comes_late_changes_no_end(sessions: Sessions, rows: Any, state: JobState) -> None:
    await rows.user()
    job_id = await rows.job(state=state, attempts=1)
    before = vars(await rows.get(job_id))
    async with sessions.begin() as session:
        assert not await job_states.start(session, _started(job_id), 15)
        assert not await job_states.progress(session, _progress(job_id), 15)
        assert not await job_states.finish(session, _result(job_id))
        assert not await job_states.fail_attempt(session, _failure(job_id, retry=False))
        assert await leases.extend(session, [str(job_id)], "w", 15) == [str(job_id)]
    after = vars(await rows.get(job_id))
    assert {**after, "_sa_instance_state": None} == {**before, "_sa_instance_state": None}


async def test_a_result_of_an_attempt_given_up_is_taken_gladly(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    waiting = await rows.job(attempts=1)
    running = await rows.job(state=JobState.RUNNING, attempts=2, **HANDED)
    async with sessions.begin() as session:
        assert await job_states.finish(session, _result(waiting, attempt=1))
        assert await job_states.finish(session, _result(running, attempt=1))
    assert (await rows.get(waiting)).state == (await rows.get(running)).state == JobState.DONE


async def test_progress_and_failure_of_an_attempt_given_up_do_not_count(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=2, step=2, steps=4, **HANDED)
    async with sessions.begin() as session:
        assert not await job_states.start(session, _started(job_id, 1), 15)
        assert not await job_states.progress(session, _progress(job_id, 1, step=4), 15)
        assert not await job_states.fail_attempt(session, _failure(job_id, 1, retry=False))
    job = await rows.get(job_id)
    assert (job.state, job.attempts, job.step) == (JobState.RUNNING, 2, 2)


async def test_a_failure_worth_another_try_goes_back_into_the_line(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=1, **HANDED)
    async with sessions.begin() as session:
        assert await job_states.fail_attempt(session, _failure(job_id, 1))
    job = await rows.get(job_id)
    assert (job.state, job.handed_at, job.lease_until, job.attempts) == (JobState.QUEUED, None, None, 1)


async def test_a_failure_before_anything_was_heard_counts_as_an_attempt(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(attempts=0, **HANDED)
    async with sessions.begin() as session:
        assert await job_states.fail_attempt(session, _failure(job_id, 1))
    job = await rows.get(job_id)
    assert (job.state, job.handed_at, job.attempts) == (JobState.QUEUED, None, 1)


async def test_a_late_failure_does_not_call_back_the_next_attempt(sessions: Sessions, rows: Any) -> None:
    """The lease ran out, the job was handed out again, and then the first worker reports its failure."""
    await rows.user()
    job_id = await rows.job(attempts=1, handouts=2, **HANDED)
    async with sessions.begin() as session:
        assert not await job_states.fail_attempt(session, _failure(job_id, 1))
    assert (await rows.get(job_id)).handed_at is not None


async def test_after_the_last_attempt_a_failure_is_final(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=ATTEMPTS_MAX, **HANDED)
    async with sessions.begin() as session:
        assert await job_states.fail_attempt(session, _failure(job_id, ATTEMPTS_MAX, code=FailureCode.OUT_OF_MEMORY))
    job = await rows.get(job_id)
    assert (job.state, job.failure, job.lease_until) == (JobState.FAILED, FailureCode.OUT_OF_MEMORY, None)


async def test_a_failure_that_no_retry_helps_is_final_at_once(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=1, **HANDED)
    async with sessions.begin() as session:
        await job_states.fail_attempt(session, _failure(job_id, 1, retry=False, code=FailureCode.BAD_PROMPT))
    job = await rows.get(job_id)
    assert (job.state, job.failure) == (JobState.FAILED, FailureCode.BAD_PROMPT)
    assert job.finished_at is not None


async def test_a_cancellation_that_nobody_asked_for_is_tried_again(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=1, **HANDED)
    async with sessions.begin() as session:
        await job_states.fail_attempt(session, _failure(job_id, 1, retry=False, code=FailureCode.CANCELLED))
    assert (await rows.get(job_id)).state == JobState.QUEUED


async def test_a_heartbeat_extends_what_is_wanted_and_names_what_is_not(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(**HANDED)
    photo_id = await rows.photo(state=ReferenceState.PENDING, **HANDED)
    cancelled = await rows.job(state=JobState.CANCELLED)
    deleted = uuid4()
    held = [str(job_id), str(photo_id), str(cancelled), str(deleted), "not an id of ours"]
    async with sessions.begin() as session:
        assert set(await leases.extend(session, held, "w", 15)) == {str(cancelled), str(deleted)}
    job, photo = await rows.get(job_id), await rows.get_photo(photo_id)
    assert (job.state, job.attempts) == (JobState.RUNNING, 1)
    assert min(job.lease_until, photo.lease_until) > datetime.now(UTC) + timedelta(seconds=10)


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_a_verdict_is_stored_once(sessions: Sessions, rows: Any, verdict: Verdict) -> None:
    await rows.user()
    photo_id = await rows.photo(state=ReferenceState.PENDING, **HANDED)
    async with sessions.begin() as session:
        report = Examination(reference_id=str(photo_id), verdict=verdict, profile=b"profile")
        assert await photo_states.decide(session, report)
        other = Examination(reference_id=str(photo_id), verdict=Verdict.TOO_DARK)
        assert not await photo_states.decide(session, other)
    photo = await rows.get_photo(photo_id)
    assert photo.verdict == verdict
    assert photo.state == (ReferenceState.ACCEPTED if verdict == Verdict.ACCEPTED else ReferenceState.REJECTED)


async def test_reports_about_nothing_of_ours_matter_to_nobody(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        for job_id in (str(uuid4()), "rubbish"):
            assert not await job_states.finish(session, _result(uuid4()).model_copy(update={"job_id": job_id}))
            assert not await job_states.fail_attempt(session, _failure(uuid4()).model_copy(update={"job_id": job_id}))
            assert not await job_states.start(session, _started(uuid4()).model_copy(update={"job_id": job_id}), 15)
            assert not await photo_states.decide(session, Examination(reference_id=job_id, verdict=Verdict.ACCEPTED))
