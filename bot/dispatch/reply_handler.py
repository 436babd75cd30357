"""Stores the replies of workers: one transaction each, repeated while the database is away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Pace
from bot.db import job_queue, job_states, leases, photo_states, workers
from bot.db.session import Sessions, is_outage, refuses_values
from bot.dispatch.signals import JobSignals
from engine.contract import Examination, Failure, FailureCode, Heartbeat, Progress, Reply, Result, Started

OUTAGE_PAUSE_S, OUTAGE_PAUSE_MAX_S = 0.5, 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Preview:
    """The latest preview of a running job: a small JPEG."""

    step: int
    image: bytes


class ReplyHandler:
    """Stores replies. Previews are kept in memory only: a restart loses one preview per job."""

    def __init__(self, sessions: Sessions, signals: JobSignals, pace: Pace) -> None:
        self._sessions = sessions
        self._signals = signals
        self._pace = pace
        self.previews: dict[UUID, Preview] = {}

    async def handle(self, report: Reply) -> None:
        """Returns when the report is committed, or when it can never be.

        A finished picture is retried until the error passes. If the database refuses its values for good, its attempt
        fails instead, so that the job is drawn again or its user gets a message.
        """
        pause_s = OUTAGE_PAUSE_S
        while True:
            try:
                async with self._sessions.begin() as session:
                    ended = await self._write(session, report)
            except Exception as error:  # the edge of the queue: a report that fails must not block the others
                if is_outage(error):
                    _log.warning("the database is away, a report waits", kind=report.kind, error=repr(error)[:300])
                else:
                    _log.exception("a report could not be applied", kind=report.kind)
                    if not isinstance(report, Result):
                        return
                    if refuses_values(error):
                        report = _unwritable(report)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, OUTAGE_PAUSE_MAX_S)
            else:
                await self._signal(report, ended)
                return

    async def _write(self, session: AsyncSession, report: Reply) -> list[str]:
        """Stores the reply. Returns the jobs that the worker holds although they have ended."""
        match report:
            case Heartbeat():
                await workers.store(session, report)
                return await leases.extend(session, report.job_ids, report.worker_id, self._pace.lease_s)
            case Examination():
                await photo_states.decide(session, report)
                return []
            case Result():
                if await job_states.finish(session, report):
                    self._drop_preview(report.job_id)
                else:
                    _log.info("a result of a job that has ended", job=report.job_id, attempt=report.attempt)
                return []
            case Failure():
                if await job_states.fail_attempt(session, report):
                    self._drop_preview(report.job_id)
                    _log.warning("an attempt failed", job=report.job_id, code=report.code, detail=report.detail[:500])
                return []
            case Started():
                fresh = await job_states.start(session, report, self._pace.lease_s)
                return [] if fresh else await self._if_ended(session, report.job_id)
            case Progress():
                fresh = await job_states.progress(session, report, self._pace.lease_s)
                if fresh and report.preview is not None:
                    self.previews[UUID(report.job_id)] = Preview(report.step, report.preview)
                return [] if fresh else await self._if_ended(session, report.job_id)

    async def _if_ended(self, session: AsyncSession, job_id: str) -> list[str]:
        """The job's id, if it has ended: an earlier attempt may report on a job that is still to be drawn."""
        try:
            return [] if await job_queue.is_undrawn(session, UUID(job_id)) else [job_id]
        except ValueError:
            return []

    def _drop_preview(self, job_id: str) -> None:
        self.previews.pop(UUID(job_id), None)

    async def _signal(self, report: Reply, ended: list[str]) -> None:
        if ended:
            await self._signals.cancelled([UUID(job_id) for job_id in ended])
        elif isinstance(report, Progress):
            self._signals.repaint()
        elif not isinstance(report, Heartbeat):
            self._signals.wake()


def _unwritable(result: Result) -> Failure:
    return Failure(
        job_id=result.job_id,
        attempt=result.attempt,
        code=FailureCode.INTERNAL,
        detail="the database refuses the result",
        retry=True,
    )
