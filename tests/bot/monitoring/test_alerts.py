"""Alerts: each once when its cause begins and once when it has ended, sent to every admin in their language."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bot.config import Config
from bot.db.operations import QueueState
from bot.db.session import Sessions
from bot.db.usage import Spread
from bot.domain import JobState
from bot.local.botapi import ANNA_ID, BEN_ID, LocalBotAPI, Person
from bot.monitoring.alerts import CALM_S, AdminNotices, Alert, Watch, watch_service
from bot.monitoring.state import ServiceState
from bot.role import Role
from bot.telegram.connection import open_bot
from bot.translator import Translator
from engine.contract import FailureCode

NEVER_SEEN = 4_711
CONFIG = Config(
    bot_token="123456:ABC", database_url="postgresql://unused", broker_url="redis://unused", alert_no_worker_s=300,
    alert_queue_s=900, alert_failures=5, _env_file=None,
)  # fmt: skip


def queue(
    *,
    workers: int = 1,
    oldest_s: float = 0.0,
    ended: Mapping[tuple[JobState, str], int] | None = None,
    paused: bool = False,
) -> QueueState:
    return QueueState(
        open={JobState.QUEUED: 3}, oldest_s=oldest_s, photos_pending=0, workers_alive=workers, workers_busy=0,
        ended=ended or {}, wait=Spread(None, None), drawing=Spread(None, None), paused=paused,
    )  # fmt: skip


@pytest.fixture
def watch() -> Watch:
    return Watch(CONFIG)


def keys(alerts: list[Alert]) -> list[str]:
    return [alert.key for alert in alerts]


def test_no_worker_is_reported_once_after_its_time_and_once_when_it_is_over(watch: Watch) -> None:
    assert watch.step(queue(workers=0), 0) == []
    assert watch.step(queue(workers=0), 299) == []
    assert watch.step(queue(workers=0), 300) == [Alert("alert-no-worker", {"minutes": 5, "count": 3})]
    assert watch.step(queue(workers=0), 10_000) == []
    assert watch.step(queue(), 10_015) == []
    assert keys(watch.step(queue(), 10_000 + CALM_S)) == ["alert-no-worker-over"]
    assert watch.step(queue(), 20_000) == []


def test_a_worker_that_comes_and_goes_is_one_alert(watch: Watch) -> None:
    watch.step(queue(workers=0), 0)
    assert keys(watch.step(queue(workers=0), 300)) == ["alert-no-worker"]
    later = [watch.step(queue(workers=turn % 2), 300 + 15 * turn) for turn in range(1, 40)]
    assert not any(later)


def test_a_worker_that_is_back_in_time_is_no_alert(watch: Watch) -> None:
    watch.step(queue(workers=0), 0)
    watch.step(queue(), 200)
    assert watch.step(queue(workers=0), 400) == []


def test_an_old_queue_is_reported_with_its_age(watch: Watch) -> None:
    assert watch.step(queue(oldest_s=900), 0) == []
    assert watch.step(queue(oldest_s=1_000), 15) == [Alert("alert-old-queue", {"minutes": 16, "count": 3})]
    assert watch.step(queue(oldest_s=2_000), 30) == []


def test_failures_of_the_service_count_and_refusals_do_not(watch: Watch) -> None:
    refused = {(JobState.FAILED, FailureCode.REFUSED_PROMPT): 50, (JobState.CANCELLED, ""): 50}
    assert watch.step(queue(ended=refused), 0) == []
    four = {(JobState.FAILED, FailureCode.INTERNAL): 3, (JobState.FAILED, "worker_lost"): 1}
    assert watch.step(queue(ended=four), 15) == []
    five = {**four, (JobState.FAILED, FailureCode.OUT_OF_MEMORY): 1}
    assert watch.step(queue(ended=five), 30) == [Alert("alert-failures", {"count": 5})]
    assert keys(watch.step(queue(ended=four), 30 + CALM_S)) == ["alert-failures-over"]


def test_while_the_service_is_paused_waiting_is_no_trouble(watch: Watch) -> None:
    for now in range(0, 3_000, 15):
        assert watch.step(queue(workers=0, oldest_s=5_000, paused=True), now) == []


async def test_every_admin_gets_the_alert_in_their_language(sessions: Sessions, rows: Any) -> None:
    await rows.user(ANNA_ID, language="ru")
    await rows.user(BEN_ID, language="en")
    async with LocalBotAPI() as api, Person(api.url, ANNA_ID) as anna, Person(api.url, BEN_ID) as ben:
        for person in (anna, ben):
            await person.send_text("/start")
        bot = open_bot(api.token, api.url, patient=False)
        try:
            notify = AdminNotices(bot, sessions, Translator(), {NEVER_SEEN, ANNA_ID, BEN_ID})
            await notify(Alert("alert-no-worker", {"minutes": 5, "count": 2}))
        finally:
            await bot.session.close()
        await anna.wait_for(lambda message: "Нет ни одного сервера" in message.text and "2 картинки" in message.text)
        await ben.wait_for(lambda message: "No worker" in message.text and "2 pictures are waiting" in message.text)


async def test_only_the_leader_watches() -> None:
    class Reader:
        async def read(self) -> ServiceState:
            return ServiceState(queue(oldest_s=1_000), {}, leads=True)

    alerts: list[Alert] = []
    received = asyncio.Event()

    async def notify(alert: Alert) -> None:
        alerts.append(alert)
        received.set()

    role = Role()
    watching = asyncio.create_task(
        watch_service(Reader(), Watch(CONFIG), role, notify, interval_s=0.01)  # type: ignore[arg-type]
    )
    await asyncio.sleep(0.1)
    assert alerts == []
    with role.leading():
        await asyncio.wait_for(received.wait(), 60)
    watching.cancel()
    assert keys(alerts) == ["alert-old-queue"]
