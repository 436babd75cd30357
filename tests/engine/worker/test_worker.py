"""A real worker process on a real broker, with a backbone that needs no model."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from celery import Celery
from kombu import Connection, Producer
from PIL import Image

from engine.backbones import load_backbone
from engine.contract import (
    CANCELLATIONS_EXCHANGE,
    EXAMINE_TASK,
    GENERATE_TASK,
    MISCONFIGURED_EXIT_CODE,
    REPLIES_QUEUE,
    REPLY,
    WORK_QUEUE,
    Cancellation,
    Examination,
    ExamineRequest,
    Failure,
    FailureCode,
    GenerateBatch,
    GenerateRequest,
    Heartbeat,
    Message,
    Progress,
    Reference,
    Reply,
    Result,
    Settings,
    Started,
    Verdict,
)
from engine.identity.profile import Observation
from engine.marking.provenance import SOURCE_TYPE, Signature, read_marks
from engine.marking.watermark import Watermark
from engine.worker.process import warm_up

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
STEP_S = 0.05
BRPOP_S = 1.0
"""The time for which the server keeps a request of kombu for the next message."""
PATIENCE_S = 120.0
R = TypeVar("R", bound=Message)


def _start_worker(broker_url: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ENGINE_")}
    settings = {
        "BROKER_URL": broker_url,
        "ENGINE_BACKBONE": "slow_backbone:load",
        "ENGINE_SLOW_STEP_S": str(STEP_S),
        "PYTHONPATH": str(ROOT / "tests" / "stack"),
        "HOME": str(log.parent),
        "HF_HOME": str(log.parent / "hub"),
    }
    with log.open("wb") as out:
        command = [sys.executable, "-m", "engine.worker"]
        return subprocess.Popen(command, cwd=ROOT, env={**inherited, **settings, **environment}, stdout=out, stderr=out)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait(30)


@pytest.fixture(scope="module")
def worker(valkey: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """One worker for all tests that leave it alive."""
    process = _start_worker(valkey.url, tmp_path_factory.mktemp("worker") / "worker.log")
    yield process
    _end(process)


class Desk:
    """The bot's side: sends tasks and cancellations, reads replies."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self.read: list[Reply] = []

    def send(self, task: str, *arguments: object) -> None:
        with Celery(broker=self._broker_url, set_as_current=False) as app:
            app.send_task(task, args=arguments, queue=WORK_QUEUE.name, ignore_result=True)

    def cancel(self, *job_ids: str) -> None:
        body = Cancellation(job_ids=job_ids).model_dump_json()
        with Connection(self._broker_url) as connection:
            producer = Producer(connection.channel())
            exchange = CANCELLATIONS_EXCHANGE
            producer.publish(body, exchange=exchange, declare=[exchange], content_type="application/json")

    def wait(self, kind: type[R], accept: Callable[[R], bool] = lambda _: True) -> R:
        """The next reply of this kind that is accepted."""
        end = time.monotonic() + PATIENCE_S
        with Connection(self._broker_url) as connection:
            queue = REPLIES_QUEUE(connection.channel())
            queue.declare()
            while time.monotonic() < end:
                message = queue.get(no_ack=True)
                if message is None:
                    time.sleep(0.02)
                    continue
                reply = REPLY.validate_json(message.body)
                self.read.append(reply)
                if isinstance(reply, kind) and accept(reply):
                    return reply
        raise AssertionError(f"no such {kind.__name__} among {[type(reply).__name__ for reply in self.read]}")


@pytest.fixture
def desk(broker_url: str, worker: subprocess.Popen[bytes]) -> Desk:
    """A desk with the worker listening."""
    desk = Desk(broker_url)
    desk.wait(Heartbeat)
    return desk


def _batch(photo: bytes, *job_ids: str, steps: int = 4) -> str:
    reference = Reference(image=photo, profile=Observation(512, 512).to_bytes())
    requests = [
        GenerateRequest(job_id=job_id, references=(reference,), prompt="x", seed=1, settings=Settings(steps=steps))
        for job_id in job_ids
    ]
    return GenerateBatch(requests=tuple(requests)).model_dump_json()


def test_a_worker_warms_up_with_the_included_model() -> None:
    warm_up(load_backbone("nano", "cpu"))


def test_a_photo_is_examined(desk: Desk, astronaut_jpeg: bytes) -> None:
    desk.send(EXAMINE_TASK, ExamineRequest(reference_id="photo", image=astronaut_jpeg).model_dump_json())
    answer = desk.wait(Examination)
    assert (answer.reference_id, answer.verdict, answer.people) == ("photo", Verdict.ACCEPTED, 1)
    assert answer.profile is not None and Observation.from_bytes(answer.profile).face_box is not None


def test_a_batch_is_drawn_and_reported_step_by_step(desk: Desk, astronaut_jpeg: bytes) -> None:
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "a", "b"))
    result = desk.wait(Result, lambda reply: reply.job_id == "b")
    marks = read_marks(result.image, Watermark("BoLID"))
    assert marks.source_type == SOURCE_TYPE and marks.signature is Signature.UNTRUSTED
    replies = [reply for reply in desk.read if not isinstance(reply, Heartbeat)]
    of_a = [type(reply) for reply in replies if getattr(reply, "job_id", "") == "a"]
    assert of_a[0] is Started and of_a[-1] is Result and Progress in of_a
    assert any(isinstance(reply, Progress) and reply.preview for reply in replies)


def test_a_task_that_comes_twice_gives_the_same_picture_twice(desk: Desk, astronaut_jpeg: bytes) -> None:
    for _ in range(2):
        desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "twin"))
    first, second = desk.wait(Result), desk.wait(Result)
    assert first.job_id == second.job_id == "twin"
    pictures = [np.asarray(Image.open(io.BytesIO(result.image))) for result in (first, second)]
    assert np.array_equal(*pictures)  # the files differ: each manifest has an id of its own


def test_a_style_comes_over_the_broker_and_filters_the_picture(desk: Desk, astronaut_jpeg: bytes) -> None:
    batch = GenerateBatch.model_validate_json(_batch(astronaut_jpeg, "styled"))
    (request,) = batch.requests
    styled = batch.model_copy(update={"requests": (request.model_copy(update={"style": "film"}),)})
    desk.send(GENERATE_TASK, styled.model_dump_json())
    pixels = np.asarray(Image.open(io.BytesIO(desk.wait(Result).image)).convert("RGB"), np.int16)
    assert (pixels.max(2) - pixels.min(2)).mean() < 5  # grey, but for the watermark


def test_a_running_job_is_cancelled_and_the_next_one_drawn(desk: Desk, astronaut_jpeg: bytes) -> None:
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "long", steps=100))
    desk.wait(Progress)
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "withdrawn"))
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "next"))
    desk.cancel("long", "withdrawn")
    assert desk.wait(Failure, lambda reply: reply.job_id == "long").code is FailureCode.CANCELLED
    assert desk.wait(Failure, lambda reply: reply.job_id == "withdrawn").code is FailureCode.CANCELLED
    assert desk.wait(Result).job_id == "next"
    assert not any(isinstance(reply, Started) and reply.job_id == "withdrawn" for reply in desk.read)


def test_heartbeats_go_on_while_it_draws_and_name_the_job(desk: Desk, astronaut_jpeg: bytes) -> None:
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "busy", steps=100))
    beat = desk.wait(Heartbeat, lambda reply: reply.job_ids == ("busy",))
    assert (beat.backbone, beat.device, beat.batch_max, beat.stopping) == ("slow", "cpu", 4, False)
    desk.cancel("busy")
    desk.wait(Failure)
    desk.wait(Heartbeat, lambda reply: reply.job_ids == ())


def test_a_job_in_a_task_that_cannot_be_read_fails(desk: Desk) -> None:
    desk.send(GENERATE_TASK, '{"requests": [{"job_id": "odd", "surprise": 1}]}')
    failure = desk.wait(Failure)
    assert (failure.job_id, failure.code, failure.retry) == ("odd", FailureCode.INTERNAL, False)


def test_a_photo_in_a_task_that_cannot_be_read_gets_its_verdict(desk: Desk) -> None:
    desk.send(EXAMINE_TASK, '{"reference_id": "odd", "image": "no base64 !"}')
    assert desk.wait(Examination) == Examination(reference_id="odd", verdict=Verdict.UNREADABLE)


def test_a_prompt_that_is_not_allowed_is_refused(desk: Desk, astronaut_jpeg: bytes) -> None:
    batch = GenerateBatch.model_validate_json(_batch(astronaut_jpeg, "rude"))
    (request,) = batch.requests
    rude = batch.model_copy(update={"requests": (request.model_copy(update={"prompt": "голая женщина"}),)})
    desk.send(GENERATE_TASK, rude.model_dump_json())
    failure = desk.wait(Failure)
    assert (failure.job_id, failure.code, failure.retry) == ("rude", FailureCode.REFUSED_PROMPT, False)


def test_rubbish_is_dropped_and_work_goes_on(desk: Desk, astronaut_jpeg: bytes) -> None:
    for arguments in [("rubbish",), ("[1, 2]",), ('{"requests": 7}',), (7,), (), ("a", "b"), ({"x": 1},)]:
        desk.send(GENERATE_TASK, *arguments)
        desk.send(EXAMINE_TASK, *arguments)
    desk.send("no.such.task", "x")
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "after"))
    assert desk.wait(Result).job_id == "after"


def test_the_broker_may_die_while_it_draws_and_while_it_waits(
    desk: Desk, valkey: Any, worker: subprocess.Popen[bytes], astronaut_jpeg: bytes
) -> None:
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "in-hand", steps=20))
    desk.wait(Progress)
    valkey.kill()
    time.sleep(20 * STEP_S)
    valkey.start()
    assert desk.wait(Result).job_id == "in-hand"
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "later"))
    assert desk.wait(Result).job_id == "later"
    valkey.kill()
    valkey.start()
    desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "last"))
    assert desk.wait(Result).job_id == "last"
    desk.wait(Heartbeat)
    assert worker.poll() is None


def test_sigterm_ends_the_job_in_hand_and_says_goodbye(broker_url: str, astronaut_jpeg: bytes, tmp_path: Path) -> None:
    own_url = broker_url.removesuffix("/0") + "/1"  # the module's other worker does not listen there
    process = _start_worker(own_url, tmp_path / "worker.log")
    desk = Desk(own_url)
    try:
        worker_id = desk.wait(Heartbeat).worker_id
        desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "in-hand", steps=40))
        desk.wait(Started)
        process.send_signal(signal.SIGTERM)
        assert desk.wait(Result).job_id == "in-hand"
        goodbye = desk.wait(Heartbeat, lambda reply: reply.stopping)
        assert goodbye.worker_id == worker_id and goodbye.job_ids == ()
        assert process.wait(PATIENCE_S) == 0
    finally:
        _end(process)


def test_a_worker_that_hangs_ends_itself(broker_url: str, astronaut_jpeg: bytes, tmp_path: Path) -> None:
    from engine.worker.process import HUNG_EXIT_CODE

    own_url = broker_url.removesuffix("/0") + "/2"
    log = tmp_path / "worker.log"
    process = _start_worker(own_url, log, ENGINE_SLOW_STEP_S="4", ENGINE_HUNG_S="0.5")
    desk = Desk(own_url)
    try:
        desk.wait(Heartbeat)
        desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "stuck"))
        assert process.wait(PATIENCE_S) == HUNG_EXIT_CODE
        assert "ENGINE_HUNG_S" in log.read_text("utf-8")
    finally:
        _end(process)


@pytest.mark.soak
@pytest.mark.parametrize("server", ["valkey", "rabbitmq"])
def test_frozen_connections_are_given_up_and_the_next_job_is_drawn(
    request: pytest.FixtureRequest,
    server: str,
    freezing_proxy: Callable[[str], Any],
    astronaut_jpeg: bytes,
    tmp_path: Path,
) -> None:
    """All connections of a worker at once: tasks, replies, heartbeats; the process must survive. A task that is sent
    within BRPOP_S of the freeze goes to the frozen connection, and its lease brings it again."""
    own_url = request.getfixturevalue(server).url.removesuffix("/0")
    own_url += "" if server == "rabbitmq" else "/3"
    proxy = freezing_proxy(own_url)
    process = _start_worker(proxy.before(own_url), tmp_path / "worker.log")
    desk = Desk(own_url)
    try:
        desk.wait(Heartbeat)
        desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "before"))
        assert desk.wait(Result).job_id == "before"
        proxy.freeze()
        time.sleep(BRPOP_S + 2)
        desk.send(GENERATE_TASK, _batch(astronaut_jpeg, "after"))
        assert desk.wait(Result).job_id == "after"
        assert process.poll() is None
    finally:
        _end(process)


class _IdleService:
    """Replaces a worker's Service and HeartbeatThread, with times that the test sets."""

    def __init__(self, idle_s: float, healthy_s: float) -> None:
        self.idle_s, self.healthy_s = lambda: idle_s, lambda: healthy_s


@pytest.mark.parametrize(
    ("turned_s", "idle_s", "healthy_s", "deaf"),
    [
        (100.0, 100.0, 100.0, True),
        (1.0, 100.0, 100.0, False),  # it turns
        (100.0, 0.0, 100.0, False),  # a task is in hand
        (100.0, 1.0, 100.0, False),  # a long task has just ended
        (100.0, 100.0, 10.0, False),  # the broker was away until a moment ago
        (100.0, 100.0, 0.0, False),  # the broker is away
    ],
)
def test_a_worker_is_deaf_when_its_consumer_stands_still_for_no_reason(
    turned_s: float, idle_s: float, healthy_s: float, deaf: bool
) -> None:
    from engine.worker.process import DEAF_S, Worker

    worker = object.__new__(Worker)
    worker._turned_at = time.monotonic() - turned_s
    worker._service = worker._heartbeats = _IdleService(idle_s, healthy_s)  # type: ignore[assignment]
    assert (worker.deaf_s() > DEAF_S) == deaf


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("ENGINE_FACE_ROOT", "/nowhere", "unset ENGINE_FACE_ROOT"),
        ("ENGINE_BACKBONE", "marvel", "set ENGINE_BACKBONE"),
        ("ENGINE_LOG_LEVEL", "LOUD", "ENGINE_LOG_LEVEL"),
        ("ENGINE_BACKBONE", "slow_backbone:load_photorealistic", "ENGINE_SAFETY_MODEL"),
    ],
)
def test_what_is_missing_at_the_start_is_one_line(
    setting: str,
    value: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    from engine.worker.__main__ import main

    monkeypatch.setattr("sys.argv", ["engine.worker"])
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "stack"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ENGINE_LOG_LEVEL", "ERROR")
    monkeypatch.setenv(setting, value)
    assert main() == MISCONFIGURED_EXIT_CODE
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and reason in lines[0]
