"""A picture of two people on its way to a worker, and the texts about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.config import Pace
from bot.db import people, references, status_messages, workers
from bot.db.session import Sessions
from bot.dispatch.signals import JobSignals
from bot.dispatch.status_view import render
from bot.dispatch.task_sender import TaskSender
from bot.domain import LANGUAGES, JobState
from bot.styles import load_styles
from bot.telegram.captions import caption
from bot.translator import Translator
from engine.contract import FailureCode, Heartbeat
from tests.keeping_broker import KeepingBroker


@pytest.fixture
def broker() -> KeepingBroker:
    return KeepingBroker()


@pytest.fixture
async def sender(sessions: Sessions, rows: Any, broker: KeepingBroker) -> TaskSender:
    await rows.user()
    return TaskSender(sessions, broker, load_styles(), JobSignals(), Pace())


async def _beat(sessions: Sessions, worker_id: str = "w", **facts: Any) -> None:
    beat = Heartbeat(worker_id=worker_id, backbone="b", device="cpu", **facts)
    async with sessions.begin() as session:
        await workers.store(session, beat)


async def _job_of_two(rows: Any, **facts: Any) -> tuple[UUID, UUID, list[UUID]]:
    """The job, and the photos: of the first person one, of the second two."""
    first, *second = [await rows.photo() for _ in range(3)]
    job_id = await rows.job(photos=[first], companion_id=uuid4(), companion_reference_ids=second, **facts)
    return job_id, first, second


async def test_a_job_carries_the_photos_of_both_people(
    sender: TaskSender, sessions: Sessions, rows: Any, broker: KeepingBroker
) -> None:
    await _beat(sessions, companion=True, references_max=1)
    job_id, _, _ = await _job_of_two(rows)
    await rows.job()
    await sender.step()
    sent = {request.job_id: (len(request.references), len(request.companion)) for request in broker.requests}
    assert sent.pop(str(job_id)) == (1, 1), "of each person as many as the model reads"
    assert list(sent.values()) == [(1, 0)]


async def test_with_a_worker_that_draws_one_person_the_job_fails(
    sender: TaskSender, sessions: Sessions, rows: Any, broker: KeepingBroker
) -> None:
    await _beat(sessions, companion=True)
    await _beat(sessions, "other", companion=False)
    job_id, _, _ = await _job_of_two(rows)
    await sender.step()
    job = await rows.get(job_id)
    assert (job.state, job.failure, broker.requests) == (JobState.FAILED, FailureCode.BAD_COMPANION, [])


async def test_without_the_second_persons_photos_the_job_fails_and_without_some_it_does_not(
    sender: TaskSender, sessions: Sessions, rows: Any, broker: KeepingBroker
) -> None:
    await _beat(sessions, companion=True)
    for lost in (1, 2):
        job_id, _, second = await _job_of_two(rows)
        async with sessions.begin() as session:
            for photo_id in second[:lost]:
                await references.remove(session, photo_id, 1)
        await sender.step()
        assert (await rows.get(job_id)).failure == (FailureCode.BAD_COMPANION if lost == 2 else None)
    assert [len(request.companion) for request in broker.requests] == [1]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_both_people_are_named_before_and_after(sessions: Sessions, rows: Any, language: str) -> None:
    """By their names, or as /people calls them; in a group, no names are shown."""
    await rows.user(language=language)
    async with sessions.begin() as session:
        first, second = [await people.add(session, 1) for _ in range(2)]
        second.name = "Boris & Co"
    for chat_id in (1, -5):
        await rows.job(photos=[], chat_id=chat_id, person_id=first.id, companion_id=second.id)
    async with sessions() as session:
        private, group = await status_messages.pending(session)
    texts, styles = Translator().of(language), load_styles()
    messages = [
        render(job, place=1, paused=False, preview=None, texts=texts, styles=styles).text for job in (private, group)
    ]
    assert texts("status-people", first=texts("person-first"), second="Boris & Co") in messages[0]
    assert texts("status-two") in messages[1] and "Boris" not in messages[1]
    assert texts("picture-companion") in caption(private, texts, styles).splitlines()[0]


async def test_workers_draw_two_if_all_of_them_do(sessions: Sessions) -> None:
    async def offered() -> bool:
        async with sessions() as session:
            return await workers.all_draw_two(session, 60)

    assert not await offered()
    await _beat(sessions, companion=True)
    assert await offered()
    await _beat(sessions, "other")
    assert not await offered()
