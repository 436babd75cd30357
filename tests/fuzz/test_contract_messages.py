"""Random messages between bot and worker: each side refuses or uses them, and continues."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutation import VALUES, mutated
from pydantic import ValidationError
from sqlalchemy import text

from bot.config import Pace
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.dispatch import reply_handler
from bot.dispatch.reply_handler import ReplyHandler
from bot.dispatch.signals import JobSignals
from bot.domain import JobState
from engine.contract import REPLY, Failure, FailureCode, GenerateRequest, Reply, Verdict
from engine.worker.process import Service

JOB_ID, PHOTO_ID = str(UUID(int=1)), str(UUID(int=2))
BATCH = {
    "requests": [
        {
            "job_id": JOB_ID,
            "references": [{"image": "AAAA"}],
            "prompt": "in a garden",
            "seed": 7,
            "settings": {"steps": 4},
        },
        {"job_id": PHOTO_ID, "references": [{"image": "AAAA", "profile": "AAAA"}], "prompt": "", "seed": 0},
    ]
}
PHOTO = {"reference_id": PHOTO_ID, "image": "AAAA", "person": [0.0, 0.0, 1.0, 1.0]}
REPLIES = [
    {"kind": "started", "job_id": JOB_ID, "attempt": 1, "worker_id": "w", "prompt": "a garden", "ignored": ["cat"]},
    {"kind": "progress", "job_id": JOB_ID, "attempt": 1, "step": 1, "steps": 4, "preview": "AAAA"},
    {
        "kind": "result", "job_id": JOB_ID, "attempt": 1, "worker_id": "w", "image": "AAAA", "width": 8, "height": 8,
        "seconds": 1.0, "backbone": "nano",
    },
    {"kind": "failure", "job_id": JOB_ID, "attempt": 1, "code": "internal", "detail": "x", "retry": True},
    {
        "kind": "examination", "reference_id": PHOTO_ID, "verdict": "accepted", "people": 1, "profile": "AAAA",
        "quality": 0.5, "framing": "portrait", "hints": ["no_face"],
    },
    {
        "kind": "heartbeat", "worker_id": "w", "backbone": "nano", "device": "cpu", "batch_max": 2,
        "references_max": 4, "aspects": ["1:1"], "job_ids": [JOB_ID, PHOTO_ID],
    },
]  # fmt: skip


class RecordingOutbox:
    def __init__(self) -> None:
        self.replies: list[Reply] = []

    def put(self, reply: Reply) -> None:
        self.replies.append(reply)

    def unsent_ids(self) -> frozenset[str]:
        return frozenset()


class RefusingPipeline:
    """Answers every readable request, as the real one does, without drawing."""

    def generate(self, requests: Sequence[GenerateRequest], emit: Any, is_cancelled: Any) -> None:
        for request in requests:
            emit(Failure(job_id=request.job_id, attempt=request.attempt, code=FailureCode.BAD_REFERENCE))

    def examine(self, request: Any) -> Any:
        return REPLY.validate_python(
            {"kind": "examination", "reference_id": request.reference_id, "verdict": Verdict.UNREADABLE}
        )


def service() -> tuple[Service, RecordingOutbox]:
    outbox = RecordingOutbox()
    cancelled: Any = type("Nothing", (), {"is_cancelled": lambda self, job_id: False})()
    return Service(RefusingPipeline(), outbox, cancelled), outbox  # type: ignore[arg-type]


@given(task=st.one_of(mutated(BATCH), mutated(PHOTO), VALUES).map(json.dumps) | st.text(max_size=200) | VALUES)
def test_a_worker_answers_for_every_job_that_a_task_names(task: Any) -> None:
    worker, outbox = service()
    worker.generate(task)
    worker.examine(task)
    answered = {getattr(reply, "job_id", None) for reply in outbox.replies}
    content = json.loads(task) if isinstance(task, str) and task[:1] == "{" and _is_json(task) else {}
    requests = content.get("requests") if isinstance(content, dict) else None
    for request in requests if isinstance(requests, list) else []:
        job_id = request.get("job_id") if isinstance(request, dict) else None
        assert not isinstance(job_id, str) or not job_id or job_id in answered
    assert worker.in_hand() == ()


def _is_json(words: str) -> bool:
    try:
        json.loads(words)
    except ValueError:
        return False
    return True


@pytest.fixture
async def job(sessions: Sessions) -> Any:
    async with sessions.begin() as session:
        await session.execute(text("insert into users (id, language) values (1, 'en')"))
        session.add(
            Job(
                id=UUID(JOB_ID), idempotency_key="1", user_id=1, chat_id=1, reference_ids=[], style="none", prompt="x",
                seed=1,
            )
        )  # fmt: skip


@given(reply=st.sampled_from(REPLIES).flatmap(mutated))
async def test_the_bot_stores_a_reply_or_drops_it_and_the_job_stays_lawful(
    sessions: Sessions, job: Any, reply: Any
) -> None:
    """`Pace` and pauses aside, all of it is real: the adapter that reads replies, the handler and the database."""
    try:
        report = REPLY.validate_json(json.dumps(reply).encode("utf-8", "surrogatepass"))
    except ValidationError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reply_handler, "OUTAGE_PAUSE_S", 0.001)
        async with asyncio.timeout(60):
            await ReplyHandler(sessions, JobSignals(), Pace()).handle(report)
    async with sessions.begin() as session:
        [(state, attempts)] = await session.execute(text("select state, attempts from jobs"))
        assert state in set(JobState) and attempts >= 0
        await session.execute(text("update jobs set state = 'queued', attempts = 0, handed_at = now()"))
