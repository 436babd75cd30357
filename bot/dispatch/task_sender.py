"""Sends photos and jobs to the workers: no more than they will begin soon, in fair order, photos first.

The lease is committed before the task is sent. A crash in between looks like a lost task, and the same rule repairs
it: no job is drawn without a lease, and none is forgotten. So does a send that times out, for it may have arrived.

Batches are planned by the sizes of their photos, then loaded and sent one by one: the memory is that of one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Pace
from bot.db import job_queue, job_states, photo_states, service, workers
from bot.db.service_tables import Worker
from bot.db.session import Sessions
from bot.db.tables import Job
from bot.dispatch.batching import QueuedJob, plan_batches
from bot.dispatch.broker import ABSENT, Broker, may_have_arrived
from bot.dispatch.signals import JobSignals
from bot.dispatch.task_builder import (
    UnbuildableTask,
    WorkerAbilities,
    build_request,
    person_box,
    queued_job,
    read_photos,
    read_sizes,
)
from bot.styles import Styles
from engine.contract import ExamineRequest, GenerateBatch, GenerateRequest

BATCHES_PER_WORKER = 2
"""The number of batches per worker: one that is drawn, and one that follows at once."""
PHOTOS_PER_WORKER = 8
LOOKAHEAD = 4
_log = structlog.get_logger(__name__)


class TaskSender:
    """One step of the dispatcher: cancels jobs at the workers, then sends them tasks."""

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
            paused = await service.is_paused(session)
        if paused or not alive:
            return
        await self._hand_out_photos(PHOTOS_PER_WORKER * len(alive))
        abilities = WorkerAbilities(
            pose=any(worker.pose for worker in alive),
            image_prompt=all(worker.image_prompt for worker in alive),
            companion=all(worker.companion for worker in alive),
        )
        for batch in await self._plan(alive):
            await self._hand_out(batch, abilities)

    async def _withdraw(self) -> None:
        """Sends the cancellations. A failed one is not repeated here: a worker that reports on the job gets it
        again."""
        async with self._sessions.begin() as session:
            withdrawn = {*await job_states.take_cancelled(session), *self._signals.take_withdrawn()}
        if withdrawn:
            await self._broker.cancel([str(job_id) for job_id in withdrawn])

    async def _hand_out_photos(self, held_max: int) -> None:
        async with self._sessions() as session:
            slots = held_max - await photo_states.count_out(session)
        for _ in range(slots):
            async with self._sessions.begin() as session:
                photos = await photo_states.next_photos(session, 1)
                if not photos:
                    return
                photo = photos[0]
                request = ExamineRequest(
                    reference_id=str(photo.id),
                    image=photo.image,
                    person=person_box(photo.person),
                    for_pose=photo.for_pose,
                )
                await photo_states.hand_out(session, [photos[0].id], self._pace.handout_s)
            try:
                await self._broker.examine(request)
            except ABSENT as error:
                if not may_have_arrived(error):
                    async with self._sessions.begin() as session:
                        await photo_states.take_back(session, [photos[0].id])
                raise

    async def _plan(self, alive: Sequence[Worker]) -> list[list[QueuedJob]]:
        """The next batches by sizes and settings; no photo is loaded and nothing is handed out yet."""
        batch_max = min(worker.batch_max for worker in alive)
        references_max = max(worker.references_max for worker in alive)
        async with self._sessions.begin() as session:
            slots = BATCHES_PER_WORKER * len(alive) - await job_queue.count_batches_out(session)
            jobs = await job_queue.next_jobs(session, slots * batch_max * LOOKAHEAD) if slots > 0 else []
            sizes = await read_sizes(session, jobs)
            queue: list[QueuedJob] = []
            for job in jobs:
                try:
                    queue.append(queued_job(job, sizes, self._styles, references_max))
                except UnbuildableTask as error:
                    await self._fail(session, job, error)
        return plan_batches(queue, slots=slots, batch_max=batch_max)

    async def _hand_out(self, planned: Sequence[QueuedJob], abilities: WorkerAbilities) -> None:
        async with self._sessions.begin() as session:
            requests = await self._take(session, planned, abilities)
        if not requests:
            return
        job_ids = [request.job_id for request in requests]
        try:
            await self._broker.generate(GenerateBatch(requests=tuple(requests)))
        except ABSENT as error:
            if may_have_arrived(error):
                _log.warning("a batch was sent and not acknowledged, its lease decides", jobs=job_ids)
            else:
                async with self._sessions.begin() as session:
                    await job_states.take_back(session, [UUID(job_id) for job_id in job_ids])
            raise
        _log.info("handed out", jobs=job_ids)

    async def _take(
        self, session: AsyncSession, planned: Sequence[QueuedJob], abilities: WorkerAbilities
    ) -> list[GenerateRequest]:
        """The jobs of one batch with their photos, with leases. Jobs that were cancelled or deleted since the plan are
        left out."""
        jobs = await job_queue.lock(session, [item.job_id for item in planned])
        photos = await read_photos(session, jobs, {photo_id for item in planned for photo_id in item.photo_ids})
        taken, requests = [], []
        for job in jobs:
            try:
                request = build_request(job, photos, self._styles, abilities)
            except UnbuildableTask as error:
                await self._fail(session, job, error)
                continue
            job.pose_skipped = job.pose is not None and not abilities.pose
            job.image_prompt_skipped = job.image_prompt_id is not None and not abilities.image_prompt
            taken.append(job)
            requests.append(request)
        if taken:
            await job_states.hand_out(session, taken, self._pace.handout_s)
        return requests

    async def _fail(self, session: AsyncSession, job: Job, error: UnbuildableTask) -> None:
        _log.warning("no task can be built of a job", job=str(job.id), code=error.code)
        await job_states.fail(session, job.id, error.code)
        self._signals.wake()
