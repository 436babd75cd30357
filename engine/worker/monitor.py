"""/healthz, /readyz and /metrics of a worker, served from a thread. /healthz answers 200 while the process responds; a
step that hangs ends the process (ENGINE_HUNG_S). /readyz answers 503 while the broker accepts no heartbeat. The bot
decides by heartbeats alone: these endpoints are for supervisors, orchestrators and Prometheus.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from engine.contract import Examination, Failure, Reply, Result
from engine.errors import SetupError

DRAWING_BUCKETS_S = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)


class WorkerMetrics:
    """The counters of one worker process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._jobs = Counter(
            "bolid_worker_jobs", "Attempts that ended: drawn, or the code of the failure.", ["outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._photos = Counter("bolid_worker_photos", "Photos examined.", ["verdict"], registry=self.registry)
        self._drawing = Histogram(
            "bolid_worker_drawing_seconds", "The whole batch in the backbone, per picture.",
            buckets=DRAWING_BUCKETS_S, registry=self.registry,
        )  # fmt: skip

    def count(self, reply: Reply) -> None:
        """Counts a reply that ends a job or an examination; other replies are ignored."""
        if isinstance(reply, Result):
            self._jobs.labels("drawn").inc()
            self._drawing.observe(reply.seconds)
        elif isinstance(reply, Failure):
            self._jobs.labels(reply.code.value).inc()
        elif isinstance(reply, Examination):
            self._photos.labels(reply.verdict.value).inc()

    def watch(self, **values: Callable[[], float]) -> None:
        """Gauges that are read at each scrape, by name: in_hand, unsent, still_s."""
        texts = {
            "in_hand": ("bolid_worker_in_hand", "Jobs and photos in hand or answered and not yet sent."),
            "unsent": ("bolid_worker_unsent", "Answers that the broker does not have yet."),
            "still_s": ("bolid_worker_still_seconds", "Time since the last step of what is in hand; 0 between tasks."),
        }
        for name, value in values.items():
            Gauge(*texts[name], registry=self.registry).set_function(value)


class Monitor:
    """An HTTP server in a thread. Raises OSError where it cannot listen at `host` and `port`."""

    def __init__(self, host: str, port: int, metrics: WorkerMetrics, ready: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._ready = ready
        self._server = make_server(host, port, self._answer, server_class=_Server, handler_class=_SilentHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        kind, body, status = "text/plain; charset=utf-8", b"ok\n", HTTPStatus.OK
        match environ.get("PATH_INFO"):
            case "/healthz":
                pass
            case "/readyz":
                if not self._ready():
                    body, status = b"the broker takes no heartbeats\n", HTTPStatus.SERVICE_UNAVAILABLE
            case "/metrics":
                kind, body = CONTENT_TYPE_LATEST, generate_latest(self._metrics.registry)
            case _:
                body, status = b"expected /healthz, /readyz or /metrics\n", HTTPStatus.NOT_FOUND
        start_response(f"{status.value} {status.phrase}", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]


def open_monitor(listen: str | None, metrics: WorkerMetrics, ready: Callable[[], bool]) -> Monitor | None:
    """A monitor at `listen` (host:port); None without an address. Raises SetupError where the address cannot be
    used."""
    if listen is None:
        return None
    host, _, port = listen.rpartition(":")
    try:
        return Monitor(host.strip("[]"), int(port), metrics, ready)
    except (OSError, OverflowError) as error:
        raise SetupError(f"ENGINE_MONITOR_LISTEN: cannot listen at {listen}: {error}; choose another port") from error


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    timeout = 10
    """Seconds after which a silent client is disconnected, so that it blocks no thread."""

    def log_message(self, format: str, *arguments: object) -> None:
        return None
