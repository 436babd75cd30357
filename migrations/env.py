"""Runs the migrations over the same driver as the bot. The database is `-x url=...`, or DATABASE_URL.

An address that opens no database is one line and exit code 2, as it is for the bot.
"""

from __future__ import annotations

import asyncio
import os
import sys

import asyncpg
from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import NullPool

from bot.db import admin_tables  # noqa: F401  its tables belong to Base
from bot.db.address import AddressError, read_address
from bot.db.session import DIALECT_URL, make_engine
from bot.db.tables import Base

MISCONFIGURED = 2
MIGRATION_LOCK = 0xB011D_01


def database_url() -> str:
    """The URL of the command line, else that of the environment."""
    url = context.get_x_argument(as_dictionary=True).get("url") or os.environ.get("DATABASE_URL")
    if not url:
        raise AddressError("DATABASE_URL is not set: there is no database to migrate")
    return url


def run(connection: Connection) -> None:
    """Migrate over `connection`; who comes second waits and finds nothing left to do."""
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()


async def run_online() -> None:
    pool = make_engine(database_url(), poolclass=NullPool)
    connection = await connect(pool)
    try:
        await connection.run_sync(run)
    finally:
        await connection.close()
        await pool.dispose()


async def connect(pool: AsyncEngine) -> AsyncConnection:
    """Opens the connection of DATABASE_URL. Raises AddressError."""
    try:
        return await pool.connect()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        raise AddressError(f"DATABASE_URL does not open a database: {line}") from None


def run_offline() -> None:
    read_address(database_url())
    context.configure(url=DIALECT_URL, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


try:
    if context.is_offline_mode():
        run_offline()
    else:
        asyncio.run(run_online())
except AddressError as error:
    print(f"alembic: {error}", file=sys.stderr)
    sys.exit(MISCONFIGURED)
