"""The limits of the HTTP API that hold in all processes together: requests per minute and open streams. Functions never
commit. All times are the database's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import case, delete, extract, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.app_tables import ApiAllowance, ApiKey, ApiStream
from bot.db.session import execute

FULL_AFTER = timedelta(minutes=1)
"""Seconds after which an unused allowance is full, so that its row can be deleted."""


async def take(session: AsyncSession, name: str, per_minute: int) -> float:
    """Takes one request from the allowance. Returns 0, or the seconds until a request is available."""
    now, per_s = func.clock_timestamp(), per_minute / 60
    new = insert(ApiAllowance).values(name=name, tokens=per_minute - 1, taken=True, filled_at=now)
    since_s = func.greatest(extract("epoch", now - ApiAllowance.filled_at), 0)  # a clock may be set back
    filled = func.least(per_minute, ApiAllowance.tokens + since_s * per_s)
    spent = {"tokens": filled - case((filled >= 1, 1), else_=0), "taken": filled >= 1, "filled_at": now}
    statement = new.on_conflict_do_update(index_elements=[ApiAllowance.name], set_=spent)
    taken, tokens = (await session.execute(statement.returning(ApiAllowance.taken, ApiAllowance.tokens))).one()
    return 0.0 if taken else max(0.0, (1 - tokens) / per_s)


async def forget_full(session: AsyncSession) -> int:
    """Delete the rows of full allowances; returns how many."""
    return await execute(
        session, delete(ApiAllowance).where(ApiAllowance.filled_at < func.clock_timestamp() - FULL_AFTER)
    )


async def open_stream(session: AsyncSession, key_id: str, streams_max: int, lease: timedelta) -> UUID | None:
    """Opens a stream of the key for `lease`. Returns its id, or `None` where the key has its maximum of streams
    open."""
    await session.execute(select(ApiKey.id).where(ApiKey.id == key_id).with_for_update(key_share=True))
    of_key, now = ApiStream.key_id == key_id, func.clock_timestamp()
    await session.execute(delete(ApiStream).where(of_key, ApiStream.open_until < now))
    if (await session.scalar(select(func.count()).where(of_key)) or 0) >= streams_max:
        return None
    stream = ApiStream(key_id=key_id, open_until=now + lease)
    session.add(stream)
    await session.flush()
    return stream.id


async def keep_stream(session: AsyncSession, stream_id: UUID, key_id: str, lease: timedelta) -> None:
    """Extends the lease of a stream, also of one whose lease expired during an outage of the database. Does nothing if
    the key has been deleted."""
    if await session.scalar(select(ApiKey.id).where(ApiKey.id == key_id).with_for_update(key_share=True)) is None:
        return
    open_until = func.clock_timestamp() + lease
    new_stream = insert(ApiStream).values(id=stream_id, key_id=key_id, open_until=open_until)
    await session.execute(
        new_stream.on_conflict_do_update(index_elements=[ApiStream.id], set_={"open_until": open_until})
    )


async def close_stream(session: AsyncSession, stream_id: UUID) -> None:
    await session.execute(delete(ApiStream).where(ApiStream.id == stream_id))
