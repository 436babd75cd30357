"""/healthz, /readyz and /metrics of a worker over HTTP, and the ids in its log."""

from __future__ import annotations

import io
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from bot.local.children import choose_port
from engine.contract import Examination, Failure, FailureCode, Progress, Result, Verdict
from engine.errors import SetupError
from engine.worker.logs import FORMAT, AddRequestIds, request_ids
from engine.worker.monitor import Monitor, WorkerMetrics, open_monitor


class Desk:
    """A worker's monitor, and a switch for its readiness."""

    def __init__(self) -> None:
        self.ready = False
        self.metrics = WorkerMetrics()
        self.metrics.watch(in_hand=lambda: 2.0, unsent=lambda: 1.0, still_s=lambda: 7.5)
        self.port = choose_port()
        monitor = open_monitor(f"127.0.0.1:{self.port}", self.metrics, lambda: self.ready)
        assert monitor is not None
        self.monitor: Monitor = monitor

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.monitor.stop()


def test_a_worker_is_healthy_at_once_and_ready_with_its_first_heartbeat(desk: Desk) -> None:
    assert desk.get("/healthz") == (200, "ok\n")
    assert desk.get("/readyz") == (503, "the broker takes no heartbeats\n")
    desk.ready = True
    assert desk.get("/readyz") == (200, "ok\n")
    assert desk.get("/other")[0] == 404


def test_the_metrics_count_what_the_worker_answered(desk: Desk) -> None:
    job = {"job_id": "j", "attempt": 1}
    result = Result(**job, worker_id="w", image=b"p", width=1, height=1, seconds=3.0, backbone="b")
    for reply in (
        result,
        result,
        Progress(**job, step=1, steps=4),
        Failure(**job, code=FailureCode.OUT_OF_MEMORY),
        Examination(reference_id="r", verdict=Verdict.TOO_DARK),
    ):
        desk.metrics.count(reply)
    status, text = desk.get("/metrics")
    assert status == 200
    for line in (
        'bolid_worker_jobs_total{outcome="drawn"} 2.0',
        'bolid_worker_jobs_total{outcome="out_of_memory"} 1.0',
        'bolid_worker_photos_total{verdict="too_dark"} 1.0',
        "bolid_worker_drawing_seconds_sum 6.0",
        "bolid_worker_in_hand 2.0",
        "bolid_worker_unsent 1.0",
        "bolid_worker_still_seconds 7.5",
    ):
        assert line in text.splitlines()


def test_an_address_that_is_taken_names_the_remedy(desk: Desk) -> None:
    with pytest.raises(SetupError, match=r"ENGINE_MONITOR_LISTEN: cannot listen at .*choose another port"):
        open_monitor(f"127.0.0.1:{desk.port}", WorkerMetrics(), lambda: True)


def test_without_an_address_there_is_no_monitor() -> None:
    assert open_monitor(None, WorkerMetrics(), lambda: True) is None


def test_records_of_a_task_carry_its_ids() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(AddRequestIds())
    handler.setFormatter(logging.Formatter(FORMAT.replace("%(asctime)s ", "")))
    logger = logging.getLogger("tests.request_ids")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with request_ids({"b", "a"}):
            logger.info("drawing")
        logger.info("waiting")
    finally:
        logger.removeHandler(handler)
    assert stream.getvalue() == "INFO tests.request_ids: [a b] drawing\nINFO tests.request_ids: waiting\n"
