"""One dispatcher at a time: an advisory lock of Postgres, held by a connection that does nothing else."""

from __future__ import annotations

import asyncio
from types import TracebackType

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from bot.db.session import make_engine

LOCK = 0xB011D_02
RETRY_S = 1.0
WATCH_S = 1.0
ANSWER_S = 10.0
_log = structlog.get_logger(__name__)


class LeadershipLost(Exception):
    """The connection that held the lock is gone, and the lock with it."""


class Leadership:
    """`async with` waits until no other process dispatches; `watch` raises LeadershipLost when that ends."""

    def __init__(self, database_url: str) -> None:
        self._pool = make_engine(database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> Leadership:
        connection = await self._pool.connect()
        try:
            waiting = False
            while not await connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
                if not waiting:
                    _log.info("another dispatcher is at work, waiting for it to end")
                    waiting = True
                await asyncio.sleep(RETRY_S)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closing the connection releases the lock, whatever state it is in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close()
            except Exception as lost:  # a dead connection has released it already
                _log.debug("the lock's connection was dead", error=repr(lost))

    async def watch(self) -> None:
        """Runs for as long as the lock is held."""
        assert self._connection is not None
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._connection.scalar(text("select 1"))
            except Exception as error:
                raise LeadershipLost(repr(error)) from error
            await asyncio.sleep(WATCH_S)
