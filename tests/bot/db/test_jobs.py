"""Requests for pictures and their cancellation."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from bot.db import job_states, jobs, status_messages
from bot.db.person_tables import Person
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.domain import JobState
from bot.errors import TooManyOpenJobs, UnknownUser


async def _submit(sessions: Sessions, key: str = "chat:1:message:5", *, user_id: int = 1, limit: int = 2) -> Any:
    async with sessions.begin() as session:
        return await jobs.submit(
            session, user_id=user_id, chat_id=user_id, idempotency_key=key, reference_ids=[uuid4()], style="none",
            prompt="a walk", seed=1, open_jobs_max=limit, credit_terms=None,
        )  # fmt: skip


async def test_a_job_begins_in_the_line(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    job, created = await _submit(sessions)
    stored = await rows.get(job.id)
    assert created
    assert (stored.state, stored.attempts, stored.handed_at, stored.closed_at) == (JobState.QUEUED, 0, None, None)


async def test_the_same_key_gives_the_same_job_even_at_the_limit_and_after_its_end(
    sessions: Sessions, rows: Any
) -> None:
    await rows.user()
    first, _ = await _submit(sessions, limit=1)
    again, created = await _submit(sessions, limit=1)
    assert (again.id, created) == (first.id, False)
    await rows.change(first.id, state=JobState.DELIVERED)
    again, created = await _submit(sessions, limit=1)
    assert (again.id, created) == (first.id, False)


async def test_the_limit_counts_open_jobs_only(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    first, _ = await _submit(sessions, "a", limit=1)
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.DONE):
        await rows.change(first.id, state=state)
        with pytest.raises(TooManyOpenJobs) as refusal:
            await _submit(sessions, "b", limit=1)
        assert refusal.value.variables == {"limit": 1}
    await rows.change(first.id, state=JobState.DELIVERED)
    assert (await _submit(sessions, "b", limit=1))[1]


async def test_of_two_submissions_at_once_one_gets_the_last_place(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    outcomes = await asyncio.gather(
        *(_submit(sessions, f"key {number}", limit=1) for number in range(6)), return_exceptions=True
    )
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, TooManyOpenJobs) for outcome in outcomes) == 5


async def test_the_same_submission_twice_at_once_makes_one_job(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    outcomes = await asyncio.gather(*(_submit(sessions, "the key", limit=5) for _ in range(6)))
    assert len({job.id for job, _ in outcomes}) == 1
    assert sum(created for _, created in outcomes) == 1


async def test_nobody_submits_for_a_user_who_is_gone(sessions: Sessions) -> None:
    with pytest.raises(UnknownUser):
        await _submit(sessions, user_id=404)


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        (JobState.QUEUED, True),
        (JobState.RUNNING, True),
        (JobState.DONE, False),
        (JobState.DELIVERED, False),
        (JobState.FAILED, False),
        (JobState.CANCELLED, False),
    ],
)
async def test_cancelling_works_until_the_picture_is_there(
    sessions: Sessions, rows: Any, state: JobState, possible: bool
) -> None:
    await rows.user()
    job_id = await rows.job(state=state)
    async with sessions.begin() as session:
        assert await job_states.cancel(session, job_id, 1) is possible
    assert (await rows.get(job_id)).state == (JobState.CANCELLED if possible else state)


async def test_nobody_cancels_or_sees_the_job_of_another(sessions: Sessions, rows: Any) -> None:
    await rows.user(1)
    job_id = await rows.job(1)
    async with sessions.begin() as session:
        assert await jobs.get(session, job_id, 2) is None
        assert not await job_states.cancel(session, job_id, 2)
        found = await jobs.get(session, job_id, 1)
        assert found is not None and found.state == JobState.QUEUED


async def test_a_group_does_not_read_the_name_of_the_person(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    for chat_id in (1, -100):
        await rows.job(chat_id=chat_id)
    async with sessions.begin() as session:
        person = Person(user_id=1, name="Anna")
        session.add(person)
        await session.flush()
        await session.execute(update(Job).values(person_id=person.id))
    async with sessions() as session:
        names = {job.chat_id: job.person_name for job in await status_messages.pending(session)}
    assert names == {1: "Anna", -100: None}
