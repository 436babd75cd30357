"""Workers, as their heartbeats describe them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.service_tables import Worker
from engine.contract import Aspect, Heartbeat

WORKER_LIFETIME = timedelta(days=1)


async def alive(session: AsyncSession, within_s: float) -> list[Worker]:
    """Workers with a heartbeat within the last `within_s` seconds."""
    return list(await session.scalars(select(Worker).where(is_alive(within_s)).order_by(Worker.id)))


def is_alive(within_s: float) -> ColumnElement[bool]:
    """Whether a worker's last heartbeat is recent. A heartbeat from the future is not: the database's clock was set
    back, and a living worker sends another one within seconds."""
    within = timedelta(seconds=within_s)
    return Worker.seen_at.between(func.now() - within, func.now() + within)


async def any_can_pose(session: AsyncSession, within_s: float) -> bool:
    """Whether a living worker can draw a pose that is asked for."""
    return any(worker.pose for worker in await alive(session, within_s))


async def all_read_image_prompts(session: AsyncSession, within_s: float) -> bool:
    """Whether there are living workers and all of them read image prompts: any of them may get the job."""
    living = await alive(session, within_s)
    return bool(living) and all(worker.image_prompt for worker in living)


async def all_draw_two(session: AsyncSession, within_s: float) -> bool:
    """Whether there are living workers and all of them draw two people in one picture."""
    living = await alive(session, within_s)
    return bool(living) and all(worker.companion for worker in living)


async def aspects_drawn(session: AsyncSession, within_s: float) -> tuple[Aspect, ...]:
    """The aspects that a living worker can draw, in the order of the contract."""
    drawn = {aspect for worker in await alive(session, within_s) for aspect in worker.aspects}
    return tuple(aspect for aspect in Aspect if aspect in drawn)


async def store(session: AsyncSession, beat: Heartbeat) -> None:
    """Stores a heartbeat; a worker's last one (`stopping`) deletes the worker's row."""
    if beat.stopping:
        await session.execute(delete(Worker).where(Worker.id == beat.worker_id))
        return
    facts = {
        "backbone": beat.backbone,
        "device": beat.device,
        "batch_max": beat.batch_max,
        "references_max": beat.references_max,
        "pose": beat.pose,
        "image_prompt": beat.image_prompt,
        "companion": beat.companion,
        "aspects": [aspect.value for aspect in beat.aspects],
        "busy": bool(beat.job_ids),
        "seen_at": func.now(),
    }
    statement = insert(Worker).values(id=beat.worker_id, **facts)
    await session.execute(statement.on_conflict_do_update(index_elements=[Worker.id], set_=facts))


async def forget_gone(session: AsyncSession) -> None:
    """Deletes workers whose last heartbeat is long ago."""
    await session.execute(delete(Worker).where(Worker.seen_at < func.now() - WORKER_LIFETIME))
