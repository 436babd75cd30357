"""The state of the service for monitoring: a few aggregates over open and recent jobs. Functions never commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import service, workers
from bot.db.tables import Job, Reference
from bot.db.usage import Spread, spread
from bot.domain import OPEN_STATES, JobState, ReferenceState

RECENT = timedelta(hours=1)
ASKED_WITHIN = timedelta(days=1)
"""The longest time between the request and the end of a job that counts as recent: only the time of the request has an
index."""


@dataclass(frozen=True)
class QueueState:
    """The state of the queue at one moment. `ended`, `wait` and `drawing` count jobs that ended within RECENT."""

    open: Mapping[JobState, int]
    oldest_s: float
    """Seconds since the oldest open job was asked for; 0 without one."""
    photos_pending: int
    workers_alive: int
    workers_busy: int
    ended: Mapping[tuple[JobState, str], int]
    """Jobs by how they ended and why (FailureCode or a reason of bot.db.job_states; empty where there is none)."""
    wait: Spread
    drawing: Spread
    paused: bool = False
    """Whether an admin has paused the service: nothing is handed to workers."""


async def read_queue_state(session: AsyncSession, alive_s: float) -> QueueState:
    """Reads the state in a few aggregate queries. Errors of the database pass through."""
    states = await session.execute(
        select(Job.state, func.count()).where(Job.state.in_(OPEN_STATES)).group_by(Job.state)
    )
    oldest = await session.scalar(
        select(func.extract("epoch", func.now() - func.min(Job.created_at))).where(Job.state.in_(OPEN_STATES))
    )
    recent = (
        (Job.created_at > func.now() - ASKED_WITHIN)
        & (Job.finished_at > func.now() - RECENT)
        & Job.state.not_in(OPEN_STATES)
    )
    ended = await session.execute(
        select(Job.state, func.coalesce(Job.failure, ""), func.count()).where(recent).group_by(Job.state, Job.failure)
    )
    alive = await workers.alive(session, alive_s)
    pending = select(func.count()).where(Reference.state == ReferenceState.PENDING)
    return QueueState(
        open={JobState(state): count for state, count in states},
        oldest_s=max(float(oldest or 0), 0.0),
        photos_pending=await session.scalar(pending) or 0,
        workers_alive=len(alive),
        workers_busy=sum(worker.busy for worker in alive),
        ended={(JobState(state), reason): count for state, reason, count in ended},
        wait=await spread(session, func.extract("epoch", Job.started_at - Job.created_at), recent),
        drawing=await spread(session, Job.seconds, recent),
        paused=await service.is_paused(session),
    )
