"""Sessions on the database, what every query module needs, and how to tell that the database is not there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import URL, ColumnElement, CursorResult, func, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from bot.errors import OperatorError

DRIVER = "postgresql+asyncpg"
CONNECT_TIMEOUT_S = 10.0
Sessions = async_sessionmaker[AsyncSession]

_ABSENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
)


def read_url(database_url: str) -> URL:
    """The URL with our driver in it. Raises OperatorError, without repeating the URL: it holds a password."""
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise OperatorError(
            "DATABASE_URL is not a URL: expected postgresql://user:password@host:5432/database"
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise OperatorError(
            f"DATABASE_URL is for {url.get_backend_name()}: only Postgres serves, postgresql://user:password@host/db"
        )
    if "sslmode" in url.query:  # as libpq, and so every hosting page, writes it
        url = url.update_query_dict({"ssl": url.query["sslmode"]}).difference_update_query(["sslmode"])
    return url.set(drivername=DRIVER)


def open_pool(database_url: str) -> AsyncEngine:
    """Connections to the database. They are tried before use, so a restart of Postgres costs no more than a retry."""
    return create_async_engine(
        read_url(database_url), pool_pre_ping=True, pool_size=10, connect_args={"timeout": CONNECT_TIMEOUT_S}
    )


def make_sessions(pool: AsyncEngine) -> Sessions:
    return async_sessionmaker(pool, expire_on_commit=False)


async def execute(session: AsyncSession, statement: Any) -> int:
    """Run an UPDATE or DELETE; returns how many rows it changed."""
    result = await session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount


def seconds_from_now(seconds: float) -> ColumnElement[Any]:
    """By the clock of the database, as of the begin of the transaction."""
    return func.now() + timedelta(seconds=seconds)


def id_of(text: str) -> UUID | None:
    """A row's id from a worker's report; `None`, which equals no id, for what is not one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def is_outage(error: BaseException) -> bool:
    """Whether `error` means that the database is not there (down, starting, cut off), not that a statement is wrong."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or (error.orig is not None and _is_absence(error.orig)):
            return True
        return isinstance(error, InterfaceError | OperationalError) and "connection" in str(error.orig).lower()
    return isinstance(error, PoolTimeout) or _is_absence(error)


def _is_absence(error: BaseException | None) -> bool:
    """Looks down the chain of causes: the driver's own error lies below its DBAPI wrapping."""
    while error is not None:
        if isinstance(error, (*_ABSENT, ConnectionError, TimeoutError)):
            return True
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError):
            return True
        error = error.__cause__
    return False
