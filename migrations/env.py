"""Runs the migrations over the same driver as the bot. The database is `-x url=...`, or DATABASE_URL."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bot.db.session import read_url
from bot.db.tables import Base

MIGRATION_LOCK = 0xB011D_01


def database_url() -> str:
    """The URL of the command line, else that of the environment."""
    url = context.get_x_argument(as_dictionary=True).get("url") or os.environ.get("DATABASE_URL")
    if not url:
        raise CommandError("DATABASE_URL is not set: there is no database to migrate")
    return url


def run(connection: Connection) -> None:
    """Migrate over `connection`; who comes second waits and finds nothing left to do."""
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()


async def run_online() -> None:
    pool = create_async_engine(read_url(database_url()), poolclass=NullPool)
    async with pool.connect() as connection:
        await connection.run_sync(run)
    await pool.dispose()


if context.is_offline_mode():
    context.configure(url=read_url(database_url()), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(run_online())
