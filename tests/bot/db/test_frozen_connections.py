"""Open connections to Postgres without answers are closed within the timeout of one statement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.session import is_outage, make_sessions, open_pool
from bot.dispatch.leadership import Leadership

pytestmark = [pytest.mark.slow, pytest.mark.soak]
TIMEOUT_S = 8.0
PATIENCE_S = 90.0


@pytest.fixture
def proxy(database_url: str, freezing_proxy: Callable[[str], Any]) -> Any:
    return freezing_proxy(database_url)


@pytest.fixture
async def frozen_pool(database_url: str, proxy: Any) -> AsyncIterator[AsyncEngine]:
    """A pool of five connections, which `proxy` can freeze."""
    pool = open_pool(proxy.before(database_url), command_timeout_s=TIMEOUT_S)
    connections = [await pool.connect() for _ in range(5)]
    for connection in connections:
        await connection.execute(text("select 1"))
        await connection.close()
    yield pool
    await pool.dispose()


async def _one(pool: AsyncEngine) -> int:
    async with make_sessions(pool)() as session:
        return int(await session.scalar(text("select 1")) or 0)


async def test_all_frozen_connections_cost_the_time_of_one(frozen_pool: AsyncEngine, proxy: Any) -> None:
    """The first one without an answer to a ping closes the others too, instead of five timeouts one after another."""
    proxy.freeze()
    began, failures = time.monotonic(), 0
    while True:
        try:
            assert await _one(frozen_pool) == 1
            break
        except Exception as error:  # a machine so loaded that a fresh connection is too slow as well
            assert is_outage(error) and time.monotonic() < began + PATIENCE_S
            failures += 1
    assert failures < 4


@pytest.mark.parametrize("last", ["select 2", None], ids=["a statement", "the commit"])
async def test_a_transaction_that_freezes_is_an_outage(frozen_pool: AsyncEngine, proxy: Any, last: str | None) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Exception) as caught:
            async with make_sessions(frozen_pool).begin() as session:
                await session.execute(text("insert into users (id, language) values (1, 'en')"))
                proxy.freeze()
                if last is not None:
                    await session.execute(text(last))
        assert is_outage(caught.value)
        while True:
            try:
                assert await _one(frozen_pool) == 1
                break
            except TimeoutError:
                continue


async def test_the_leader_keeps_its_lease_when_its_connections_freeze(
    database_url: str, proxy: Any, eventually: Any
) -> None:
    """Each extension has a connection of its own; the lease is longer than one that freezes in the middle takes."""
    leadership = Leadership(proxy.before(database_url), lease_s=30.0, watch_s=0.2)
    async with leadership:
        watching = asyncio.create_task(leadership.watch())
        for _ in range(5):
            proxy.freeze()
            await asyncio.sleep(0.3)
        until = leadership._until
        await eventually(lambda: leadership._until > until)
        assert not watching.done()
        watching.cancel()
        await asyncio.wait([watching])
