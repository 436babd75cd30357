"""Prometheus metrics of the bot. Figures of the database are gauges over the last hour, the same in every process.

Counters count what this process did: calls of the Bot API, updates, photos, requests of other apps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.db.operations import QueueState
from bot.db.usage import Spread
from bot.domain import OPEN_STATES, JobState
from bot.monitoring.state import ServiceState

DECODE_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
ANSWER_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
UPDATE_OUTCOMES = ("taken", "unreadable", "dropped", "failed", "hung")


class Metrics:
    """One registry per process; `render` gives the text that Prometheus scrapes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._state = _StateCollector()
        self.registry.register(self._state)
        self._calls = Counter(
            "bolid_telegram_calls", "Calls of the Bot API.", ["method", "outcome"], registry=self.registry
        )
        self._photos = Counter("bolid_photos", "Photos that users sent.", ["outcome"], registry=self.registry)
        self._decodes = Histogram(
            "bolid_photo_decode_seconds",
            "Time from a downloaded file to its normalised photo, or its refusal.",
            buckets=DECODE_BUCKETS_S,
            registry=self.registry,
        )
        self._requests = Histogram(
            "bolid_api_request_seconds",
            "Time from a request of the HTTP API or the Mini App until its answer begins.",
            ["method", "route", "status"],
            buckets=ANSWER_BUCKETS_S,
            registry=self.registry,
        )
        self._api_jobs = Counter("bolid_api_jobs", "Jobs that apps asked for.", registry=self.registry)
        self._api_pictures = Counter("bolid_api_pictures", "Pictures of these jobs.", registry=self.registry)

        self._api_streams = Gauge("bolid_api_streams", "Streams of events that are open.", registry=self.registry)

    def count_call(self, method: str, outcome: str) -> None:
        """A call of the Bot API, each try by itself; outcomes of bot.telegram.connection.CountCalls."""
        self._calls.labels(method, outcome).inc()

    def count_photo(self, outcome: str, decode_s: float | None) -> None:
        """`outcome`: "taken" or a Refusal; `decode_s`: None where the file was not decoded."""
        self._photos.labels(outcome).inc()
        if decode_s is not None:
            self._decodes.observe(decode_s)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request of the HTTP API, see bot.api.measuring."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def count_api_job(self, pictures: int) -> None:
        """A new job of an app."""
        self._api_jobs.inc()
        self._api_pictures.inc(pictures)

    def note_stream(self, *, opened: bool) -> None:
        """A stream of events of the HTTP API was opened, else it has ended."""
        self._api_streams.inc(1 if opened else -1)

    def watch_updates(self, counts: Mapping[str, int]) -> None:
        """Adds the `counts` of the intake to the metrics."""
        self.registry.register(_UpdateCollector(counts))

    def watch_lag(self, lag_s: Callable[[], float]) -> None:
        """Adds the delay of the event loop to the metrics."""
        self.registry.register(_LagCollector(lag_s))

    def render(self, state: ServiceState) -> bytes:
        self._state.latest = state
        return generate_latest(self.registry)


class _UpdateCollector(Collector):
    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily("bolid_updates", "Updates from Telegram.", labels=["outcome"])
        for outcome in UPDATE_OUTCOMES:
            family.add_metric([outcome], self._counts.get(outcome, 0))
        yield family


class _LagCollector(Collector):
    def __init__(self, lag_s: Callable[[], float]) -> None:
        self._lag_s = lag_s

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "bolid_loop_lag_seconds", "Longest delay of the event loop since the last scrape.", value=self._lag_s()
        )


class _StateCollector(Collector):
    """Gauges of the latest state that `render` was given; none before."""

    def __init__(self) -> None:
        self.latest: ServiceState | None = None

    def collect(self) -> Iterator[Metric]:
        state = self.latest
        if state is None:
            return
        yield _gauge("bolid_database_up", "1 while Postgres answers.", state.queue is not None)
        yield _gauge("bolid_broker_up", "1 while the broker answers.", state.messages is not None)
        yield _gauge("bolid_leader", "1 in the process that polls and dispatches.", state.leads)
        if state.messages is not None:
            family = GaugeMetricFamily("bolid_broker_messages", "Messages in a queue of the broker.", labels=["queue"])
            for name, count in state.messages.items():
                family.add_metric([name], count)
            yield family
        if state.queue is not None:
            yield from _queue_metrics(state.queue)


def _queue_metrics(queue: QueueState) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("bolid_jobs_open", "Jobs that have not ended, by state.", labels=["state"])
    for state in JobState:
        if state in OPEN_STATES:
            jobs.add_metric([state], queue.open.get(state, 0))
    yield jobs
    yield _gauge("bolid_paused", "1 while an admin has paused the service.", queue.paused)
    yield _gauge("bolid_oldest_job_seconds", "Age of the oldest open job; 0 without one.", queue.oldest_s)
    yield _gauge("bolid_photos_pending", "Photos without a verdict.", queue.photos_pending)
    yield _gauge("bolid_workers_alive", "Workers with a recent heartbeat.", queue.workers_alive)
    yield _gauge("bolid_workers_busy", "Workers that hold jobs or photos.", queue.workers_busy)
    ended = GaugeMetricFamily(
        "bolid_jobs_ended_last_hour", "Jobs that ended within the last hour.", labels=["outcome", "reason"]
    )
    for (state, reason), count in sorted(queue.ended.items()):
        ended.add_metric([state, reason], count)
    yield ended
    yield _percentiles("bolid_wait_seconds", "From the request to the first step, jobs of the last hour.", queue.wait)
    yield _percentiles("bolid_drawing_seconds", "In the backbone, jobs of the last hour.", queue.drawing)


def _percentiles(name: str, text: str, spread: Spread) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=["quantile"])
    for quantile, seconds in (("0.5", spread.p50_s), ("0.95", spread.p95_s)):
        if seconds is not None:
            family.add_metric([quantile], seconds)
    return family


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


class LoopLag:
    """The longest time by which a sleep on the event loop was late; reading it begins again."""

    INTERVAL_S = 0.5

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = clock() + self.INTERVAL_S
        self._longest_s = 0.0

    def beat(self) -> None:
        """The loop has turned: the beat was due INTERVAL_S after the one before."""
        now = self._clock()
        self._longest_s = max(self._longest_s, now - self._due)
        self._due = now + self.INTERVAL_S

    def take(self) -> float:
        longest_s, self._longest_s = self._longest_s, 0.0
        return longest_s
