"""Fixtures: rows, a database server to kill, and a fake worker that follows the contract without drawing."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from kombu import Connection, Consumer
from PIL import Image
from sqlalchemy import select, update

from bot import logs
from bot.db import jobs, poses
from bot.db.service_tables import Worker
from bot.db.session import Sessions
from bot.db.tables import Job, PosePhoto, Reference, User
from bot.domain import POSE_PHOTO, ReferenceState
from engine import contract


def paint(colour: str = "teal", kind: str = "PNG") -> bytes:
    """A small image of one colour."""
    content = io.BytesIO()
    Image.new("RGB", (64, 96), colour).save(content, kind)
    return content.getvalue()


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Paints small images of one colour."""
    return paint


@dataclass
class Rows:
    """Adds users, photos, jobs and workers directly to the database, and reads them."""

    sessions: Sessions

    async def user(self, user_id: int = 1, *, language: str = "en", served_s_ago: float | None = None) -> int:
        served_at = None if served_s_ago is None else datetime.now(UTC) - timedelta(seconds=served_s_ago)
        async with self.sessions.begin() as session:
            session.add(User(id=user_id, language=language, served_at=served_at))
        return user_id

    async def photo(self, user_id: int = 1, *, state: str = ReferenceState.ACCEPTED, **facts: Any) -> UUID:
        photo_id = uuid4()
        async with self.sessions.begin() as session:
            session.add(
                Reference(
                    id=photo_id, user_id=user_id, chat_id=user_id, message_id=1, state=state,
                    image=paint(kind="JPEG"), width=64, height=96, sha256=photo_id.hex, **facts,
                )
            )  # fmt: skip
        return photo_id

    async def job(self, user_id: int = 1, *, photos: Sequence[UUID] | None = None, **facts: Any) -> UUID:
        """A job just submitted, then changed to `facts`; with a photo of its own unless given some."""
        photos = [await self.photo(user_id)] if photos is None else photos
        async with self.sessions.begin() as session:
            job, _ = await jobs.submit(
                session, user_id=user_id, chat_id=facts.pop("chat_id", user_id), idempotency_key=uuid4().hex,
                reference_ids=photos, style=facts.pop("style", "none"), prompt=facts.pop("prompt", "in a garden"),
                seed=7, open_jobs_max=100, credit_terms=None,
            )  # fmt: skip
        if facts:
            await self.change(job.id, **facts)
        return job.id

    async def pose_photo(self, user_id: int = 1, image: bytes = b"pose") -> UUID:
        """Adds the user's pose photo, chosen for future pictures."""
        photo = PosePhoto(id=uuid4(), user_id=user_id, message_id=1, image=image)
        async with self.sessions.begin() as session:
            await poses.replace(session, photo)
            await session.execute(update(User).where(User.id == user_id).values(pose=POSE_PHOTO))
        return photo.id

    async def change(self, job_id: UUID, **facts: Any) -> None:
        async with self.sessions.begin() as session:
            await session.execute(update(Job).where(Job.id == job_id).values(**facts))

    async def change_photo(self, photo_id: UUID, **facts: Any) -> None:
        async with self.sessions.begin() as session:
            await session.execute(update(Reference).where(Reference.id == photo_id).values(**facts))

    async def worker(
        self,
        worker_id: str = "w",
        *,
        busy: bool = False,
        seen_s_ago: float = 0,
        batch_max: int = 1,
        pose: bool = False,
        image_prompt: bool = False,
    ) -> None:
        seen_at = datetime.now(UTC) - timedelta(seconds=seen_s_ago)
        async with self.sessions.begin() as session:
            await session.merge(
                Worker(
                    id=worker_id, backbone="b", device="cpu", batch_max=batch_max, busy=busy, seen_at=seen_at,
                    pose=pose, image_prompt=image_prompt,
                )
            )  # fmt: skip

    async def get(self, job_id: UUID) -> Job:
        async with self.sessions() as session:
            return (await session.scalars(select(Job).where(Job.id == job_id))).one()

    async def get_photo(self, photo_id: UUID) -> Reference:
        async with self.sessions() as session:
            return (await session.scalars(select(Reference).where(Reference.id == photo_id))).one()

    async def get_user(self, user_id: int = 1) -> User:
        async with self.sessions() as session:
            return (await session.scalars(select(User).where(User.id == user_id))).one()


@pytest.fixture
def restored_logs() -> Iterator[None]:
    """Restores the configuration of logging after the test."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers, root.level = handlers, level
    for name, quiet in levels.items():
        logging.getLogger(name).setLevel(quiet)
    structlog.configure(**before)


@pytest.fixture
def rows(sessions: Sessions) -> Rows:
    return Rows(sessions)


@dataclass
class FakeWorker:
    """Consumes tasks and sends replies through the real broker by engine.contract, in a thread. `on_generate` and
    `on_examine` return the replies to a request.
    """

    broker_url: str
    worker_id: str = "fake"
    batch_max: int = 1
    pose: bool = False
    translation: str | None = None
    beat_s: float = 0.5
    on_generate: Callable[[contract.GenerateRequest], list[contract.Reply]] | None = None
    on_examine: Callable[[contract.ExamineRequest], list[contract.Reply]] | None = None
    batches: list[contract.GenerateBatch] = field(default_factory=list)
    examined: list[contract.ExamineRequest] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    in_hand: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._own = threading.local()
        self._threads = [threading.Thread(target=self._survive, args=(work,)) for work in (self._work, self._beat)]

    def start(self) -> FakeWorker:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def requests(self) -> list[contract.GenerateRequest]:
        return [request for batch in self.batches for request in batch.requests]

    def draw(self, request: contract.GenerateRequest) -> list[contract.Reply]:
        """The replies of a worker that succeeds."""
        job = {"job_id": request.job_id, "attempt": request.attempt}
        return [
            contract.Started(**job, worker_id=self.worker_id, translated_prompt=self.translation),
            contract.Progress(**job, step=2, steps=4, preview=paint("grey", "JPEG")),
            contract.Result(
                **job, worker_id=self.worker_id, image=paint(), width=64, height=96, seconds=0.1, backbone="fake"
            ),
        ]

    def send(self, *replies: contract.Reply) -> None:
        """Runs on the thread's own connection, which is reopened after the broker was killed."""
        if not hasattr(self._own, "connection"):
            self._own.connection = Connection(self.broker_url)
        try:
            for reply in replies:
                self._own.connection.Producer(auto_declare=False).publish(
                    reply.model_dump_json(), exchange="", routing_key=contract.REPLIES_QUEUE.name,
                    content_type="application/json", content_encoding="utf-8",
                )  # fmt: skip
        except Exception:
            self._own.connection.release()
            del self._own.connection
            raise

    def beat(self) -> None:
        self.send(
            contract.Heartbeat(
                worker_id=self.worker_id,
                backbone="fake",
                device="cpu",
                batch_max=self.batch_max,
                pose=self.pose,
                job_ids=self.in_hand,
            )
        )

    def _survive(self, work: Callable[[], None]) -> None:
        """Retries until the broker is running again."""
        while not self._stop.is_set():
            try:
                work()
            except Exception:  # any error of a broker's client whose server is killed
                time.sleep(0.1)
        if hasattr(self._own, "connection"):
            self._own.connection.release()

    def _beat(self) -> None:
        while not self._stop.is_set():
            self.beat()
            self._stop.wait(self.beat_s)

    def _work(self) -> None:
        with Connection(self.broker_url) as connection:
            cancellations = contract.new_cancellations_queue()
            channel = connection.channel()
            channel.brpop_timeout = 0.1  # closing waits for the end of a read
            with (
                Consumer(channel, [contract.WORK_QUEUE], on_message=self._task, prefetch_count=1),
                Consumer(connection.channel(), [cancellations], on_message=self._cancellation),
            ):
                while not self._stop.is_set():
                    try:
                        connection.drain_events(timeout=0.1)
                    except TimeoutError:
                        continue

    def _task(self, message: Any) -> None:
        message.ack()
        (text,), _, _ = message.decode()
        if message.headers["task"] == contract.EXAMINE_TASK:
            request = contract.ExamineRequest.model_validate_json(text)
            self.examined.append(request)
            accepted = contract.Examination(
                reference_id=request.reference_id, verdict=contract.Verdict.ACCEPTED, people=1, profile=b"profile"
            )
            self.send(*(self.on_examine(request) if self.on_examine else [accepted]))
            return
        batch = contract.GenerateBatch.model_validate_json(text)
        self.batches.append(batch)
        for one in batch.requests:
            self.send(*(self.on_generate or self.draw)(one))

    def _cancellation(self, message: Any) -> None:
        message.ack()
        self.cancelled += contract.Cancellation.model_validate_json(message.body).job_ids


@pytest.fixture
def hire(broker_url: str) -> Iterator[Callable[..., FakeWorker]]:
    """Starts fake workers, which end with the test."""
    hired: list[FakeWorker] = []

    def hire_one(**wishes: Any) -> FakeWorker:
        hired.append(FakeWorker(broker_url, **wishes).start())
        return hired[-1]

    yield hire_one
    for worker in hired:
        worker.stop()


@pytest.fixture
async def eventually() -> AsyncIterator[Callable[..., Any]]:
    """Calls a function repeatedly until its result is true; returns that result."""

    async def wait_until(question: Callable[[], Any], timeout_s: float = 60.0) -> Any:
        deadline = time.monotonic() + timeout_s
        while True:
            answer = question()
            answer = await answer if asyncio.iscoroutine(answer) else answer
            if answer:
                return answer
            assert time.monotonic() < deadline, f"still {answer!r} after {timeout_s} s"
            await asyncio.sleep(0.03)

    yield wait_until
