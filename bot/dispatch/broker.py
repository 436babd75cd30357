"""Sends messages to the workers: tasks through Celery, cancellations to every worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError

from engine.contract import (
    CANCELLATIONS_EXCHANGE,
    EXAMINE_TASK,
    GENERATE_TASK,
    WORK_QUEUE,
    Cancellation,
    ExamineRequest,
    GenerateBatch,
    Message,
)

SOCKET_TIMEOUT_S = 5.0
ABSENT = (OperationalError, ConnectionError, TimeoutError, OSError)


def transport_options(broker_url: str) -> dict[str, Any]:
    """Options with which an unreachable or frozen broker is noticed within seconds.

    AMQP publishes without an answer by default: a message written to a dying connection would count as sent.
    """
    if broker_url.startswith("amqp"):
        return {"confirm_publish": True, "read_timeout": SOCKET_TIMEOUT_S, "write_timeout": SOCKET_TIMEOUT_S}
    return {
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": SOCKET_TIMEOUT_S,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }


def may_have_arrived(error: BaseException) -> bool:
    """Whether the broker may have the message although the send failed, because no answer came in time."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class Broker:
    """Sends one message at a time in a thread; raises one of `ABSENT` when the broker is unreachable."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._celery = self._make_celery()
        self._turn = asyncio.Lock()

    def _make_celery(self) -> Celery:
        celery = Celery("bolid", broker=self._url, set_as_current=False)
        celery.conf.update(
            task_queues=(WORK_QUEUE,),
            task_default_queue=WORK_QUEUE.name,
            task_ignore_result=True,
            broker_connection_timeout=SOCKET_TIMEOUT_S,
            broker_transport_options=transport_options(self._url),
        )
        return celery

    async def generate(self, batch: GenerateBatch) -> None:
        await self._in_thread(self._send_task, GENERATE_TASK, batch)

    async def examine(self, request: ExamineRequest) -> None:
        await self._in_thread(self._send_task, EXAMINE_TASK, request)

    async def cancel(self, job_ids: Sequence[str]) -> None:
        """Cancels jobs at all workers. A worker that is not connected gets the cancellation again when it reports on
        the job."""
        await self._in_thread(self._broadcast, Cancellation(job_ids=tuple(job_ids)))

    async def close(self) -> None:
        await self._in_thread(self._celery.close)

    async def _in_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        async with self._turn:
            await asyncio.to_thread(call, *arguments)

    def _send_task(self, name: str, argument: Message) -> None:
        try:
            self._celery.send_task(
                name, args=[argument.model_dump_json()], queue=WORK_QUEUE.name, ignore_result=True, retry=False
            )
        except ABSENT:
            self._forget_connections()
            raise

    def _forget_connections(self) -> None:
        """Closes connections without an answer. The client of Redis replaces them by itself; that of AMQP would use
        them again."""
        if self._url.startswith("amqp"):
            frozen, self._celery = self._celery, self._make_celery()
            with suppress(*ABSENT):
                frozen.close()

    def _broadcast(self, cancellation: Cancellation) -> None:
        options = transport_options(self._url)
        with Connection(self._url, connect_timeout=SOCKET_TIMEOUT_S, transport_options=options) as connection:
            connection.Producer().publish(
                cancellation.model_dump_json(),
                exchange=CANCELLATIONS_EXCHANGE,
                declare=[CANCELLATIONS_EXCHANGE],
                content_type="application/json",
                content_encoding="utf-8",
                retry=False,
            )
