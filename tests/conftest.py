"""One Postgres and one Valkey for the whole run; a fresh migrated database, and an empty broker, for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import redis
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.db.migrate import upgrade
from bot.db.session import Sessions, make_sessions, open_pool, read_url
from bot.local.embedded import EmbeddedPostgres, EmbeddedValkey

TEMPLATE = "migrated"


def _administer(server_url: str, *statements: str) -> None:
    """Run statements that want no transaction, such as CREATE DATABASE."""

    async def run() -> None:
        pool = create_async_engine(read_url(server_url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        async with pool.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await pool.dispose()

    asyncio.run(run())


def _named(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The running server. A test that kills it starts it again."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", fsync=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database to copy."""
    _administer(postgres.url, f"create database {TEMPLATE}")
    upgrade(_named(postgres.url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database without any table."""
    name = f"empty_{uuid4().hex}"
    _administer(postgres.url, f"create database {name}")
    yield _named(postgres.url, name)
    _administer(postgres.url, f"drop database {name} with (force)")


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database."""
    name = f"test_{uuid4().hex}"
    _administer(postgres.url, f"create database {name} template {migrated_template}")
    yield _named(postgres.url, name)
    _administer(postgres.url, f"drop database {name} with (force)")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncEngine]:
    pool = open_pool(database_url)
    yield pool
    await pool.dispose()


@pytest.fixture
def sessions(pool: AsyncEngine) -> Sessions:
    """Sessions on the fresh database."""
    return make_sessions(pool)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """The running broker. A test that kills it starts it again."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker_url(valkey: EmbeddedValkey) -> str:
    """The broker, emptied."""
    client = redis.Redis.from_url(valkey.url)
    client.flushall()
    client.close()
    return valkey.url
