"""Users who have been inactive for longer than the operator keeps data are deleted with all that is theirs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from bot.db.session import Sessions
from bot.db.tables import Job, Reference, User
from bot.domain import JobState, RetentionTerms
from bot.retention import BATCH, forget_inactive, keep_retention
from bot.role import Role

SILENT = RetentionTerms(days=30, notice_days=0)


async def count(sessions: Sessions, table: Any) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def set_inactive(sessions: Sessions, user_id: int, days: float) -> None:
    async with sessions.begin() as session:
        since = datetime.now(UTC) - timedelta(days=days)
        await session.execute(update(User).where(User.id == user_id).values(active_at=since))


async def test_an_inactive_user_is_deleted_with_photos_and_jobs(sessions: Sessions, rows: Any) -> None:
    for user_id, days in ((1, 31.0), (2, 29.0)):
        await rows.user(user_id)
        await rows.job(user_id, state=JobState.DELIVERED)
        await set_inactive(sessions, user_id, days)
    assert await forget_inactive(sessions, SILENT) == 1
    async with sessions() as session:
        assert list(await session.scalars(select(User.id))) == [2]
    assert (await count(sessions, Job), await count(sessions, Reference)) == (1, 1)


async def test_a_user_with_an_open_job_stays(sessions: Sessions, rows: Any) -> None:
    await rows.user(1)
    await rows.job(1)
    await set_inactive(sessions, 1, 400)
    assert await forget_inactive(sessions, SILENT) == 0
    assert await count(sessions, User) == 1


async def test_more_than_one_batch_is_deleted(sessions: Sessions) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=100)
    async with sessions.begin() as session:
        session.add_all(User(id=number, language="en", active_at=long_ago) for number in range(1, BATCH + 3))
    assert await forget_inactive(sessions, SILENT) == BATCH + 2


async def test_the_leader_alone_deletes(sessions: Sessions, rows: Any, eventually: Any) -> None:
    await rows.user(1)
    await set_inactive(sessions, 1, 400)
    role = Role()
    keeping = asyncio.create_task(keep_retention(sessions, SILENT, 7, role))
    await asyncio.sleep(0.2)
    assert await count(sessions, User) == 1
    with role.leading():

        async def deleted() -> bool:
            return await count(sessions, User) == 0

        await eventually(deleted)
    keeping.cancel()


async def test_without_a_limit_no_user_is_deleted_and_old_files_are_dropped(
    sessions: Sessions, rows: Any, eventually: Any
) -> None:
    await rows.user(1)
    await set_inactive(sessions, 1, 4_000)
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=8)
    delivered = {"state": JobState.DELIVERED, "result": b"png", "closed_at": now}
    old = await rows.job(1, **delivered, finished_at=long_ago)
    new = await rows.job(1, **delivered, finished_at=now)
    undelivered = await rows.job(1, state=JobState.DONE, result=b"png", finished_at=long_ago)
    keeping = asyncio.create_task(keep_retention(sessions, None, 7, Role.alone()))

    async def remaining() -> dict[Any, bool]:
        async with sessions() as session:
            return {job_id: png is not None for job_id, png in await session.execute(select(Job.id, Job.result))}

    async def dropped() -> bool:
        return await remaining() == {old: False, new: True, undelivered: True}

    await eventually(dropped)
    assert await count(sessions, User) == 1
    keeping.cancel()
