"""Consumes the replies of workers. A reply is acknowledged after its commit, so a crash in between repeats it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from typing import Any

import structlog
from kombu import Connection, Consumer
from pydantic import ValidationError
from structlog.contextvars import bind_contextvars

from bot.dispatch.broker import SOCKET_TIMEOUT_S, transport_options
from bot.dispatch.timing import Listening
from engine.contract import AMQP_HEARTBEAT_S, REPLIES_QUEUE, REPLY, Heartbeat, Progress, Reply

POLL_S = 0.2
"""The longest time until a stop is noticed. A read that waits in Redis cannot be broken off: it ends after as long."""
RECONNECT_MIN_S, RECONNECT_MAX_S = 0.5, 5.0
UNACKNOWLEDGED_S = 5
"""Redis has no notion of a consumer that died: what it had taken is given out again after this time. Our own keys,
because the workers' tasks must not be given out again by our clock. Short, because the leader is the only consumer."""
_log = structlog.get_logger(__name__)


class ReplyConsumer:
    """A thread on the broker that hands each reply to `handle` on the event loop, one after another, in order."""

    def __init__(self, broker_url: str, handle: Callable[[Reply], Awaitable[None]], listening: Listening) -> None:
        self._url = broker_url
        self._handle = handle
        self._listening = listening
        self._stop = threading.Event()
        self._backlog = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Reads until cancelled; waits for a broker that is unreachable."""
        self._loop = asyncio.get_running_loop()
        self._stop.clear()
        reading = asyncio.ensure_future(asyncio.to_thread(self._read_for_ever))
        try:
            await asyncio.shield(reading)
        finally:
            self._stop.set()
            self._listening.end()
            await asyncio.wait([reading])

    def _read_for_ever(self) -> None:
        pause_s = RECONNECT_MIN_S
        while not self._stop.is_set():
            try:
                self._read(Connection(self._url, heartbeat=AMQP_HEARTBEAT_S, transport_options=self._options()))
            except Exception as error:  # the edge of the thread: whatever the broker's client raises, we come back
                if self._stop.is_set():
                    return
                pause_s = RECONNECT_MIN_S if self._listening.for_s else min(2 * pause_s, RECONNECT_MAX_S)
                self._listening.end()
                _log.warning("the broker is not there, trying again", error=repr(error), pause_s=pause_s)
                self._stop.wait(pause_s)

    def _options(self) -> dict[str, Any]:
        if self._url.startswith("amqp"):
            return transport_options(self._url)
        return {
            **transport_options(self._url),
            "visibility_timeout": UNACKNOWLEDGED_S,
            "unacked_key": f"{REPLIES_QUEUE.name}.unacked",
            "unacked_index_key": f"{REPLIES_QUEUE.name}.unacked_index",
            "unacked_mutex_key": f"{REPLIES_QUEUE.name}.unacked_mutex",
            "unacked_mutex_expire": 10,
        }

    def _read(self, connection: Connection) -> None:
        with connection:
            connection.ensure_connection(max_retries=1, timeout=SOCKET_TIMEOUT_S)
            channel = connection.channel()
            if not self._url.startswith("amqp"):
                channel.brpop_timeout = POLL_S
            queue = REPLIES_QUEUE(channel)
            self._backlog = queue.queue_declare().message_count
            self._seen_backlog(0)
            consumer = Consumer(channel, queues=[queue], on_message=self._receive, prefetch_count=1)
            with consumer:
                while not self._stop.is_set():
                    connection.heartbeat_check()
                    try:
                        connection.drain_events(timeout=POLL_S)
                    except TimeoutError:
                        self._seen_backlog(self._backlog)

    def _seen_backlog(self, messages: int) -> None:
        self._backlog -= messages
        if self._backlog <= 0:
            self._listening.begin()

    def _receive(self, message: Any) -> None:
        in_backlog = self._backlog > 0
        self._seen_backlog(1)
        try:
            reply = REPLY.validate_json(message.body)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            _log.error("dropped a malformed reply", faults=faults[:3], size=len(message.body))
            message.ack()
            return
        # A heartbeat from the time without a consumer is no sign of life now.
        stale = in_backlog and isinstance(reply, Heartbeat | Progress)
        if stale or self._handled(reply):
            message.ack()

    def _handled(self, reply: Reply) -> bool:
        """Whether the reply was handled; `False` when the bot stops first: the reply stays in the queue."""
        assert self._loop is not None
        future: Future[None] = asyncio.run_coroutine_threadsafe(_handle_with_ids(self._handle, reply), self._loop)
        while True:
            try:
                future.result(timeout=POLL_S)
                return True
            except CancelledError:
                return False
            except TimeoutError:
                if future.done():
                    raise
                if self._stop.is_set():
                    future.cancel()
                    return False


async def _handle_with_ids(handle: Callable[[Reply], Awaitable[None]], reply: Reply) -> None:
    """Handles a reply in a task, and so in a context, of its own: all log records about it have the id of its job or
    photo."""
    names = {"job_id": "job", "reference_id": "photo", "worker_id": "worker"}
    bind_contextvars(**{name: getattr(reply, field) for field, name in names.items() if hasattr(reply, field)})
    await handle(reply)
