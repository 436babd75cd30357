"""Leases that run out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.db.job_states import HANDOUTS_MAX, WORKER_LOST
from bot.db.leases import SweepResult, sweep
from bot.db.session import Sessions
from bot.domain import ATTEMPTS_MAX, JobState, ReferenceState
from engine.contract import Verdict

ALIVE_S = 8.0


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


async def _sweep(sessions: Sessions) -> SweepResult:
    async with sessions.begin() as session:
        return await sweep(session, ALIVE_S)


async def test_a_running_job_whose_worker_vanished_is_queued_again(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(
        state=JobState.RUNNING, attempts=1, handed_at=_ago(60), lease_until=_ago(1), worker_id="gone", step=3
    )
    swept = await _sweep(sessions)
    job = await rows.get(job_id)
    assert swept.requeued == [job_id]
    assert (job.state, job.handed_at, job.lease_until, job.worker_id, job.step) == (
        JobState.QUEUED,
        None,
        None,
        None,
        0,
    )
    assert job.attempts == 1


async def test_a_lease_that_holds_is_left_alone(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=1, handed_at=_ago(60), lease_until=_ago(-5))
    assert not await _sweep(sessions)
    assert (await rows.get(job_id)).state == JobState.RUNNING


async def test_after_the_last_attempt_the_job_has_failed_and_says_why(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=ATTEMPTS_MAX, handed_at=_ago(60), lease_until=_ago(1))
    assert (await _sweep(sessions)).failed == [job_id]
    job = await rows.get(job_id)
    assert (job.state, job.failure, job.closed_at) == (JobState.FAILED, WORKER_LOST, None)
    assert job.finished_at is not None


@pytest.mark.parametrize("state", [JobState.DONE, JobState.DELIVERED, JobState.CANCELLED, JobState.FAILED])
async def test_what_has_ended_is_never_swept(sessions: Sessions, rows: Any, state: JobState) -> None:
    await rows.user()
    await rows.worker()
    await rows.job(state=state, handed_at=_ago(60), lease_until=_ago(1))
    assert not await _sweep(sessions)


async def test_a_job_in_the_queue_behind_a_long_batch_is_not_lost(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    await rows.worker(busy=True)
    await rows.job(handed_at=_ago(60), lease_until=_ago(30), handouts=1)
    assert not await _sweep(sessions)


async def test_a_job_in_the_queue_waits_for_a_worker_to_come_back(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    await rows.worker(seen_s_ago=100)
    await rows.job(handed_at=_ago(60), lease_until=_ago(30), handouts=1)
    assert not await _sweep(sessions)


async def test_a_job_in_the_queue_is_lost_when_an_idle_worker_does_not_find_it(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    await rows.worker()
    job_id = await rows.job(handed_at=_ago(60), lease_until=_ago(30), handouts=1)
    assert (await _sweep(sessions)).requeued == [job_id]
    job = await rows.get(job_id)
    assert (job.state, job.handed_at, job.attempts, job.handouts) == (JobState.QUEUED, None, 0, 1)


async def test_a_job_in_the_queue_is_lost_when_a_later_one_was_taken_before_it(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    await rows.worker(busy=True)
    job_id = await rows.job(handed_at=_ago(60), lease_until=_ago(30), handouts=1)
    await rows.job(state=JobState.RUNNING, handed_at=_ago(40), lease_until=_ago(-9), attempts=1)
    assert (await _sweep(sessions)).requeued == [job_id]


async def test_a_job_that_no_worker_ever_takes_fails_in_the_end(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    await rows.worker()
    job_id = await rows.job(handed_at=_ago(60), lease_until=_ago(30), handouts=HANDOUTS_MAX)
    assert (await _sweep(sessions)).failed == [job_id]


async def test_a_lost_photo_is_examined_again_and_after_the_last_attempt_is_unreadable(
    sessions: Sessions, rows: Any
) -> None:
    await rows.user()
    await rows.worker()
    handed = {"state": ReferenceState.PENDING, "handed_at": _ago(60), "lease_until": _ago(30)}
    first, last = await rows.photo(**handed, attempts=1), await rows.photo(**handed, attempts=ATTEMPTS_MAX)
    swept = await _sweep(sessions)
    assert (swept.photos_requeued, swept.photos_refused) == ([first], [last])
    again, refused = await rows.get_photo(first), await rows.get_photo(last)
    assert (again.state, again.handed_at) == (ReferenceState.PENDING, None)
    assert (refused.state, refused.verdict) == (ReferenceState.REJECTED, Verdict.UNREADABLE)


async def test_a_photo_behind_a_long_batch_is_not_lost(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    await rows.worker(busy=True)
    await rows.photo(state=ReferenceState.PENDING, handed_at=_ago(60), lease_until=_ago(30), attempts=1)
    assert not await _sweep(sessions)
    await rows.photo(state=ReferenceState.ACCEPTED, handed_at=_ago(50))
    assert await _sweep(sessions)


def test_handouts_leave_room_for_every_attempt() -> None:
    assert HANDOUTS_MAX > ATTEMPTS_MAX
