"""RabbitMQ as the broker: both sides' declarations, outages, and one whole stack."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import skimage.data
from PIL import Image

from bot.dispatch.broker import ABSENT, Broker
from bot.domain import CONSENT_VERSION
from bot.local.botapi import ANNA_ID, ChatMessage, Person
from bot.local.children import choose_port
from bot.local.parts import last_words
from bot.local.supervisor import Stack, kept_up
from bot.telegram.callbacks import ConsentCallback, JobAction, StyleCallback
from engine.contract import Examination, ExamineRequest, Verdict
from engine.worker.messaging import CancellationListener, ReplyPublisher

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WAIT_S = 60.0
DELIVERY_S = 120.0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WAIT_S} s"
        time.sleep(0.02)


@pytest.mark.parametrize("first", ["bot", "worker"])
@pytest.mark.parametrize("server", ["valkey", "rabbitmq"])
async def test_a_cancellation_reaches_the_worker_whichever_side_declares_the_exchange_first(
    request: pytest.FixtureRequest, server: str, first: str
) -> None:
    url = request.getfixturevalue(server).url
    broker, listener = Broker(url), CancellationListener(url)
    if first == "bot":
        await broker.cancel(["nobody listens yet"])
    listener.start()
    try:
        assert listener.listening.wait(WAIT_S)
        await broker.cancel(["a", "b"])
        wait_until(lambda: listener.is_cancelled("a") and listener.is_cancelled("b"))
    finally:
        listener.stop(timeout_s=WAIT_S)
        await broker.close()


@pytest.mark.parametrize("server", ["valkey", "rabbitmq"])
async def test_an_absent_broker_raises_ABSENT_and_is_used_again_when_it_is_back(
    request: pytest.FixtureRequest, server: str
) -> None:
    running: Any = request.getfixturevalue(server)
    task = ExamineRequest(reference_id=str(uuid4()), image=b"")
    broker = Broker(running.url)
    await broker.examine(task)
    running.kill()
    try:
        with pytest.raises(ABSENT):
            await broker.examine(task)
        with pytest.raises(ABSENT):
            await broker.cancel(["a"])
    finally:
        running.start()
    await broker.examine(task)
    await broker.cancel(["a"])
    await broker.close()


async def test_what_rabbitmq_did_not_take_before_it_died_does_not_count_as_sent(rabbitmq: Any) -> None:
    task = ExamineRequest(reference_id=str(uuid4()), image=b"")
    reply = Examination(reference_id=str(uuid4()), verdict=Verdict.TOO_DARK)
    broker, publisher = Broker(rabbitmq.url), ReplyPublisher(rabbitmq.url)
    await broker.examine(task)
    publisher.publish(reply)
    rabbitmq.pause()
    try:
        sending = [broker.examine(task), asyncio.to_thread(publisher.publish, reply)]
        tasks = [asyncio.create_task(each) for each in sending]
        await asyncio.sleep(1.0)
    finally:
        rabbitmq.kill()
        rabbitmq.start()
    task_error, reply_error = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(task_error, ABSENT)
    assert isinstance(reply_error, Exception)
    assert publisher.publish(reply)
    publisher.close()
    await broker.close()


@pytest.fixture
def amqp_stack(rabbitmq: Any, quick_environment: dict[str, str], server_folder: Path, record: Any) -> Iterator[Stack]:
    environment = {**quick_environment, "BROKER_URL": rabbitmq.url}
    with kept_up(Stack(server_folder / "state", record, environment, chat_port=choose_port())) as stack:
        yield stack


async def test_a_picture_is_delivered_and_another_is_cancelled_over_rabbitmq(amqp_stack: Stack) -> None:
    assert amqp_stack.chat_url is not None
    async with Person(amqp_stack.chat_url, ANNA_ID) as person:
        await introduce(person)
        await person.send_text("in a garden")
        await person.wait_for(lambda message: is_picture(message, "garden"), DELIVERY_S)
        await person.send_text("on a beach")
        waiting = await person.wait_for(lambda message: "▰" in message.text and "beach" in message.text, DELIVERY_S)
        (cancel,) = (button.data for row in waiting.buttons for button in row if button.data)
        await person.press(cancel)
        again = cancel.replace(JobAction.CANCEL, JobAction.AGAIN)
        await person.wait_for(lambda message: message.button(again) is not None, DELIVERY_S)
    for name in ("bot", "worker"):
        part = amqp_stack.part(name)
        assert part.running
        words = part.log.read_text()
        assert "PRECONDITION_FAILED" not in words and "a step failed" not in words, last_words(part, 60)
        assert "not heard" not in words, last_words(part, 60)


async def test_the_stack_outlives_a_crash_of_rabbitmq(amqp_stack: Stack, rabbitmq: Any) -> None:
    assert amqp_stack.chat_url is not None
    async with Person(amqp_stack.chat_url, ANNA_ID) as person:
        await introduce(person)
        await person.send_text("in a garden")
        await person.wait_for(lambda message: "▰" in message.text, DELIVERY_S)
        rabbitmq.kill()
        rabbitmq.start()
        await person.send_text("on a beach")
        for place in ("garden", "beach"):
            await person.wait_until(partial(shows_one_picture, place=place), DELIVERY_S)
    for name in ("bot", "worker"):
        assert amqp_stack.part(name).running, last_words(amqp_stack.part(name), 60)


def shows_one_picture(messages: list[ChatMessage], place: str) -> bool:
    return sum(is_picture(message, place) for message in messages) == 1


def is_picture(message: ChatMessage, place: str) -> bool:
    """Whether it is the finished picture of a place: unlike a preview, it can be drawn again."""
    data = [button.data or "" for row in message.buttons for button in row]
    again = any(each.startswith(f"job:{JobAction.AGAIN}:") for each in data)
    return message.photo is not None and place in message.text and again


async def introduce(person: Person) -> None:
    agree = ConsentCallback(version=CONSENT_VERSION).pack()
    style = StyleCallback(name="none").pack()
    await person.send_text("/start")
    await wait_and_press(person, agree)
    content = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(content, "JPEG", quality=95)
    await person.send_photo(content.getvalue())
    await wait_and_press(person, style)


async def wait_and_press(person: Person, data: str) -> ChatMessage:
    message = await person.wait_for(lambda message: message.button(data) is not None, DELIVERY_S)
    await person.press(data)
    return message
