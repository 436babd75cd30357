"""Hand-outs: bounded memory and messages, the photos that are worth sending, sends without an answer, deletions."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import redis
from kombu.exceptions import OperationalError
from sqlalchemy import text

from bot.config import Pace
from bot.db import job_queue, users
from bot.db.session import Sessions
from bot.dispatch.batching import BATCH_SIZE_MAX
from bot.dispatch.broker import Broker, may_have_arrived
from bot.dispatch.signals import JobSignals
from bot.dispatch.task_sender import TaskSender
from bot.domain import JobState, ReferenceState
from bot.styles import load_styles
from engine.contract import WORK_QUEUE, ExamineRequest, GenerateBatch
from engine.photo_reader import JPEG_MAX_BYTES

USERS, PHOTOS_PER_USER, REFERENCES_MAX = 64, 8, 4
MiB = 1024 * 1024
ADD_PHOTOS = text("""
insert into reference_photos (id, user_id, chat_id, message_id, state, image, width, height, sha256, profile)
select gen_random_uuid(), u, u, 1, :state, convert_to(repeat('x', :size), 'utf8'), 9, 9, u || '/' || p, 'profile'
from generate_series(1, :users) u, generate_series(1, :photos) p
""")
"""Such images compress to nothing in the database and are as large as they say when they are loaded."""
ADD_USERS = text("insert into users (id, language) select u, 'en' from generate_series(1, :users) u")
ADD_JOBS = text("""
insert into jobs (id, idempotency_key, user_id, chat_id, reference_ids, style, prompt, seed)
select gen_random_uuid(), user_id::text, user_id, user_id, array_agg(id), 'none', 'in a garden', 7
from reference_photos group by user_id
""")


class RecordingBroker(Broker):
    """Records the sizes of messages; `fail` is raised instead."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.batches: list[list[str]] = []
        self.references: list[int] = []
        self.fail: Exception | None = None

    async def generate(self, batch: GenerateBatch) -> None:
        if self.fail is not None:
            raise self.fail
        self.sizes.append(len(batch.model_dump_json()))
        self.batches.append([request.job_id for request in batch.requests])
        self.references += [len(request.references) for request in batch.requests]

    async def examine(self, request: ExamineRequest) -> None:
        if self.fail is not None:
            raise self.fail
        self.sizes.append(len(request.model_dump_json()))

    async def cancel(self, job_ids: Any) -> None:
        pass


def _sender(sessions: Sessions, broker: Broker) -> TaskSender:
    """Workers stay alive for as long as a test takes on a loaded machine."""
    return TaskSender(sessions, broker, load_styles(), JobSignals(), Pace(alive_s=3600.0))


async def _hire(sessions: Sessions, rows: Any, count: int = 1, **facts: Any) -> None:
    for number in range(count):
        await rows.worker(f"w{number}", **facts)
    async with sessions.begin() as session:
        await session.execute(text("update workers set references_max = :most"), {"most": REFERENCES_MAX})


async def _crowd(sessions: Sessions, size: int, count: int = USERS, state: str = ReferenceState.ACCEPTED) -> None:
    """`count` users with PHOTOS_PER_USER photos of `size` bytes, and a job of each."""
    async with sessions.begin() as session:
        await session.execute(ADD_USERS, {"users": count})
        values = {"state": state, "size": size, "users": count, "photos": PHOTOS_PER_USER}
        await session.execute(ADD_PHOTOS, values)
        await session.execute(ADD_JOBS)


async def _peak(step: Callable[[], Any]) -> int:
    """Bytes of Python's memory at the most while `step` runs."""
    tracemalloc.start()
    try:
        await step()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_large_photos_of_many_users_take_the_memory_of_one_message(sessions: Sessions, rows: Any) -> None:
    """All photos of the 64 jobs have 300 MB; photos stored before they were capped are larger still."""
    await _crowd(sessions, JPEG_MAX_BYTES)
    await _hire(sessions, rows, 8, batch_max=8)
    broker = RecordingBroker()
    peak = await _peak(_sender(sessions, broker).step)
    assert len(broker.batches) == 16 and len({name for batch in broker.batches for name in batch}) > 16
    assert set(broker.references) == {REFERENCES_MAX}
    assert max(broker.sizes) < BATCH_SIZE_MAX * 4 / 3 + MiB
    assert peak < 5 * BATCH_SIZE_MAX


async def test_photos_to_examine_are_loaded_one_by_one(sessions: Sessions, rows: Any) -> None:
    await _crowd(sessions, 4 * MiB, 3, ReferenceState.PENDING)
    await _hire(sessions, rows, 2)
    broker = RecordingBroker()
    peak = await _peak(_sender(sessions, broker).step)
    assert len(broker.sizes) == 16 and peak < 48 * MiB


async def test_a_job_larger_than_a_batch_goes_alone(sessions: Sessions, rows: Any) -> None:
    await _crowd(sessions, BATCH_SIZE_MAX // REFERENCES_MAX + 1, 5)
    await _hire(sessions, rows, batch_max=8)
    broker = RecordingBroker()
    await _sender(sessions, broker).step()
    assert [len(batch) for batch in broker.batches] == [1, 1]


async def test_the_best_photos_are_sent_in_their_order(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    qualities = (0.2, 0.9, None, 0.8, 0.5, 0.7)
    photos = [await rows.photo(quality=quality, profile=str(quality).encode()) for quality in qualities]
    await rows.job(photos=photos)
    await _hire(sessions, rows)
    sent: list[GenerateBatch] = []
    broker = RecordingBroker()
    broker.generate = lambda batch: asyncio.sleep(0, sent.append(batch))  # type: ignore[method-assign]
    await _sender(sessions, broker).step()
    [request] = sent[0].requests
    assert [reference.profile for reference in request.references] == [b"0.9", b"0.8", b"0.5", b"0.7"]


def _timed_out() -> Exception:
    error = OperationalError("Timeout reading from socket")
    error.__cause__ = redis.exceptions.TimeoutError("Timeout reading from socket")
    error.__cause__.__context__ = TimeoutError("timed out")
    return error


@pytest.mark.parametrize(
    ("error", "handouts"), [(_timed_out(), 1), (OperationalError("refused"), 0), (ConnectionRefusedError(), 0)]
)
async def test_a_send_without_an_answer_counts_as_handed_out(
    sessions: Sessions, rows: Any, error: Exception, handouts: int
) -> None:
    """It may have arrived, and would be sent again and again while the network is slow."""
    await rows.user()
    job_id = await rows.job()
    photo_id = await rows.photo(state=ReferenceState.PENDING)
    await _hire(sessions, rows)
    broker = RecordingBroker()
    broker.fail = error
    sender = _sender(sessions, broker)
    for _ in range(2):  # the photo's send fails first, then, if that one is out, the job's
        with pytest.raises(type(error)):
            await sender.step()
        if handouts == 0:
            await rows.change_photo(photo_id, state=ReferenceState.ACCEPTED)
    job, photo = await rows.get(job_id), await rows.get_photo(photo_id)
    assert (job.handouts, job.handed_at is not None) == (handouts, handouts > 0)
    assert (photo.attempts, photo.handed_at is not None) == (handouts, handouts > 0)


@pytest.mark.slow
async def test_a_message_without_an_answer_is_at_the_broker_once_at_most(
    sessions: Sessions, rows: Any, broker_url: str, freezing_proxy: Callable[[str], Any]
) -> None:
    """The client does not send it again by itself; the connection is given up, and the next send works."""
    proxy = freezing_proxy(broker_url)
    broker = Broker(proxy.before(broker_url))
    await rows.user()
    first = await rows.job()
    await _hire(sessions, rows)
    sender = _sender(sessions, broker)
    await sender.step()
    await rows.user(2)
    second = await rows.job(2)
    proxy.freeze_answers()
    with pytest.raises(Exception) as caught:
        await sender.step()
    assert may_have_arrived(caught.value)
    assert (await rows.get(second)).handouts == 1
    with redis.Redis.from_url(broker_url) as client:
        arrived = int(client.llen(WORK_QUEUE.name))  # type: ignore[arg-type]
        assert arrived <= 2  # after a long pause the client asks for a sign of life first, and sends nothing
        await rows.change(first, state=JobState.DELIVERED)
        await rows.user(3)
        await rows.job(3)
        await sender.step()
        assert client.llen(WORK_QUEUE.name) == arrived + 1
    await broker.close()


async def test_a_user_who_deletes_everything_is_passed_over_and_waits_for_nothing(
    sessions: Sessions, rows: Any
) -> None:
    """Both lock the user first; the hand-out waits for no lock, so the two cannot wait for each other."""
    for user_id in (1, 2):
        await rows.user(user_id)
    leaving, staying = await rows.job(1), await rows.job(2)
    async with sessions.begin() as deletion:
        await users.lock(deletion, 1)
        async with asyncio.timeout(20), sessions.begin() as handout:
            assert [job.id for job in await job_queue.lock(handout, [leaving, staying])] == [staying]
        await users.remove(deletion, 1)
    async with sessions.begin() as session:
        assert await job_queue.lock(session, [leaving]) == []


async def test_deletions_and_hand_outs_at_once_do_not_deadlock(sessions: Sessions, rows: Any) -> None:
    await _hire(sessions, rows, 4, batch_max=4)
    sender = _sender(sessions, RecordingBroker())

    async def delete(user_id: int) -> None:
        async with sessions.begin() as session:
            await users.lock(session, user_id)
            await users.remove(session, user_id)

    for first in range(1, 40, 8):
        crowd = range(first, first + 8)
        for user_id in crowd:
            await rows.user(user_id)
            await rows.job(user_id)
        await asyncio.gather(*(delete(user_id) for user_id in crowd), sender.step(), sender.step())
