"""Sessions on the database, functions for all query modules, and the tests for an outage and for refused values."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from math import inf
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, CursorResult, ExceptionContext, event, func, select
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from bot.db.address import AddressError, read_address

DIALECT_URL = "postgresql+asyncpg://"
COMMAND_TIMEOUT_S = 30.0
"""The longest statement is the loading of a batch's photos, megabytes over what may be a slow network."""
IDLE_S = 1.0
"""A connection that was used within this time is not tried before it is used again: trying takes three round trips."""
_USED_AT = "used_at"
Sessions = async_sessionmaker[AsyncSession]

_CLASSES_LATER = ("08", "53", "57", "58")
"""Classes of SQLSTATE: connection, insufficient resources (disk full), operator intervention, system error."""
_STATES_LATER = frozenset({"25006", "25P03", "40001", "40P01", "55P03"})
"""SQLSTATEs: read-only (a failover), idle too long, serialization failure, deadlock, lock not available."""
_CLASSES_OF_VALUES = ("22", "23")
"""Classes of SQLSTATE: data exception, integrity constraint violation."""


def make_engine(database_url: str, *, command_timeout_s: float | None = None, **options: Any) -> AsyncEngine:
    """The SQLAlchemy engine over asyncpg. Raises AddressError for an invalid address, without showing any of it. A
    connection without an answer for `command_timeout_s` counts as lost."""
    connect_args = read_address(database_url).connect_args(command_timeout_s)
    pool = create_async_engine(DIALECT_URL, connect_args=connect_args, **options)
    event.listen(pool.sync_engine, "handle_error", _note_silence)
    return pool


def _note_silence(context: ExceptionContext) -> None:
    """Closes a connection whose statement timed out. The driver's timeout alone would leave it in the pool, and a
    rollback would wait on it again."""
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True


def open_pool(database_url: str, *, command_timeout_s: float = COMMAND_TIMEOUT_S) -> AsyncEngine:
    """A pool of connections. An idle connection is checked before use, so a restart of Postgres costs one retry at
    most. The connection that was used last is taken first, so that few are idle."""
    pool = make_engine(database_url, command_timeout_s=command_timeout_s, pool_size=10, pool_use_lifo=True)
    dialect = pool.sync_engine.dialect

    def note_use(connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED_AT] = time.monotonic()

    def try_idle(connection: Any, entry: ConnectionPoolEntry, _: Any) -> None:
        if time.monotonic() - entry.info.get(_USED_AT, inf) < IDLE_S:  # a new one is not in use yet
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            if dialect.is_disconnect(error, connection, None):
                raise InvalidatePoolError from error
            raise

    event.listen(pool.sync_engine, "checkin", note_use)
    event.listen(pool.sync_engine, "checkout", try_idle)
    return pool


def open_unpooled(database_url: str, *, command_timeout_s: float) -> AsyncEngine:
    """Sessions that open a new connection each."""
    return make_engine(database_url, command_timeout_s=command_timeout_s, poolclass=NullPool)


def make_sessions(pool: AsyncEngine) -> Sessions:
    return async_sessionmaker(pool, expire_on_commit=False)


def autocommitting(sessions: Sessions) -> Sessions:
    """Sessions on the same connections in which each statement is a transaction of its own, for one round trip instead
    of three. Use them for single statements."""
    pool: AsyncEngine = sessions.kw["bind"]
    return make_sessions(pool.execution_options(isolation_level="AUTOCOMMIT"))


async def database_time(session: AsyncSession) -> datetime:
    """The start of the transaction by the clock of the database."""
    now: datetime | None = await session.scalar(select(func.now()))
    assert now is not None
    return now


async def execute(session: AsyncSession, statement: Any) -> int:
    """Runs an UPDATE or DELETE; returns the number of changed rows."""
    result = await session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount


def seconds_from_now(seconds: float) -> ColumnElement[Any]:
    """The time so many seconds after the start of the transaction, by the clock of the database."""
    return func.now() + timedelta(seconds=seconds)


def id_of(text: str) -> UUID | None:
    """A row's id from a worker's report; `None`, which equals no id, for what is not one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def is_outage(error: BaseException) -> bool:
    """Whether the same statement may succeed later: the database is unreachable (down, starting, disconnected), cannot
    write (disk full, read-only, out of memory) or aborted the transaction in favour of another (deadlock). `False` for
    a wrong statement.

    An address that could be opened at the start but no longer can be (an expired certificate) counts as an outage too.
    """
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or (error.orig is not None and _is_passing(error.orig)):
            return True
        return isinstance(error, InterfaceError | OperationalError) and "connection" in str(error.orig).lower()
    return isinstance(error, PoolTimeout | AddressError) or _is_passing(error)


def cannot_write(error: BaseException) -> bool:
    """Whether the database answers but cannot store anything now: disk full, out of memory, read-only."""
    state = _sqlstate(error.orig if isinstance(error, DBAPIError) else error)
    return state.startswith(("53", "58")) or state == "25006"


def refuses_values(error: BaseException) -> bool:
    """Whether the values of the statement are wrong: it will fail in the same way at every attempt."""
    if not isinstance(error, DBAPIError):
        return not is_outage(error)
    state = _sqlstate(error.orig)
    cause = error.orig.__cause__ if error.orig is not None else None
    return state.startswith(_CLASSES_OF_VALUES) if state else isinstance(cause, ValueError)


def _sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of the server's error, five characters; empty for an error that is not the server's."""
    return getattr(error, "sqlstate", None) or ""


def _is_passing(error: BaseException | None) -> bool:
    """Whether an exception or any of its causes is a passing error: the driver's own exception is the cause of the
    DBAPI's."""
    while error is not None:
        state = _sqlstate(error)
        if state.startswith(_CLASSES_LATER) or state in _STATES_LATER:
            return True
        if isinstance(error, ConnectionError | TimeoutError | asyncpg.InternalClientError):
            # the last: the server ended the session while this process stood still
            return True
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError):
            return True
        error = error.__cause__
    return False
