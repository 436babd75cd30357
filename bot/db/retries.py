"""Jobs that failed through a fault of the service, which may be repeated. Functions never commit."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import String, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db.job_states import UNDELIVERABLE, WORKER_LOST
from bot.db.tables import Job
from bot.domain import APP_USER_IDS_FROM, JobState
from engine.contract import FailureCode

WITHIN = timedelta(days=1)
FAULTS = (FailureCode.INTERNAL, FailureCode.OUT_OF_MEMORY, WORKER_LOST, UNDELIVERABLE)
_again = aliased(Job)


def retry_key(job_id: UUID) -> str:
    """The idempotency key of the job that repeats another."""
    return f"retry:{job_id}"


async def failed(session: AsyncSession) -> list[Job]:
    """The failed jobs of the service, oldest first, without those that an admin or their user has repeated since."""
    repeated = select(_again.id).where(
        or_(_again.source_job_id == Job.id, _again.idempotency_key == func.concat("retry:", cast(Job.id, String)))
    )
    statement = select(Job).where(
        Job.user_id < APP_USER_IDS_FROM,  # an app has read that it failed, and asks again by itself
        Job.created_at > func.now() - WITHIN - WITHIN,  # an index is on this column alone
        Job.finished_at > func.now() - WITHIN,
        Job.state == JobState.FAILED,
        Job.failure.in_(FAULTS),
        Job.removed_at.is_(None),
        ~repeated.exists(),
    )
    return list(await session.scalars(statement.order_by(Job.created_at, Job.id)))
