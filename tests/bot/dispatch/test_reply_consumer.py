"""Consumption of workers' replies from a real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from kombu import Connection

from bot.dispatch.reply_consumer import ReplyConsumer
from bot.dispatch.timing import Listening
from bot.local.embedded import EmbeddedValkey
from engine import contract

BEAT = contract.Heartbeat(worker_id="w", backbone="b", device="cpu")


def _started(number: int) -> contract.Started:
    return contract.Started(job_id=str(number), attempt=1, worker_id="w")


def _publish(broker_url: str, *bodies: str) -> None:
    with Connection(broker_url) as connection:
        for body in bodies:
            connection.Producer().publish(
                body, exchange="", routing_key=contract.REPLIES_QUEUE.name, content_type="application/json",
                content_encoding="utf-8",
            )  # fmt: skip


def _send(broker_url: str, *replies: contract.Reply) -> None:
    _publish(broker_url, *(reply.model_dump_json() for reply in replies))


def _left(broker_url: str) -> int:
    """The number of messages in the queue, taken or not."""
    client = redis.Redis.from_url(broker_url)
    count = int(client.llen(contract.REPLIES_QUEUE.name)) + int(client.hlen("bolid.replies.unacked"))  # type: ignore[arg-type]
    client.close()
    return count


class Received(list[Any]):
    """The applied replies; `before` may delay or refuse."""

    before: Callable[[], Any] | None = None

    async def apply(self, reply: contract.Reply) -> None:
        if self.before is not None:
            await self.before()
        self.append(reply)


@asynccontextmanager
async def _reading(broker_url: str, received: Received) -> AsyncIterator[Listening]:
    listening = Listening(time.monotonic)
    reading = asyncio.create_task(ReplyConsumer(broker_url, received.apply, listening).run())
    try:
        yield listening
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def test_reports_are_applied_in_order_and_acknowledged(broker_url: str, eventually: Any) -> None:
    received = Received()
    async with _reading(broker_url, received):
        _send(broker_url, *(_started(number) for number in range(5)))
        await eventually(lambda: len(received) == 5)
        assert [report.job_id for report in received] == ["0", "1", "2", "3", "4"]
        await eventually(lambda: _left(broker_url) == 0)


async def test_a_malformed_report_is_dropped_and_the_next_one_is_read(broker_url: str, eventually: Any) -> None:
    received = Received()
    async with _reading(broker_url, received):
        _publish(broker_url, "", "nonsense", "{}", '{"kind": "started"}', '{"kind": "evil", "job_id": 1}', "[]")
        _send(broker_url, _started(1))
        await eventually(lambda: len(received) == 1)
        await eventually(lambda: _left(broker_url) == 0)


async def test_nothing_is_acknowledged_before_it_is_applied(broker_url: str, eventually: Any) -> None:
    received, gate = Received(), asyncio.Event()
    received.before = gate.wait
    _send(broker_url, _started(1))
    async with _reading(broker_url, received):
        await asyncio.sleep(0.5)
        assert _left(broker_url) == 1
    assert received == [] and _left(broker_url) == 1
    gate.set()
    async with _reading(broker_url, received):
        await eventually(lambda: len(received) == 1)


async def test_signs_of_life_from_before_we_listened_are_none(broker_url: str, eventually: Any) -> None:
    progress = contract.Progress(job_id="1", attempt=1, step=1, steps=2)
    _send(broker_url, BEAT, progress, _started(1), BEAT)
    received = Received()
    async with _reading(broker_url, received) as listening:
        await eventually(lambda: listening.for_s > 0)
        assert [report.kind for report in received] == ["started"]
        _send(broker_url, BEAT, progress)
        await eventually(lambda: len(received) == 3)


async def test_a_killed_broker_is_waited_for_and_nothing_is_lost(
    valkey: EmbeddedValkey, broker_url: str, eventually: Any
) -> None:
    received = Received()
    async with _reading(broker_url, received) as listening:
        _send(broker_url, _started(1))
        await eventually(lambda: len(received) == 1 and listening.for_s > 0)
        valkey.kill()
        try:
            await eventually(lambda: listening.for_s == 0)
        finally:
            valkey.start()
        _send(broker_url, _started(2))
        await eventually(lambda: len(received) == 2 and listening.for_s > 0)


@pytest.mark.slow
@pytest.mark.soak
async def test_a_frozen_connection_is_given_up_and_what_comes_later_is_read(
    broker_url: str, freezing_proxy: Callable[[str], Any], eventually: Any
) -> None:
    """Redis answers a waiting reader every second; a reader without answers reconnects within 20 s. Until Redis
    notices, replies go to the frozen reader, so the test sends replies until one is read."""
    proxy, received = freezing_proxy(broker_url), Received()
    async with _reading(proxy.before(broker_url), received) as listening:
        _send(broker_url, _started(1))
        await eventually(lambda: len(received) == 1 and listening.for_s > 0)
        proxy.freeze()
        last = 1
        async with asyncio.timeout(120):
            while len(received) == 1:
                last += 1
                _send(broker_url, _started(last))
                await asyncio.sleep(1)
        await eventually(lambda: received[-1].job_id == str(last) and listening.for_s > 0, timeout_s=90.0)
        numbers = [int(report.job_id) for report in received]
        assert numbers == sorted(set(numbers)), "nothing is read twice"


async def test_a_broker_that_is_not_there_at_the_start_is_waited_for(
    valkey: EmbeddedValkey, broker_url: str, eventually: Any
) -> None:
    valkey.kill()
    received = Received()
    async with _reading(broker_url, received) as listening:
        await asyncio.sleep(0.3)
        assert listening.for_s == 0
        valkey.start()
        _send(broker_url, _started(1))
        await eventually(lambda: len(received) == 1)


async def test_what_a_killed_reader_had_taken_is_given_out_again(broker_url: str, eventually: Any) -> None:
    """As a kill -9 leaves it: taken off the queue, never acknowledged."""
    _send(broker_url, _started(1))
    options = ReplyConsumer(broker_url, Received().apply, Listening(time.monotonic))._options()
    dead = Connection(broker_url, transport_options=options)
    channel = dead.channel()
    taken = contract.REPLIES_QUEUE(channel).get()
    assert taken is not None and _left(broker_url) == 1
    channel.qos.restore_at_shutdown = False
    received = Received()
    async with _reading(broker_url, received):
        await eventually(lambda: len(received) == 1)
        await eventually(lambda: _left(broker_url) == 0)
    dead.release()


@pytest.mark.timeout(30)
async def test_stopping_is_quick(broker_url: str) -> None:
    begin = time.monotonic()
    async with _reading(broker_url, Received()):
        await asyncio.sleep(0.2)
    assert time.monotonic() - begin < 5
