"""The dispatcher: moves jobs on, in the bot process that holds the leadership."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any
from uuid import uuid4

import structlog
from aiogram import Bot

from bot.config import Pace
from bot.db import leases, workers
from bot.db.session import Sessions, is_outage
from bot.dispatch.app_results import AppResults
from bot.dispatch.broker import Broker
from bot.dispatch.job_messages import UnstoredMessages
from bot.dispatch.leadership import Leadership, LeadershipLost
from bot.dispatch.reply_consumer import ReplyConsumer
from bot.dispatch.reply_handler import ReplyHandler
from bot.dispatch.signals import JobSignals
from bot.dispatch.status_messenger import StatusMessenger
from bot.dispatch.status_updater import StatusUpdater
from bot.dispatch.task_sender import TaskSender
from bot.dispatch.timing import Listening, repeat
from bot.role import Role
from bot.styles import Styles
from bot.translator import Translator

REGAIN_PAUSE_S = 1.0
_log = structlog.get_logger(__name__)


class JobDispatcher:
    """Call `run`; cancel it to stop. It survives outages of Postgres, the broker, workers and Telegram."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        database_url: str,
        broker_url: str,
        bot: Bot,
        answer_verdicts: Callable[[], Awaitable[object]],
        styles: Styles,
        translator: Translator,
        signals: JobSignals,
        pace: Pace,
        role: Role | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`answer_verdicts` sends users the verdicts on their photos that are due. `role` is updated here, for the
        parts of the process that only the leader runs."""
        self._sessions = sessions
        self._database_url = database_url
        self._broker_url = broker_url
        self._bot = bot
        self._answer_verdicts = answer_verdicts
        self._styles = styles
        self._translator = translator
        self._signals = signals
        self._pace = pace
        self._role = role or Role()
        self._clock = clock
        self._unstored: UnstoredMessages = {}
        self._holder = uuid4()

    async def run(self) -> None:
        """Waits until this process leads, then dispatches; never returns."""
        broker = Broker(self._broker_url)
        try:
            while True:
                try:
                    async with Leadership(self._database_url, self._holder) as leadership:
                        _log.info("dispatching")
                        with self._role.leading():
                            await self._lead(leadership, broker)
                except LeadershipLost as lost:
                    _log.warning("the leadership is lost, taking it up again", reason=str(lost))
                except Exception as error:  # no error may end the dispatcher
                    if is_outage(error):
                        _log.warning("waiting for the database")
                    else:
                        _log.exception("the dispatcher failed, going on")
                await asyncio.sleep(REGAIN_PAUSE_S)
        finally:
            await broker.close()

    async def _lead(self, leadership: Leadership, broker: Broker) -> None:
        handler = ReplyHandler(self._sessions, self._signals, self._pace)
        listening = Listening(self._clock)
        consumer = ReplyConsumer(self._broker_url, handler.handle, listening)
        sender = TaskSender(self._sessions, broker, self._styles, self._signals, self._pace)
        messenger = StatusMessenger(self._bot)
        updater = StatusUpdater(
            self._sessions,
            messenger,
            self._translator,
            self._styles,
            handler.previews,
            self._pace,
            self._clock,
            self._signals.repaint,
            self._unstored,
        )
        work = (
            leadership.watch(),
            consumer.run(),
            self._keep("queue", sender.step),
            repeat("sweep", lambda: self._sweep(listening), asyncio.Event(), self._pace.tick_s),
            self._keep("status messages", updater.step, repaints=True),
            self._keep("verdicts", self._answer),
            self._keep("results of apps", AppResults(self._sessions).step),
        )
        try:
            await _until_one_fails(work)
        finally:
            await updater.finish()

    def _keep(
        self, name: str, step: Callable[[], Awaitable[None]], *, repaints: bool = False
    ) -> Coroutine[Any, Any, None]:
        async def keep() -> None:
            woken = self._signals.listen(repaints=repaints)
            try:
                await repeat(name, step, woken, self._pace.tick_s)
            finally:
                self._signals.leave(woken)

        return keep()

    async def _sweep(self, listening: Listening) -> None:
        """Takes back lost jobs, once heartbeats have been listened to for the length of a lease: before, silence means
        nothing."""
        if listening.for_s < self._pace.lease_s:
            return
        async with self._sessions.begin() as session:
            await leases.cap(session, max(self._pace.lease_s, self._pace.handout_s))
            swept = await leases.sweep(session, self._pace.alive_s)
            await workers.forget_gone(session)
        if swept:
            _log.warning(
                "took back lost jobs",
                jobs=[str(job_id) for job_id in swept.requeued],
                failed=[str(job_id) for job_id in swept.failed],
                photos=len(swept.photos_requeued),
                unreadable=len(swept.photos_refused),
            )
            self._signals.wake()

    async def _answer(self) -> None:
        await self._answer_verdicts()


async def _until_one_fails(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Runs all coroutines until one fails, and raises its exception. All have ended when this function ends.

    Not a TaskGroup: if it is cancelled at the moment in which a task fails, it raises the failure alone (before Python
    3.13), and a stop would be lost.
    """
    tasks = [asyncio.create_task(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
