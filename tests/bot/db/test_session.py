"""The distinction between an outage of the database and a wrong statement."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from bot.db.session import Sessions, is_outage, make_sessions, open_pool


async def test_a_database_that_is_not_there_is_an_outage(postgres: Any) -> None:
    pool = open_pool("postgresql://u:p@127.0.0.1:1/d?ssl=disable")
    with pytest.raises(Exception) as caught:
        async with make_sessions(pool)() as session:
            await session.execute(text("select 1"))
    await pool.dispose()
    assert is_outage(caught.value)


async def test_a_connection_cut_in_the_middle_is_an_outage(sessions: Sessions) -> None:
    with pytest.raises(Exception) as caught:
        async with sessions() as session:
            pid = await session.scalar(text("select pg_backend_pid()"))
            async with sessions() as other:
                await other.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
            await asyncio.sleep(0.1)
            await session.execute(text("select 1"))
    assert is_outage(caught.value)
    async with sessions() as session:
        assert await session.scalar(text("select 1")) == 1


@pytest.mark.parametrize("statement", ["select nonsense", "insert into users (id) values (1)", "select 1 / 0"])
async def test_a_wrong_statement_is_no_outage(sessions: Sessions, statement: str) -> None:
    with pytest.raises(Exception) as caught:
        async with sessions() as session:
            await session.execute(text(statement))
    assert not is_outage(caught.value)


def test_bugs_are_no_outages() -> None:
    for error in (ValueError("x"), KeyError("x"), FileNotFoundError("x"), asyncio.CancelledError()):
        assert not is_outage(error)
