"""Reports that the database does not store at once: no finished picture is lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from bot.config import Pace
from bot.db import job_states
from bot.db.session import Sessions
from bot.dispatch import reply_handler
from bot.dispatch.reply_handler import ReplyHandler
from bot.dispatch.signals import JobSignals
from bot.domain import JobState
from engine.contract import Failure, FailureCode, Heartbeat, Result

PASSING = {
    "connection failure": "08006",
    "disk full": "53100",
    "out of memory": "53200",
    "too many connections": "53300",
    "query cancelled": "57014",
    "admin shutdown": "57P01",
    "cannot connect now": "57P03",
    "I/O error": "58030",
    "read-only transaction": "25006",
    "serialization failure": "40001",
    "deadlock": "40P01",
    "lock not available": "55P03",
}
FAULTY_TRIGGER = """
create sequence faults;
create function fail_at_first() returns trigger language plpgsql as $$
begin
    if nextval('faults') <= {times} then
        raise exception 'as the server would' using errcode = '{state}';
    end if;
    return new;
end $$;
create trigger fail_at_first before update on {table} for each row execute function fail_at_first();
"""
"""A sequence counts on through rollbacks, so that the trigger knows how often it has fired."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_handler, "OUTAGE_PAUSE_S", 0.01)


@pytest.fixture
def handler(sessions: Sessions) -> ReplyHandler:
    return ReplyHandler(sessions, JobSignals(), Pace())


async def _break(sessions: Sessions, state: str, *, times: int = 1, table: str = "jobs") -> None:
    """The next `times` updates of the table fail with the SQLSTATE."""
    async with sessions.begin() as session:
        connection = await (await session.connection()).get_raw_connection()
        assert connection.driver_connection is not None
        await connection.driver_connection.execute(FAULTY_TRIGGER.format(state=state, times=times, table=table))


async def _faults(sessions: Sessions) -> int:
    """The number of times that the trigger has fired."""
    async with sessions() as session:
        return int(await session.scalar(text("select last_value from faults")) or 0)


def _result(job_id: UUID, **facts: Any) -> Result:
    values = {"worker_id": "w", "image": b"picture", "width": 1, "height": 1, "seconds": 0.1, "backbone": "b"}
    return Result(job_id=str(job_id), attempt=1, **{**values, **facts})


async def _running(rows: Any) -> UUID:
    await rows.user()
    job_id: UUID = await rows.job(state=JobState.RUNNING, attempts=1)
    return job_id


@pytest.mark.parametrize("state", PASSING.values(), ids=PASSING)
async def test_a_result_is_stored_once_the_error_has_passed(
    handler: ReplyHandler, sessions: Sessions, rows: Any, state: str
) -> None:
    job_id = await _running(rows)
    await _break(sessions, state)
    await handler.handle(_result(job_id))
    assert (await rows.get(job_id)).state == JobState.DONE
    assert await _faults(sessions) == 2


async def test_a_result_waits_for_an_unexpected_error(handler: ReplyHandler, sessions: Sessions, rows: Any) -> None:
    """Such as a schema that is not migrated yet: 42703 is an undefined column."""
    job_id = await _running(rows)
    await _break(sessions, "42703", times=3)
    await handler.handle(_result(job_id))
    assert (await rows.get(job_id)).state == JobState.DONE


async def test_a_result_that_the_database_refuses_for_good_ends_its_attempt(handler: ReplyHandler, rows: Any) -> None:
    """Postgres has no text with a NUL in it. Others are not held up, and the job is drawn again."""
    job_id = await _running(rows)
    await handler.handle(_result(job_id, backbone="n\0l"))
    job = await rows.get(job_id)
    assert (job.state, job.attempts, job.handed_at) == (JobState.QUEUED, 1, None)


async def test_a_refused_result_of_the_last_attempt_is_a_failure_for_its_user(handler: ReplyHandler, rows: Any) -> None:
    job_id = await _running(rows)
    await rows.change(job_id, attempts=job_states.ATTEMPTS_MAX)
    result = _result(job_id, backbone="n\0l").model_copy(update={"attempt": job_states.ATTEMPTS_MAX})
    await handler.handle(result)
    job = await rows.get(job_id)
    assert (job.state, job.failure) == (JobState.FAILED, FailureCode.INTERNAL)


async def test_a_report_without_a_picture_is_dropped_when_it_cannot_be_applied(
    handler: ReplyHandler, sessions: Sessions, rows: Any
) -> None:
    """The lease decides then: a heartbeat must not block the results behind it."""
    job_id = await _running(rows)
    await _break(sessions, "42703", times=9)
    await handler.handle(Failure(job_id=str(job_id), attempt=1, code=FailureCode.INTERNAL, retry=True))
    assert (await rows.get(job_id)).state == JobState.RUNNING
    await handler.handle(Heartbeat(worker_id="n\0l", backbone="b", device="cpu"))
