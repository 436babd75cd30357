"""One dispatcher at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from bot.db.session import Sessions
from bot.dispatch.leadership import LOCK, Leadership, LeadershipLost

HOLDER = text("select pid from pg_locks where locktype = 'advisory' and objid = :lock and granted")


async def _lead(database_url: str, log: list[str], name: str, until: asyncio.Event) -> None:
    async with Leadership(database_url):
        log.append(f"{name} leads")
        await until.wait()
        log.append(f"{name} ends")


async def test_the_second_waits_for_the_first_to_end(database_url: str, eventually: Any) -> None:
    log: list[str] = []
    stop_first, stop_second = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(_lead(database_url, log, "first", stop_first))
    await eventually(lambda: log == ["first leads"])
    second = asyncio.create_task(_lead(database_url, log, "second", stop_second))
    await asyncio.sleep(0.5)
    assert log == ["first leads"]
    stop_first.set()
    await eventually(lambda: log == ["first leads", "first ends", "second leads"])
    stop_second.set()
    await asyncio.gather(first, second)


async def test_losing_the_connection_is_losing_the_leadership(
    database_url: str, sessions: Sessions, eventually: Any
) -> None:
    async with Leadership(database_url) as leadership:
        watching = asyncio.create_task(leadership.watch())
        async with sessions() as session:
            holder = await session.scalar(HOLDER, {"lock": LOCK})
            await session.execute(text("select pg_terminate_backend(:pid)"), {"pid": holder})
        with pytest.raises(LeadershipLost):
            await watching
        async with Leadership(database_url):
            pass


async def test_leading_ends_with_the_process_of_the_leader_not_with_its_tidiness(
    database_url: str, sessions: Sessions
) -> None:
    """Whatever happens inside, the lock is free afterwards."""
    with pytest.raises(ZeroDivisionError):
        async with Leadership(database_url):
            raise ZeroDivisionError
    async with sessions() as session:
        assert await session.scalar(HOLDER, {"lock": LOCK}) is None


async def test_waiting_can_be_given_up(database_url: str) -> None:
    async with Leadership(database_url):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), Leadership(database_url):
                pytest.fail("two lead at once")
