"""/healthz, /readyz and /metrics over HTTP, on a real database and a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import serve
from bot.config import Config
from bot.db.session import Sessions
from bot.domain import JobState
from bot.errors import OperatorError
from bot.local.botapi import BEN_ID, ApiControl, LocalBotAPI, Person
from bot.local.children import choose_port
from bot.monitoring.metrics import LoopLag, Metrics
from bot.monitoring.server import monitoring
from bot.monitoring.state import StateReader
from bot.role import Role
from engine.contract import FailureCode

NOWHERE = "redis://127.0.0.1:1/0"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def scrape(port: int) -> Samples:
    status, text = await get(port, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@asynccontextmanager
async def listening(sessions: Sessions, broker_url: str, metrics: Metrics | None = None) -> AsyncIterator[int]:
    port = choose_port()
    reader = StateReader(sessions, broker_url, Role(), alive_s=8.0)
    async with monitoring(("127.0.0.1", port), reader, metrics or Metrics()):
        yield port


async def test_a_bot_with_both_servers_is_ready(sessions: Sessions, broker_url: str, rows: Any) -> None:
    await rows.worker()
    async with listening(sessions, broker_url) as port:
        assert await get(port, "/healthz") == (200, '{"status": "ok"}')
        assert await get(port, "/readyz") == (
            200,
            '{"database": true, "broker": true, "leads": false, "workers": 1}',
        )


async def test_without_a_broker_a_bot_is_healthy_and_not_ready(sessions: Sessions) -> None:
    async with listening(sessions, NOWHERE) as port:
        assert (await get(port, "/healthz"))[0] == 200
        status, text = await get(port, "/readyz")
        assert (status, '"database": true, "broker": false' in text) == (503, True)
        samples = await scrape(port)
        assert (samples["bolid_broker_up", ()], samples["bolid_database_up", ()]) == (0, 1)


async def test_without_a_database_a_bot_is_healthy_and_not_ready(
    sessions: Sessions, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("bot.monitoring.state.read_queue_state", fail)
    async with listening(sessions, broker_url) as port:
        assert (await get(port, "/healthz"))[0] == 200
        status, text = await get(port, "/readyz")
        assert (status, '"database": false, "broker": true' in text) == (503, True)
        samples = await scrape(port)
        assert samples["bolid_database_up", ()] == 0
        assert ("bolid_oldest_job_seconds", ()) not in samples, "an unknown age is no age"


async def test_the_metrics_count_the_queue_and_how_jobs_ended(sessions: Sessions, broker_url: str, rows: Any) -> None:
    await rows.user()
    now = datetime.now(UTC)
    await rows.job(created_at=now - timedelta(seconds=100))
    await rows.job()
    await rows.photo(state="pending")
    ended = {"created_at": now - timedelta(seconds=60), "finished_at": now}
    begun = {"started_at": now - timedelta(seconds=40), "seconds": 12.5}
    await rows.job(state=JobState.DELIVERED, **ended, **begun)
    await rows.job(state=JobState.FAILED, failure=FailureCode.OUT_OF_MEMORY, **ended)
    long_ago = now - timedelta(hours=2)
    await rows.job(state=JobState.FAILED, failure=FailureCode.INTERNAL, created_at=long_ago, finished_at=long_ago)
    async with listening(sessions, broker_url) as port:
        samples = await scrape(port)
    assert samples["bolid_jobs_open", (("state", "queued"),)] == 2
    assert samples["bolid_jobs_open", (("state", "running"),)] == 0
    assert 100 <= samples["bolid_oldest_job_seconds", ()] < 160
    assert samples["bolid_photos_pending", ()] == 1
    assert samples["bolid_workers_alive", ()] == 0
    endings = {labels: value for (name, labels), value in samples.items() if name == "bolid_jobs_ended_last_hour"}
    assert endings == {
        (("outcome", "delivered"), ("reason", "")): 1,
        (("outcome", "failed"), ("reason", "out_of_memory")): 1,
    }
    assert samples["bolid_wait_seconds", (("quantile", "0.5"),)] == pytest.approx(20, abs=0.1)
    assert samples["bolid_drawing_seconds", (("quantile", "0.95"),)] == 12.5
    assert samples["bolid_broker_messages", (("queue", "bolid.work"),)] == 0


async def test_an_address_that_is_taken_is_one_line(sessions: Sessions) -> None:
    async with listening(sessions, NOWHERE) as port:
        reader = StateReader(sessions, NOWHERE, Role(), alive_s=8.0)
        with pytest.raises(OperatorError, match=f"^MONITOR_LISTEN: cannot listen at 127.0.0.1:{port}: .*another port"):
            async with monitoring(("127.0.0.1", port), reader, Metrics()):
                pass


async def test_without_an_address_nothing_listens(sessions: Sessions) -> None:
    async with monitoring(None, StateReader(sessions, NOWHERE, Role(), alive_s=8.0), Metrics()):
        assert len(asyncio.all_tasks()) == 1


def test_the_lag_is_the_longest_delay_since_it_was_read() -> None:
    times = iter((0.0, 0.5, 1.0, 3.5, 4.0))
    lag = LoopLag(lambda: next(times))
    for _ in range(4):
        lag.beat()
    assert (lag.take(), lag.take()) == (2.0, 0.0)


async def test_the_whole_bot_counts_updates_photos_and_429s(
    database_url: str, broker_url: str, eventually: Callable[..., Any], picture: Callable[..., bytes]
) -> None:
    port = choose_port()
    async with LocalBotAPI() as api, ApiControl(api.url) as control, Person(api.url, BEN_ID) as ben:
        config = Config(
            bot_token=api.token, bot_api_url=api.url, database_url=database_url, broker_url=broker_url,
            monitor_listen=f"127.0.0.1:{port}", _env_file=None,
        )  # fmt: skip
        stop = asyncio.Event()
        running = asyncio.create_task(serve(config, stop))
        try:
            await ben.send_text("/help")
            await ben.wait_for(lambda message: "/photos" in message.text, 60)
            await control.fail_next("sendMessage", kind="flood", retry_after=1)
            await ben.send_text("/help")

            async def answered_twice() -> bool:
                return sum("/photos" in message.text for message in await ben.transcript()) == 2

            await eventually(answered_twice)
            samples = await scrape(port)
            assert samples["bolid_updates_total", (("outcome", "taken"),)] == 2
            assert samples["bolid_updates_total", (("outcome", "failed"),)] == 0
            flood = (("method", "sendMessage"), ("outcome", "flood_control"))
            assert samples["bolid_telegram_calls_total", flood] == 1
            assert samples["bolid_telegram_calls_total", (("method", "sendMessage"), ("outcome", "ok"))] == 2
            assert samples["bolid_leader", ()] == 1
            assert samples["bolid_loop_lag_seconds", ()] >= 0
        finally:
            stop.set()
            await running
