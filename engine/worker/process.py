"""The worker process. It has no access to the database, to Telegram or to secrets.

Celery delivers the tasks (solo pool: generation runs in the main thread, which owns the CUDA context); replies,
heartbeats and cancellations have threads of their own (messaging.py). A task is acknowledged when it begins; the bot
recovers lost jobs by its leases. A task that arrives twice is drawn twice; the bot keeps the first result.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from celery import Celery
from celery.platforms import SecurityWarning
from celery.worker.consumer import Consumer
from PIL import Image
from pydantic import ValidationError

from engine.backbones.base import Backbone, GenerationInput
from engine.config import Config
from engine.contract import (
    AMQP_HEARTBEAT_S,
    EXAMINE_TASK,
    GENERATE_TASK,
    REFERENCES_MAX,
    WORK_QUEUE,
    Examination,
    ExamineRequest,
    Failure,
    FailureCode,
    GenerateBatch,
    Heartbeat,
    PosePreset,
    Reply,
    Settings,
    Verdict,
)
from engine.identity.body import BodyPart
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pipeline import RequestPipeline
from engine.pose import preset
from engine.worker.logs import request_ids
from engine.worker.messaging import CONSUMER_OPTIONS, CancellationListener, HeartbeatThread, Outbox, ReplyPublisher
from engine.worker.monitor import WorkerMetrics, open_monitor

log = logging.getLogger(__name__)

HUNG_EXIT_CODE = 70
FLUSH_TIMEOUT_S = 30.0
DEAF_S = 60.0
"""Seconds without a turn of Celery's loop after which the consumer counts as hung: an idle one turns every two seconds,
and after an outage of the broker within 30."""


class Service:
    """Runs both tasks, independent of Celery."""

    def __init__(
        self,
        generator: RequestPipeline,
        outbox: Outbox,
        cancellations: CancellationListener,
        observe: Callable[[Reply], None] = lambda reply: None,
    ) -> None:
        """`observe` is called with every reply that is put into the outbox."""
        self._generator = generator
        self._observe = observe
        self._outbox = outbox
        self._cancellations = cancellations
        self._in_hand: frozenset[str] = frozenset()
        self._moved_at = time.monotonic()
        self._lock = threading.Lock()

    def generate(self, text: object) -> None:
        """Draws a batch. `text` is the JSON of a GenerateBatch; an invalid one fails the jobs that it names."""
        try:
            batch = GenerateBatch.model_validate_json(_text(text))
        except ValidationError as error:
            self._refuse_jobs(text, _reason(error))
            return
        with self._holding({request.job_id for request in batch.requests}):
            self._generator.generate(batch.requests, self._send, self._cancellations.is_cancelled)

    def examine(self, text: object) -> None:
        """Examines a photo. `text` is the JSON of an ExamineRequest."""
        try:
            request = ExamineRequest.model_validate_json(_text(text))
        except ValidationError as error:
            self._refuse_photo(text, _reason(error))
            return
        with self._holding({request.reference_id}):
            self._put(self._generator.examine(request))

    def in_hand(self) -> tuple[str, ...]:
        """Ids of jobs and references in progress or with unsent replies."""
        with self._lock:
            return tuple(sorted(self._in_hand | self._outbox.unsent_ids()))

    def still_s(self) -> float:
        """Seconds without a step or an answer while something is in hand; 0 between tasks."""
        with self._lock:
            return time.monotonic() - self._moved_at if self._in_hand else 0.0

    def idle_s(self) -> float:
        """Seconds since the last task ended; 0 while something is in hand."""
        with self._lock:
            return 0.0 if self._in_hand else time.monotonic() - self._moved_at

    def _send(self, reply: Reply) -> None:
        self._moved_at = time.monotonic()
        self._put(reply)

    def _put(self, reply: Reply) -> None:
        self._observe(reply)
        self._outbox.put(reply)

    @contextmanager
    def _holding(self, ids: set[str]) -> Iterator[None]:
        with self._lock:
            self._in_hand, self._moved_at = frozenset(ids), time.monotonic()
        try:
            with request_ids(ids):
                yield
        finally:
            with self._lock:
                self._in_hand, self._moved_at = frozenset(), time.monotonic()

    def _refuse_jobs(self, text: object, reason: str) -> None:
        content = _loose(text)
        requests = content.get("requests")
        job_ids = [_name(request, "job_id") for request in requests] if isinstance(requests, list) else []
        log.error("a generate task cannot be read (%s): %s", reason, [job_id for job_id in job_ids if job_id])
        for job_id in filter(None, job_ids):
            self._put(Failure(job_id=job_id, attempt=1, code=FailureCode.INTERNAL, detail=reason))

    def _refuse_photo(self, text: object, reason: str) -> None:
        reference_id = _name(_loose(text), "reference_id")
        log.error("an examine task cannot be read (%s): %s", reason, reference_id)
        if reference_id:
            self._put(Examination(reference_id=reference_id, verdict=Verdict.UNREADABLE))


class Worker:
    """Builds and connects the parts of one worker process."""

    def __init__(self, config: Config, generator: RequestPipeline, worker_id: str) -> None:
        url = config.broker_url.get_secret_value()
        self._backbone = generator.backbone
        self._worker_id = worker_id
        self._hung_s = config.hung_s
        self._outbox = Outbox(ReplyPublisher(url))
        self._cancellations = CancellationListener(url)
        self._metrics = WorkerMetrics()
        self._service = Service(generator, self._outbox, self._cancellations, self._metrics.count)
        self._heartbeats = HeartbeatThread(ReplyPublisher(url), self._heartbeat)
        self._metrics.watch(
            in_hand=lambda: len(self._service.in_hand()),
            unsent=lambda: len(self._outbox.unsent_ids()),
            still_s=self._service.still_s,
        )
        self._monitor = open_monitor(config.monitor_listen, self._metrics, ready=lambda: self._heartbeats.healthy)
        self._celery = make_celery(url, self._service)
        self._log_level = config.log_level
        self._turned_at = time.monotonic()

    def run(self) -> int:
        """Works until SIGTERM or SIGINT, then finishes the current task and sends the remaining replies; the exit
        code."""
        for thread in (self._outbox, self._cancellations, self._heartbeats):
            thread.start()
        with warnings.catch_warnings():
            # Celery warns about running as root because of pickled tasks; these are JSON only
            warnings.simplefilter("ignore", SecurityWarning)
            celery_worker = self._celery.Worker(
                hostname=self._worker_id,
                pool="solo",
                concurrency=1,
                loglevel=self._log_level,
                quiet=True,
                consumer_cls=turning_consumer(self.turned),
                use_eventloop=False,  # with it, Celery 5.7 gets no more tasks after a broker died during one
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
            )
            celery_worker.start()
        if not self._outbox.close(FLUSH_TIMEOUT_S):
            log.error("replies lost at the end, the broker was away: %s", sorted(self._outbox.unsent_ids()))
        self._cancellations.stop()
        self._heartbeats.stop()
        if self._monitor is not None:
            self._monitor.stop()
        return int(celery_worker.exitcode or 0)

    def turned(self) -> None:
        """Called on each turn of the loop in which Celery's consumer asks the broker for tasks."""
        self._turned_at = time.monotonic()

    def deaf_s(self) -> float:
        """Seconds without a turn of the consumer's loop although the worker is idle and the broker is reachable: such a
        worker looks idle and takes no task. Only a new process helps where a connection hangs below Celery."""
        return min(time.monotonic() - self._turned_at, self._service.idle_s(), self._heartbeats.healthy_s())

    def _heartbeat(self) -> Heartbeat:
        """The next heartbeat. Ends the process if a step hangs, because nothing else frees the thread; other workers
        get its jobs."""
        if (still_s := self._service.still_s()) > self._hung_s:
            log.critical("no step for %.0f s (ENGINE_HUNG_S), giving up: %s", still_s, self._service.in_hand())
            logging.shutdown()
            os._exit(HUNG_EXIT_CODE)
        if (deaf_s := self.deaf_s()) > DEAF_S:
            log.critical("the broker takes heartbeats, but no task was asked for in %.0f s: giving up", deaf_s)
            logging.shutdown()
            os._exit(HUNG_EXIT_CODE)
        capabilities = self._backbone.capabilities
        return Heartbeat(
            worker_id=self._worker_id,
            backbone=capabilities.name,
            device=self._backbone.device,
            batch_max=capabilities.batch_max,
            references_max=min(capabilities.references_max, REFERENCES_MAX),
            pose=capabilities.pose,
            image_prompt=capabilities.image_prompt,
            companion=capabilities.companion,
            aspects=capabilities.aspects,
            job_ids=self._service.in_hand(),
        )


def turning_consumer(turned: Callable[[], None]) -> type[Consumer]:
    """Celery's consumer, which calls `turned` whenever its loop begins a new turn, and sends heartbeats of AMQP."""

    class TurningConsumer(Consumer):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.amqheartbeat = AMQP_HEARTBEAT_S  # zero without Celery's event loop, which alone would send them

        def perform_pending_operations(self) -> None:
            turned()
            self.connection.heartbeat_check()
            super().perform_pending_operations()

    return TurningConsumer


def make_celery(broker_url: str, service: Service) -> Celery:
    """The app with the two tasks."""
    app = Celery("bolid", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_queues=(WORK_QUEUE,),
        task_default_queue=WORK_QUEUE.name,
        task_ignore_result=True,
        task_acks_late=False,
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_prefetch_count_reduction=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=True,  # concerns late acknowledgement only; unset, it warns
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=0,  # see turning_consumer
        broker_transport_options=CONSUMER_OPTIONS,
    )

    def generate(*arguments: object, **_: object) -> None:
        service.generate(_only(arguments))

    def examine(*arguments: object, **_: object) -> None:
        service.examine(_only(arguments))

    app.task(generate, name=GENERATE_TASK, typing=False)
    app.task(examine, name=EXAMINE_TASK, typing=False)
    return app


def warm_up(backbone: Backbone) -> None:
    """Draws one step for a grey photo in the standing pose, so that the first user does not wait for caches and
    kernels."""
    width, height = backbone.capabilities.width, backbone.capabilities.height
    standing = Observation(
        width,
        height,
        face_box=(0.4 * width, 0.08 * height, 0.6 * width, 0.24 * height),
        body_box=(0.2 * width, 0.05 * height, 0.8 * width, 0.98 * height),
        keypoints=(preset(PosePreset.STANDING) * (width, height, 1)).astype(np.float32),
        parts=np.pad(np.full((72, 32), BodyPart.TOP, np.uint8), ((12, 12), (16, 16))),
        parts_box=(0.0, 0.0, float(width), float(height)),
    )
    person = IdentityProfile((View(Image.new("RGB", (width, height), "gray"), standing),))
    drawing = GenerationInput(person, prompt="a person", negative_prompt="", seed=0, settings=Settings(steps=1))
    backbone.draw([drawing])


def _only(arguments: tuple[object, ...]) -> object:
    return arguments[0] if len(arguments) == 1 else None


def _text(argument: object) -> str:
    """The argument if it is a string, else '', which is not valid JSON."""
    return argument if isinstance(argument, str) else ""


def _reason(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".lstrip(": ")


def _loose(text: object) -> dict[str, Any]:
    """The JSON object in `text`, or an empty one."""
    try:
        content = json.loads(_text(text))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _name(content: object, key: str) -> str | None:
    value = content.get(key) if isinstance(content, dict) else None
    return value if isinstance(value, str) else None
