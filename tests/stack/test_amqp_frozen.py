"""RabbitMQ behind a proxy that freezes its connections: each is given up, and the next one is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from bot.dispatch import broker as broker_module
from bot.dispatch import reply_consumer
from bot.dispatch.broker import ABSENT, Broker, may_have_arrived
from bot.dispatch.reply_consumer import ReplyConsumer
from bot.dispatch.timing import Listening
from engine.contract import Examination, ExamineRequest, Reply, Verdict
from engine.worker import messaging
from engine.worker.messaging import CancellationListener, ReplyPublisher

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HEARTBEAT_S = 2
WAIT_S = 120.0


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "SOCKET_TIMEOUT_S", 2.0)
    monkeypatch.setattr(reply_consumer, "AMQP_HEARTBEAT_S", HEARTBEAT_S)
    monkeypatch.setattr(messaging, "AMQP_HEARTBEAT_S", HEARTBEAT_S)
    monkeypatch.setattr(messaging, "TRANSPORT_OPTIONS", {**messaging.TRANSPORT_OPTIONS, "read_timeout": 2.0})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_task_without_an_answer_may_have_arrived_and_the_next_one_is_sent(
    rabbitmq: Any, freezing_proxy: Callable[[str], Any]
) -> None:
    proxy = freezing_proxy(rabbitmq.url)
    broker = Broker(proxy.before(rabbitmq.url))
    task = ExamineRequest(reference_id=str(uuid4()), image=b"")
    await broker.examine(task)
    proxy.freeze()
    with pytest.raises(ABSENT) as caught:
        await broker.examine(task)
    assert may_have_arrived(caught.value)
    await broker.examine(task)
    await broker.close()


async def test_a_reply_is_published_again_after_its_connection_froze(
    rabbitmq: Any, freezing_proxy: Callable[[str], Any]
) -> None:
    proxy = freezing_proxy(rabbitmq.url)
    publisher = ReplyPublisher(proxy.before(rabbitmq.url))
    reply = Examination(reference_id=str(uuid4()), verdict=Verdict.TOO_DARK)
    assert publisher.publish(reply)
    proxy.freeze()
    with pytest.raises(OSError):
        publisher.publish(reply)
    assert publisher.publish(reply)
    publisher.close()


async def test_consumers_give_up_a_frozen_connection_and_hear_what_comes_later(
    rabbitmq: Any, freezing_proxy: Callable[[str], Any]
) -> None:
    proxy = freezing_proxy(rabbitmq.url)
    received: list[str] = []

    async def hear(reply: Reply) -> None:
        received.append(getattr(reply, "reference_id", ""))

    listener = CancellationListener(proxy.before(rabbitmq.url))
    listener.start()
    listening = Listening(asyncio.get_running_loop().time)
    consuming = asyncio.create_task(ReplyConsumer(proxy.before(rabbitmq.url), hear, listening).run())
    publisher, broker = ReplyPublisher(rabbitmq.url), Broker(rabbitmq.url)
    try:
        await until(listener.listening.is_set)
        await until(lambda: listening.for_s > 0)
        proxy.freeze()
        await until(lambda: not listener.listening.is_set())  # the listener has noticed
        await until(listener.listening.is_set)
        photo_id = str(uuid4())
        publisher.publish(Examination(reference_id=photo_id, verdict=Verdict.TOO_DARK))
        await broker.cancel(["later"])
        await until(lambda: photo_id in received and listener.is_cancelled("later"))
    finally:
        consuming.cancel()
        await asyncio.wait([consuming])
        listener.stop(timeout_s=WAIT_S)
        publisher.close()
        await broker.close()
