"""Alerts to admins in chat: each once when its cause begins, and once when it has ended.

The leader watches. Sent alerts are remembered in the process: after a change of the leader, an alert whose cause lasts
is sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

import structlog
from aiogram import Bot

from bot.config import Config
from bot.db import users
from bot.db.job_states import WORKER_LOST
from bot.db.operations import QueueState
from bot.db.session import Sessions, is_outage
from bot.domain import JobState
from bot.monitoring.state import StateReader
from bot.role import Role
from bot.telegram.refusals import TelegramRefusal, refusals
from bot.translator import DEFAULT_LANGUAGE, Texts, Translator
from engine.contract import FailureCode

INTERVAL_S = 15.0
CALM_S = 120.0
"""An alert ends when its cause has been absent for this time."""
FAULTS_OF_THE_SERVICE = frozenset({FailureCode.INTERNAL, FailureCode.OUT_OF_MEMORY, WORKER_LOST})
"""Failures through a fault of the service; the others concern a single request."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Alert:
    """`key` names the text, `variables` its figures."""

    key: str
    variables: dict[str, int] = field(default_factory=dict)


@dataclass
class _Trouble:
    """One kind of fault. `after_s`: how long it must last before the alert."""

    key: str
    over_key: str
    after_s: float
    began: float | None = None
    last_seen: float | None = None
    said: bool = False

    def step(self, is_there: bool, variables: dict[str, int], now: float) -> Alert | None:
        if is_there:
            self.began = now if self.began is None else self.began
            self.last_seen = now
            if not self.said and now - self.began >= self.after_s:
                self.said = True
                return Alert(self.key, variables)
            return None
        if not self.said:
            self.began = None
        elif self.last_seen is not None and now - self.last_seen >= CALM_S:
            self.said, self.began = False, None
            return Alert(self.over_key)
        return None


class Watch:
    """Pure: states of the queue in, alerts out."""

    def __init__(self, config: Config) -> None:
        self._queue_s = config.alert_queue_s
        self._failures = config.alert_failures
        self._no_worker = _Trouble("alert-no-worker", "alert-no-worker-over", config.alert_no_worker_s)
        self._old_queue = _Trouble("alert-old-queue", "alert-old-queue-over", 0.0)
        self._failing = _Trouble("alert-failures", "alert-failures-over", 0.0)

    def step(self, queue: QueueState, now: float) -> list[Alert]:
        """`now` in seconds. While the service is paused, waiting jobs and absent workers are no trouble."""
        failures = sum(
            count
            for (state, reason), count in queue.ended.items()
            if state is JobState.FAILED and reason in FAULTS_OF_THE_SERVICE
        )
        waiting = sum(queue.open.values())
        no_worker = queue.workers_alive == 0 and not queue.paused
        old = queue.oldest_s > self._queue_s and not queue.paused
        alerts = (
            self._no_worker.step(no_worker, {"minutes": round(self._no_worker.after_s / 60), "count": waiting}, now),
            self._old_queue.step(old, {"minutes": int(queue.oldest_s / 60), "count": waiting}, now),
            self._failing.step(failures >= self._failures, {"count": failures}, now),
        )
        return [alert for alert in alerts if alert is not None]


class AdminNotices:
    """Sends an alert to every admin, in the language that they chose. An admin who never wrote to the bot, or blocked
    it, gets none."""

    def __init__(self, bot: Bot, sessions: Sessions, translator: Translator, admin_ids: Collection[int]) -> None:
        self._bot = bot
        self._sessions = sessions
        self._translator = translator
        self._admin_ids = sorted(admin_ids)

    async def __call__(self, alert: Alert) -> None:
        _log.warning("alert", alert=alert.key, **alert.variables)
        for admin_id in self._admin_ids:
            try:
                texts = await self._texts_for(admin_id)
                with refusals():
                    await self._bot.send_message(admin_id, texts(alert.key, **alert.variables))
            except TelegramRefusal as refusal:
                _log.warning("an alert could not be sent", admin=admin_id, reason=str(refusal)[:200])

    async def _texts_for(self, admin_id: int) -> Texts:
        async with self._sessions() as session:
            user = await users.get(session, admin_id)
        return self._translator.of(user.language if user is not None else DEFAULT_LANGUAGE)


async def watch_service(
    reader: StateReader,
    watch: Watch,
    role: Role,
    notify: Callable[[Alert], Awaitable[None]],
    *,
    interval_s: float = INTERVAL_S,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Watches the service until cancelled, while this process leads."""
    while True:
        await asyncio.sleep(interval_s)
        await role.leads.wait()
        try:
            state = await reader.read()
            if state.queue is not None:
                for alert in watch.step(state.queue, clock()):
                    await notify(alert)
        except Exception as error:  # the edge of monitoring: the next look may succeed
            if not is_outage(error):
                _log.exception("the service could not be watched")
