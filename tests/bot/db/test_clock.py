"""The clock of the database set back, so that earlier rows have times in the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.db import leases, workers
from bot.db.session import Sessions
from bot.domain import JobState, ReferenceState
from engine.contract import Heartbeat

ALIVE_S, LEASE_S = 8.0, 15.0
STEP = timedelta(hours=1)


async def test_a_worker_seen_in_the_future_is_not_alive_until_it_is_heard_again(sessions: Sessions, rows: Any) -> None:
    await rows.worker(seen_s_ago=-STEP.total_seconds())
    async with sessions.begin() as session:
        assert await workers.alive(session, ALIVE_S) == []
        await workers.store(session, Heartbeat(worker_id="w", backbone="b", device="cpu"))
    async with sessions.begin() as session:
        assert [worker.id for worker in await workers.alive(session, ALIVE_S)] == ["w"]


async def test_leases_that_end_too_late_are_shortened_to_a_lease_from_now(sessions: Sessions, rows: Any) -> None:
    future = datetime.now(UTC) + STEP
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=1, handed_at=future, lease_until=future)
    photo_id = await rows.photo(state=ReferenceState.PENDING, handed_at=future, lease_until=future)
    ended = await rows.job(state=JobState.CANCELLED, lease_until=future)
    async with sessions.begin() as session:
        await leases.cap(session, LEASE_S)
    limit = datetime.now(UTC) + timedelta(seconds=LEASE_S)
    assert (await rows.get(job_id)).lease_until <= limit
    assert (await rows.get_photo(photo_id)).lease_until <= limit
    assert (await rows.get(ended)).lease_until == future


async def test_a_lease_of_ordinary_length_is_left_alone(sessions: Sessions, rows: Any) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=LEASE_S / 2)
    await rows.user()
    job_id = await rows.job(state=JobState.RUNNING, attempts=1, handed_at=soon, lease_until=soon)
    async with sessions.begin() as session:
        await leases.cap(session, LEASE_S)
    assert (await rows.get(job_id)).lease_until == soon
