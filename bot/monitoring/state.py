"""Reads the state of the service: database, broker, queue and workers, as seen from this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from kombu import Connection

from bot.db.operations import QueueState, read_queue_state
from bot.db.session import Sessions, is_outage
from bot.dispatch.broker import SOCKET_TIMEOUT_S, transport_options
from bot.role import Role
from engine.contract import REPLIES_QUEUE, WORK_QUEUE

MAX_AGE_S = 2.0
"""Seconds for which a state is cached, so that many scrapers cause one reading per this time."""
DATABASE_TIMEOUT_S = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ServiceState:
    """`queue` is None while the database does not answer, `messages` (per queue of the broker) while the broker
    does not."""

    queue: QueueState | None
    messages: Mapping[str, int] | None
    leads: bool

    @property
    def is_ready(self) -> bool:
        """Whether both servers answer. A process that waits for the leadership is ready too."""
        return self.queue is not None and self.messages is not None


class StateReader:
    """`read` gives a state that is at most MAX_AGE_S old. `clock` gives seconds."""

    def __init__(
        self,
        sessions: Sessions,
        broker_url: str,
        role: Role,
        alive_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._broker_url = broker_url
        self._role = role
        self._alive_s = alive_s
        self._clock = clock
        self._turn = asyncio.Lock()
        self._state: ServiceState | None = None
        self._read_at = 0.0

    async def read(self) -> ServiceState:
        async with self._turn:
            if self._state is None or self._clock() - self._read_at > MAX_AGE_S:
                queue, messages = await asyncio.gather(
                    self._read_queue(), asyncio.to_thread(read_messages, self._broker_url)
                )
                self._state = ServiceState(queue, messages, self._role.leads.is_set())
                self._read_at = self._clock()
            return self._state

    async def _read_queue(self) -> QueueState | None:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT_S), self._sessions() as session:
                return await read_queue_state(session, self._alive_s)
        except Exception as error:  # the edge of monitoring: it reports a fault and is none
            if not is_outage(error):
                _log.exception("the state of the queue cannot be read")
            return None


def read_messages(broker_url: str) -> dict[str, int] | None:
    """The numbers of messages in the queues of tasks and replies; None when the broker does not answer. Blocks for
    a few seconds at most."""
    options = transport_options(broker_url)
    try:
        with Connection(broker_url, connect_timeout=SOCKET_TIMEOUT_S, transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, timeout=SOCKET_TIMEOUT_S)
            channel = connection.channel()
            return {queue.name: queue(channel).queue_declare().message_count for queue in (WORK_QUEUE, REPLIES_QUEUE)}
    except Exception as error:  # the edge of monitoring: each transport has exceptions of its own
        _log.debug("the broker does not answer", error=repr(error)[:200])
        return None
