"""The worker's connections to the broker, through its restarts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kombu import Connection, Producer

from engine.contract import (
    CANCELLATIONS_EXCHANGE,
    REPLIES_QUEUE,
    REPLY,
    Cancellation,
    Examination,
    Failure,
    FailureCode,
    Heartbeat,
    Progress,
    Reply,
    Started,
    Verdict,
)
from engine.worker.messaging import UNREAD_MAX, CancellationListener, HeartbeatThread, Outbox, ReplyPublisher

HEARTBEAT = Heartbeat(worker_id="w", backbone="slow", device="cpu", job_ids=("a",))


class _Publisher:
    """Records replies; refuses while `broken`."""

    def __init__(self, broken: bool = False) -> None:
        self.sent: list[Reply] = []
        self.broken = broken
        self.refused = threading.Event()

    def publish(self, reply: Reply) -> bool:
        if self.broken:
            self.refused.set()
            raise ConnectionRefusedError("nobody there")
        self.sent.append(reply)
        return True

    def close(self) -> None:
        pass


def _outbox(publisher: Any) -> Outbox:
    outbox = Outbox(publisher)
    outbox.start()
    return outbox


def _wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def _started(job_id: str) -> Started:
    return Started(job_id=job_id, attempt=1, worker_id="w")


def _progress(job_id: str, step: int) -> Progress:
    return Progress(job_id=job_id, attempt=1, step=step, steps=9)


def _unread(broker_url: str) -> list[Any]:
    """All messages of the replies queue."""
    messages = []
    with Connection(broker_url) as connection:
        queue = REPLIES_QUEUE(connection.channel())
        queue.declare()
        while (message := queue.get(no_ack=True)) is not None:
            messages.append(message)
    return messages


def test_replies_leave_in_the_order_they_were_put() -> None:
    publisher = _Publisher()
    outbox = _outbox(publisher)
    replies = [_started(str(number)) for number in range(20)]
    for reply in replies:
        outbox.put(reply)
    assert outbox.close(timeout_s=30)
    assert publisher.sent == replies


def test_replies_wait_until_the_broker_is_back_and_count_as_unsent(caplog: pytest.LogCaptureFixture) -> None:
    publisher = _Publisher(broken=True)
    outbox = _outbox(publisher)
    failure = Failure(job_id="a", attempt=1, code=FailureCode.INTERNAL)
    examination = Examination(reference_id="p", verdict=Verdict.NO_PERSON)
    with caplog.at_level(logging.INFO):
        outbox.put(failure)
        outbox.put(examination)
        assert publisher.refused.wait(30)
        assert outbox.unsent_ids() == {"a", "p"}
        publisher.broken = False
        assert outbox.close(timeout_s=30)
    assert publisher.sent == [failure, examination]
    assert outbox.unsent_ids() == frozenset()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_progress_is_not_kept_for_later() -> None:
    publisher = _Publisher(broken=True)
    outbox = _outbox(publisher)
    for step in range(1, 6):
        outbox.put(_progress("a", step))
    assert publisher.refused.wait(30)
    assert outbox.unsent_ids() == frozenset()
    outbox.put(_started("b"))
    publisher.broken = False
    assert outbox.close(timeout_s=30)
    assert _started("b") in publisher.sent
    assert len([reply for reply in publisher.sent if isinstance(reply, Progress)]) <= 1


def test_newer_progress_takes_the_place_of_unsent_progress_of_its_job() -> None:
    publisher = _Publisher()
    outbox = Outbox(publisher)  # type: ignore[arg-type]
    for reply in (_started("a"), _progress("a", 1), _progress("b", 1), _progress("a", 2)):
        outbox.put(reply)
    outbox.start()
    assert outbox.close(timeout_s=30)
    assert publisher.sent == [_started("a"), _progress("b", 1), _progress("a", 2)]


def test_closing_gives_up_after_its_time() -> None:
    outbox = _outbox(_Publisher(broken=True))
    outbox.put(_started("a"))
    assert not outbox.close(timeout_s=0.1)


def test_heartbeats_go_on_through_an_outage_and_end_with_stopping() -> None:
    publisher = _Publisher(broken=True)
    heartbeats = HeartbeatThread(publisher, lambda: HEARTBEAT, interval_s=0.02)  # type: ignore[arg-type]
    heartbeats.start()
    assert publisher.refused.wait(30)
    publisher.broken = False
    _wait(lambda: len(publisher.sent) > 2)
    heartbeats.stop(timeout_s=30)
    assert publisher.sent[0] == HEARTBEAT
    assert [reply.stopping for reply in publisher.sent if isinstance(reply, Heartbeat)][-2:] == [False, True]


def test_a_reply_lies_in_the_queue_as_json_with_the_time_it_was_sent(broker_url: str) -> None:
    publisher = ReplyPublisher(broker_url)
    assert publisher.publish(_started("a"))
    publisher.close()
    (message,) = _unread(broker_url)
    assert REPLY.validate_json(message.body) == _started("a")
    assert message.content_type == "application/json"
    assert abs(time.time() - message.headers["sent_at"]) < 60


def test_heartbeats_and_progress_do_not_pile_up_unread(broker_url: str) -> None:
    publisher = ReplyPublisher(broker_url)
    sent = [publisher.publish(HEARTBEAT) for _ in range(UNREAD_MAX + 5)]
    assert sent == [True] * (UNREAD_MAX + 1) + [False] * 4
    assert not publisher.publish(_progress("a", 1))
    assert publisher.publish(_started("a"))
    publisher.close()
    assert len(_unread(broker_url)) == UNREAD_MAX + 2


def test_a_publisher_raises_without_a_broker_and_works_once_there_is_one(valkey: Any, broker_url: str) -> None:
    publisher = ReplyPublisher(broker_url)
    publisher.publish(_started("a"))
    valkey.kill()
    with pytest.raises(Exception, match=r"refused|closed|reset|lost"):
        publisher.publish(_started("b"))
    valkey.start()
    assert publisher.publish(_started("c"))
    publisher.close()
    assert [REPLY.validate_json(message.body) for message in _unread(broker_url)] == [_started("a"), _started("c")]


def _announce(broker_url: str, body: str) -> None:
    with Connection(broker_url) as connection:
        Producer(connection.channel()).publish(
            body,
            exchange=CANCELLATIONS_EXCHANGE,
            declare=[CANCELLATIONS_EXCHANGE],
            content_type="application/json",
            content_encoding="utf-8",
        )


def test_cancellations_are_heard_before_and_after_the_broker_was_away(valkey: Any, broker_url: str) -> None:
    listener = CancellationListener(broker_url)
    listener.start()
    try:
        assert listener.listening.wait(30)
        _announce(broker_url, "rubbish")
        _announce(broker_url, Cancellation(job_ids=("a", "b")).model_dump_json())
        _wait(lambda: listener.is_cancelled("a") and listener.is_cancelled("b"))
        assert not listener.is_cancelled("c")
        valkey.kill()
        _wait(lambda: not listener.listening.is_set())
        valkey.start()
        assert listener.listening.wait(30)
        _announce(broker_url, Cancellation(job_ids=("c",)).model_dump_json())
        _wait(lambda: listener.is_cancelled("c"))
        assert listener.is_cancelled("a")
    finally:
        listener.stop(timeout_s=30)


def test_only_so_many_cancellations_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.worker.messaging.CANCELLATIONS_KEPT", 3)
    listener = CancellationListener("memory://")
    listener.remember(Cancellation(job_ids=("a", "b", "c")))
    listener.remember(Cancellation(job_ids=("a", "d")))
    assert [job_id for job_id in "abcd" if listener.is_cancelled(job_id)] == ["a", "c", "d"]
