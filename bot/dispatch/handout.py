"""Hands photos and jobs to the workers: no more than they are about to take, in fair order, photos first.

The lease is committed before the message is sent. A crash in between looks like a message that got lost, and is mended
in the same way: no job is ever drawn without a lease, none is ever forgotten.
"""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Pace
from bot.db import job_states, line, photo_states, workers
from bot.db.session import Sessions
from bot.dispatch.batches import Waiting, plan
from bot.dispatch.broker import ABSENT, Broker
from bot.dispatch.requests import CannotAsk, person_box, read_photos, request_for
from bot.dispatch.signals import JobSignals
from bot.styles import Styles
from engine.contract import ExamineRequest, GenerateBatch, GenerateRequest

BATCHES_A_WORKER = 2
"""One in hand and one to follow at once."""
PHOTOS_A_WORKER = 8
LOOKAHEAD = 4
_log = structlog.get_logger(__name__)


class Handout:
    """One step: tell workers what is withdrawn, then fill their hands."""

    def __init__(self, sessions: Sessions, broker: Broker, styles: Styles, signals: JobSignals, pace: Pace) -> None:
        self._sessions = sessions
        self._broker = broker
        self._styles = styles
        self._signals = signals
        self._pace = pace

    async def step(self) -> None:
        await self._withdraw()
        async with self._sessions() as session:
            alive = await workers.alive(session, self._pace.alive_s)
        if not alive:
            return
        await self._hand_out_photos(PHOTOS_A_WORKER * len(alive))
        await self._hand_out_jobs(
            BATCHES_A_WORKER * len(alive),
            min(worker.batch_max for worker in alive),
            with_pose=any(worker.pose for worker in alive),
        )

    async def _withdraw(self) -> None:
        """A broadcast that fails is not repeated here: a worker that reports on the job is told again."""
        async with self._sessions.begin() as session:
            withdrawn = {*await job_states.take_cancelled(session), *self._signals.take_withdrawn()}
        if withdrawn:
            await self._broker.cancel([str(job_id) for job_id in withdrawn])

    async def _hand_out_photos(self, out_max: int) -> None:
        async with self._sessions.begin() as session:
            slots = out_max - await photo_states.count_out(session)
            photos = await photo_states.next_photos(session, slots) if slots > 0 else []
            requests = [
                ExamineRequest(reference_id=str(photo.id), image=photo.image, person=person_box(photo.person))
                for photo in photos
            ]
            if photos:
                await photo_states.hand_out(session, [photo.id for photo in photos], self._pace.handout_s)
        for sent, request in enumerate(requests):
            try:
                await self._broker.examine(request)
            except ABSENT:
                async with self._sessions.begin() as session:
                    await photo_states.take_back(session, [photo.id for photo in photos[sent:]])
                raise

    async def _hand_out_jobs(self, out_max: int, batch_max: int, *, with_pose: bool) -> None:
        async with self._sessions.begin() as session:
            slots = out_max - await line.count_batches_out(session)
            batches = await self._take(session, slots, batch_max, with_pose=with_pose) if slots > 0 else []
        for sent, batch in enumerate(batches):
            try:
                await self._broker.generate(batch)
            except ABSENT:
                unsent = [UUID(request.job_id) for late in batches[sent:] for request in late.requests]
                async with self._sessions.begin() as session:
                    await job_states.take_back(session, unsent)
                raise
            _log.info("handed out", jobs=[request.job_id for request in batch.requests])

    async def _take(self, session: AsyncSession, slots: int, batch_max: int, *, with_pose: bool) -> list[GenerateBatch]:
        jobs = {job.id: job for job in await line.next_in_line(session, slots * batch_max * LOOKAHEAD)}
        if not jobs:
            return []
        photos = await read_photos(session, jobs.values())
        waiting: list[Waiting] = []
        requests: dict[UUID, GenerateRequest] = {}
        for job in jobs.values():
            try:
                requests[job.id] = request = request_for(job, photos, self._styles, with_pose=with_pose)
            except CannotAsk as error:
                _log.warning("a job that cannot be asked for", job=str(job.id), code=error.code)
                await job_states.fail(session, job.id, error.code)
                self._signals.wake()
                continue
            waiting.append(Waiting(job.id, job.user_id, job.attempts, request.settings))
        batches = []
        for batch in plan(waiting, slots=slots, batch_max=batch_max):
            for item in batch:
                jobs[item.job_id].pose_skipped = jobs[item.job_id].pose is not None and not with_pose
            await job_states.hand_out(session, [jobs[item.job_id] for item in batch], self._pace.handout_s)
            batches.append(GenerateBatch(requests=tuple(requests[item.job_id] for item in batch)))
        return batches
