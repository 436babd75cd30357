"""The worker's connections to the broker. Each has its own thread and reconnects after a restart of the broker.

- Outbox: replies, in order. It keeps them until the broker has them; only progress may be dropped.
- HeartbeatThread: a heartbeat every HEARTBEAT_INTERVAL_S, whether the worker draws or waits.
- CancellationListener: the jobs that are cancelled.

Tasks come through Celery (process.py). Old heartbeats and progress are useless, and Redis ignores expiration: the
header `sent_at` of each message has the time of sending, and neither is sent while many replies are unread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kombu import Connection, Consumer, Producer
from pydantic import ValidationError

from engine.contract import (
    AMQP_HEARTBEAT_S,
    HEARTBEAT_INTERVAL_S,
    REPLIES_QUEUE,
    Cancellation,
    Examination,
    Heartbeat,
    Progress,
    Reply,
    new_cancellations_queue,
)

log = logging.getLogger(__name__)

CONNECT_OPTIONS = {"socket_connect_timeout": 3.0, "socket_keepalive": True, "health_check_interval": 10}
CONSUMER_OPTIONS = {**CONNECT_OPTIONS, "socket_timeout": 30.0}
"""The timeout of Celery's consumer, long enough for a task of some megabytes over a slow network."""
AMQP_OPTIONS = {"confirm_publish": True, "read_timeout": 10.0, "write_timeout": 10.0}
"""Publisher confirms: without them, a reply written to a failing connection would count as sent. Redis ignores the
option."""
TRANSPORT_OPTIONS = {**CONNECT_OPTIONS, **AMQP_OPTIONS, "socket_timeout": 10.0}
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
EPHEMERAL_EXPIRATION_S = 10.0
UNREAD_MAX = 50
CANCELLATIONS_KEPT = 10_000


class ReplyPublisher:
    """One connection that publishes replies. Any failure closes it; the next call opens a new one."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._connection: Any = None
        self._producer: Any = None
        self._queue: Any = None

    def publish(self, reply: Reply) -> bool:
        """Whether the reply was sent: a Progress or Heartbeat is not while many replies are unread. Raises the
        transport's errors."""
        ephemeral = isinstance(reply, Progress | Heartbeat)
        try:
            self._open()
            if ephemeral and self._queue.queue_declare().message_count > UNREAD_MAX:
                return False
            self._producer.publish(
                reply.model_dump_json(),
                routing_key=REPLIES_QUEUE.name,
                content_type="application/json",
                content_encoding="utf-8",
                headers={"sent_at": time.time()},
                expiration=EPHEMERAL_EXPIRATION_S if ephemeral else None,
                delivery_mode="transient" if ephemeral else "persistent",
            )
        except Exception:
            self.close()
            raise
        return True

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _close_quietly(connection)

    def _open(self) -> None:
        if self._connection is not None:
            return
        connection = Connection(self._broker_url, transport_options=TRANSPORT_OPTIONS)
        try:
            channel = connection.channel()
            self._producer = Producer(channel)
            self._queue = REPLIES_QUEUE(channel)
            self._queue.queue_declare()
        except Exception:
            _close_quietly(connection)
            raise
        self._connection = connection


class Outbox(threading.Thread):
    """Sends replies in the order of `put`, and retries until the broker accepts them."""

    def __init__(self, publisher: ReplyPublisher) -> None:
        super().__init__(name="outbox", daemon=True)
        self._publisher = publisher
        self._replies: deque[Reply] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, reply: Reply) -> None:
        """Adds a reply without blocking. A Progress replaces an unsent one of the same job."""
        with self._changed:
            if isinstance(reply, Progress):
                self._forget_progress(reply.job_id)
            self._replies.append(reply)
            self._changed.notify_all()

    def unsent_ids(self) -> frozenset[str]:
        """Ids of jobs and references with unsent replies."""
        with self._changed:
            return frozenset(_id_of(reply) for reply in self._replies if not isinstance(reply, Progress | Heartbeat))

    def close(self, timeout_s: float) -> bool:
        """Sends the remaining replies for at most `timeout_s`; whether all were sent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._replies, timeout_s)

    def run(self) -> None:
        failures = 0
        while (reply := self._first()) is not None:
            try:
                self._publisher.publish(reply)
            except Exception as error:  # the thread's edge: no error may lose a result
                if failures == 0:
                    log.warning("the broker does not take replies (%s): keeping them and trying again", error)
                self._put_off(reply, RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            if failures:
                log.info("the broker takes replies again")
            failures = 0
            self._sent(reply)
        self._publisher.close()

    def _first(self) -> Reply | None:
        """Waits for the first unsent reply; None once the outbox is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._replies or self._closed)
            return self._replies[0] if self._replies else None

    def _put_off(self, reply: Reply, seconds: float) -> None:
        if isinstance(reply, Progress):
            self._sent(reply)
        time.sleep(seconds)

    def _sent(self, reply: Reply) -> None:
        with self._changed:
            if self._replies and self._replies[0] is reply:
                self._replies.popleft()
            self._changed.notify_all()

    def _forget_progress(self, job_id: str) -> None:
        for old in [reply for reply in self._replies if isinstance(reply, Progress) and reply.job_id == job_id]:
            self._replies.remove(old)


class HeartbeatThread(threading.Thread):
    """Sends a heartbeat every `interval_s`: the worker is alive and holds these jobs and photos."""

    def __init__(
        self, publisher: ReplyPublisher, heartbeat: Callable[[], Heartbeat], interval_s: float = HEARTBEAT_INTERVAL_S
    ) -> None:
        super().__init__(name="heartbeats", daemon=True)
        self._publisher = publisher
        self._heartbeat = heartbeat
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._healthy = True
        self._healthy_since = time.monotonic()
        self._sent = False

    @property
    def healthy(self) -> bool:
        """Whether the broker accepted the last heartbeat."""
        return self._sent and self._healthy

    def healthy_s(self) -> float:
        """Seconds since when the broker has accepted every heartbeat; 0 while it accepts none."""
        return time.monotonic() - self._healthy_since if self._healthy else 0.0

    def stop(self, timeout_s: float = 5.0) -> None:
        """Sends the last heartbeat, with `stopping`."""
        self._stopping.set()
        self.join(timeout_s)

    def run(self) -> None:
        while not self._stopping.is_set():
            self._beat(self._heartbeat())
            self._stopping.wait(self._interval_s)
        self._beat(self._heartbeat().model_copy(update={"stopping": True}))
        self._publisher.close()

    def _beat(self, heartbeat: Heartbeat) -> None:
        try:
            self._publisher.publish(heartbeat)
        except Exception as error:  # the thread's edge: the next beat tries again
            if self._healthy:
                log.warning("no heartbeat: %s", error)
            self._healthy = False
            return
        if not self._healthy:
            log.info("heartbeats are sent again")
            self._healthy_since = time.monotonic()
        self._healthy = self._sent = True


class CancellationListener(threading.Thread):
    """Stores the ids of recently cancelled jobs. Cancellations sent while the broker is unreachable are lost."""

    def __init__(self, broker_url: str) -> None:
        super().__init__(name="cancellations", daemon=True)
        self._broker_url = broker_url
        self._job_ids: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.listening = threading.Event()

    def is_cancelled(self, job_id: str) -> bool:
        with self._lock:
            return job_id in self._job_ids

    def remember(self, cancellation: Cancellation) -> None:
        with self._lock:
            for job_id in cancellation.job_ids:
                self._job_ids[job_id] = None
                self._job_ids.move_to_end(job_id)
            while len(self._job_ids) > CANCELLATIONS_KEPT:
                self._job_ids.popitem(last=False)

    def stop(self, timeout_s: float = 5.0) -> None:
        self._stopping.set()
        self.join(timeout_s)

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as error:  # the thread's edge: it listens as long as the worker lives
                failures = 0 if self.listening.is_set() else failures
                if failures == 0:
                    log.warning("cancellations are not heard: %s", error)
                self.listening.clear()
                self._stopping.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1

    def _listen(self) -> None:
        with (
            Connection(self._broker_url, heartbeat=AMQP_HEARTBEAT_S, transport_options=TRANSPORT_OPTIONS) as connection,
            Consumer(connection, [new_cancellations_queue()], on_message=self._received, no_ack=True),
        ):
            timeout_s = 0.01  # Redis subscribes with the first drain, not with the consumer
            while not self._stopping.is_set():
                with suppress(TimeoutError):
                    connection.drain_events(timeout=timeout_s)
                connection.heartbeat_check()
                self.listening.set()
                timeout_s = 1.0

    def _received(self, message: Any) -> None:
        body = message.body
        try:
            self.remember(Cancellation.model_validate_json(body))
        except ValidationError as error:
            log.warning(
                "a cancellation that cannot be read is ignored: %s", error.errors(include_input=False)[0]["msg"]
            )


def _id_of(reply: Reply) -> str:
    if isinstance(reply, Examination):
        return reply.reference_id
    return "" if isinstance(reply, Heartbeat) else reply.job_id


def _close_quietly(connection: Any) -> None:
    """Closes the connection and ignores errors: with an unreachable broker, closing may fail."""
    try:
        connection.close()
    except Exception as error:
        log.debug("closing a broken connection: %s", error)
