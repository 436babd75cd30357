"""The image prompt of a job on its way to a worker, and the texts about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.config import Pace
from bot.db import image_prompts, workers
from bot.db.session import Sessions
from bot.db.tables import ImagePrompt
from bot.dispatch.signals import JobSignals
from bot.dispatch.task_sender import TaskSender
from bot.domain import JobState
from bot.styles import load_styles
from engine.contract import FailureCode, Heartbeat
from tests.keeping_broker import KeepingBroker


@pytest.fixture
def broker() -> KeepingBroker:
    return KeepingBroker()


@pytest.fixture
async def sender(sessions: Sessions, rows: Any, broker: KeepingBroker) -> TaskSender:
    await rows.user()
    return TaskSender(sessions, broker, load_styles(), JobSignals(), Pace())


async def _image_prompt(sessions: Sessions) -> UUID:
    image_prompt = ImagePrompt(id=uuid4(), user_id=1, message_id=9, image=b"a painting")
    async with sessions.begin() as session:
        await image_prompts.add(session, image_prompt)
    return image_prompt.id


async def _beat(sessions: Sessions, worker_id: str = "w", *, image_prompt: bool) -> None:
    beat = Heartbeat(worker_id=worker_id, backbone="b", device="cpu", image_prompt=image_prompt)
    async with sessions.begin() as session:
        await workers.store(session, beat)


async def test_a_job_carries_its_image_prompt(
    sender: TaskSender, sessions: Sessions, rows: Any, broker: KeepingBroker
) -> None:
    await _beat(sessions, image_prompt=True)
    job_id = await rows.job(image_prompt_id=await _image_prompt(sessions))
    await rows.job()
    await sender.step()
    sent = {request.job_id: request.image_prompt for request in broker.requests}
    assert sent.pop(str(job_id)) == b"a painting" and list(sent.values()) == [None]
    assert not (await rows.get(job_id)).image_prompt_skipped


async def test_with_a_worker_that_reads_none_the_picture_is_drawn_without_and_the_job_says_so(
    sender: TaskSender, sessions: Sessions, rows: Any, broker: KeepingBroker
) -> None:
    await _beat(sessions, image_prompt=True)
    await _beat(sessions, "other", image_prompt=False)
    job_id = await rows.job(image_prompt_id=await _image_prompt(sessions))
    await sender.step()
    assert [request.image_prompt for request in broker.requests] == [None]
    assert (await rows.get(job_id)).image_prompt_skipped


async def test_one_that_was_deleted_meanwhile_fails_its_job(
    sender: TaskSender, sessions: Sessions, rows: Any, broker: KeepingBroker
) -> None:
    await _beat(sessions, image_prompt=True)
    job_id = await rows.job(image_prompt_id=await _image_prompt(sessions))
    async with sessions.begin() as session:
        await image_prompts.remove(session, 1)
    await sender.step()
    job = await rows.get(job_id)
    assert (job.state, job.failure, broker.requests) == (JobState.FAILED, FailureCode.BAD_IMAGE_PROMPT, [])
