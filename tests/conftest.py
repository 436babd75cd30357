"""One Postgres and one Valkey for the whole run; a migrated database without rows, and an empty broker, per test."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import alembic.config
import asyncpg
import pytest
import redis
import structlog
from kombu import Connection
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.load.proxy import FreezingProxy
from bot.db.session import Sessions, make_sessions, open_pool
from bot.local.children import ChildProcess, choose_port
from bot.local.embedded import EmbeddedPostgres, EmbeddedValkey

ROOT = Path(__file__).parents[1]
ALEMBIC_INI = ROOT / "alembic.ini"
ONE_WORKER = (
    "tests/stack/",
    "tests/trainer/adapter/",
    "tests/trainer/gates/",
    "tests/trainer/measure/",
    "tests/trainer/nano/",
)
"""Folders with fixtures that take longer than most of their tests: a running stack, rendered people, encoded photos."""
TEMPLATE = "migrated"
EMPTY = """
do $$
declare
    found record;
begin
    perform pg_terminate_backend(pid, 5000)
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid();
    perform set_config('session_replication_role', 'replica', true);
    for found in select tablename as name from pg_tables
        where schemaname = 'public' and tablename <> 'alembic_version'
    loop
        execute format('delete from %I', found.name);
    end loop;
    for found in select * from pg_sequences loop
        perform setval(format('%I.%I', found.schemaname, found.sequencename)::regclass, found.start_value, false);
    end loop;
end $$
"""
"""Ends the other connections, deletes all rows with triggers and foreign keys off, and restarts the sequences."""
SCHEMA = """
select concat_ws(' ',
    (select version_num from alembic_version),
    (select count(*) from pg_class where relnamespace = 'public'::regnamespace),
    (select count(*) from pg_proc where pronamespace = 'public'::regnamespace),
    (select count(*) from pg_trigger where not tgisinternal),
    (select count(*) from pg_attribute join pg_class on attrelid = pg_class.oid
        where relnamespace = 'public'::regnamespace and not attisdropped))
"""
"""A database whose tables, functions, triggers or columns a test has changed is not used again."""
RABBITMQ_PROGRAMS = "/usr/lib/rabbitmq/bin"
"""Debian's folder of the plain scripts; the wrapper on PATH insists on a user and on folders of the system."""
RABBITMQ_START_S = 90.0


def unit_of(path: str) -> str:
    """The unit of work of an xdist worker: a file, or a folder of `ONE_WORKER`. `path`: below ROOT."""
    return next((folder for folder in ONE_WORKER if path.startswith(folder)), path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts the longest units first, estimated by markers and counts, because the last unit may run alone."""
    unit = {item: unit_of(item.path.relative_to(ROOT).as_posix()) for item in items}
    slow = {unit[item] for item in items if item.get_closest_marker("slow")}
    sizes = Counter(unit.values())
    items.sort(key=lambda item: (unit[item] not in slow, -sizes[unit[item]], unit[item]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The number of workers for `-n auto`: one more than there are cores, since many tests wait most of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For `--dist loadfile`: units instead of files."""
    from xdist.scheduler import LoadFileScheduling

    class ByUnit(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(super()._split_scope(nodeid))

    return ByUnit(config, log) if config.getoption("dist") == "loadfile" else None


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        make_url(url).set(drivername="postgresql", query={}).render_as_string(False), ssl=False
    )


def _administer(server_url: str, *statements: str) -> None:
    """Runs statements that must not be in a transaction, such as CREATE DATABASE."""

    async def run() -> None:
        connection = await _connect(server_url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def _schema(database_url: str) -> str:
    async def run() -> str:
        connection = await _connect(database_url)
        schema: str = await connection.fetchval(SCHEMA)
        await connection.close()
        return schema

    return asyncio.run(run())


def _empty(database_url: str) -> str:
    """Delete all rows; gives what SCHEMA selects."""

    async def run() -> str:
        connection = await _connect(database_url)
        await connection.execute(EMPTY)
        schema: str = await connection.fetchval(SCHEMA)
        await connection.close()
        return schema

    return asyncio.run(run())


def _named(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


def _migrate(database_url: str, command: str, revision: str) -> None:
    """Migrates as `alembic` on the command line does."""
    alembic.config.main(["-c", str(ALEMBIC_INI), "-x", f"url={database_url}", command, revision])


@pytest.fixture(scope="session")
def migrate() -> Callable[[str, str, str], None]:
    """Runs `alembic upgrade` or `alembic downgrade` on a database."""
    return _migrate


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """An empty folder for the data of a test's server; `postgres` explains why it is not tmp_path."""
    with TemporaryDirectory(prefix="bolid-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """structlog's own default draws tracebacks with every local variable, which takes seconds each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The running server. A test that kills it starts it again.

    Not below pytest's own temporary folder: every pytest that starts closes that to others (0700), and under root the
    server of a run beside it, which runs as nobody, would lose its data from under its feet.
    """
    with TemporaryDirectory(prefix="bolid-test-postgres-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "data", fsync=False)
        server.start()
        _administer(
            server.url,
            # Rows keep the order of their insertion: no space of deleted ones is used again.
            "alter system set autovacuum = off",
            "select pg_reload_conf()",
            # asyncpg hashes the password in Python, 4,096 times for each connection by default.
            "set scram_iterations = 1",
            f"alter role bolid password '{make_url(server.url).password}'",
        )
        yield server
        server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated database to copy."""
    _administer(postgres.url, f"create database {TEMPLATE}")
    _migrate(_named(postgres.url, TEMPLATE), "upgrade", "head")
    return TEMPLATE


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database without any table."""
    name = f"empty_{uuid4().hex}"
    _administer(postgres.url, f"create database {name}")
    yield _named(postgres.url, name)
    _administer(postgres.url, f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def spare_databases() -> list[str]:
    """Names of migrated databases without rows, free for the next test."""
    return []


@pytest.fixture(scope="session")
def schema_of_template(postgres: EmbeddedPostgres, migrated_template: str) -> str:
    return _schema(_named(postgres.url, migrated_template))


@pytest.fixture
def database_url(
    postgres: EmbeddedPostgres, migrated_template: str, schema_of_template: str, spare_databases: list[str]
) -> Iterator[str]:
    """A migrated database without rows. It is used again, since emptying it is quicker than making another."""
    if spare_databases:
        name = spare_databases.pop()
    else:
        name = f"test_{uuid4().hex}"
        _administer(postgres.url, f"create database {name} template {migrated_template} strategy file_copy")
    url = _named(postgres.url, name)
    yield url
    if _empty(url) == schema_of_template:
        spare_databases.append(name)
    else:
        _administer(postgres.url, f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def pools() -> dict[str, AsyncEngine]:
    """URL -> engine, without connections between tests; SQLAlchemy's compiled statements are reused."""
    return {}


@pytest.fixture
async def pool(database_url: str, pools: dict[str, AsyncEngine]) -> AsyncIterator[AsyncEngine]:
    if database_url not in pools:
        pools[database_url] = open_pool(database_url)
    pool = pools[database_url]
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


@pytest.fixture
def freezing_proxy() -> Iterator[Callable[[str], FreezingProxy]]:
    """Puts a proxy before the server of a URL."""
    proxies: list[FreezingProxy] = []

    def put_before(url: str) -> FreezingProxy:
        port = urlsplit(url).port
        assert port is not None
        proxies.append(FreezingProxy(port))
        return proxies[-1]

    yield put_before
    for proxy in proxies:
        proxy.stop()


class RabbitMQ:
    """RabbitMQ as Debian installs it, with data, ports and an Erlang port mapper (epmd) of its own."""

    def __init__(self, script: str, folder: Path) -> None:
        port = choose_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),  # Erlang keeps the cookie of its cluster there
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(choose_port()),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_DIST_PORT": str(choose_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_NODENAME": f"bolid-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        }
        log = folder / "server.log"
        self._server = ChildProcess("rabbitmq", [script], folder=folder, log=log, env=self._environment)

    def start(self) -> None:
        """Returns when the server answers; fails the test when it does not."""
        self._server.start()
        deadline = time.monotonic() + RABBITMQ_START_S
        while True:
            try:
                with Connection(self.url, connect_timeout=2) as connection:
                    connection.ensure_connection(max_retries=1, timeout=2)
                return
            except Exception:  # any error of a client while the server starts
                if not self._server.running or time.monotonic() > deadline:
                    pytest.fail(f"RabbitMQ did not start; the end of its log:\n{self._server.log_tail(40)}")
                time.sleep(0.2)

    def pause(self) -> None:
        """Connections stay open and nothing is read from them, until `kill`."""
        assert self._server.pid is not None
        os.killpg(self._server.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """Ends the broker as a crash does (SIGKILL); durable queues exist again after `start`."""
        self._server.kill()

    def stop(self) -> None:
        """The port mapper too, which RabbitMQ starts as a daemon and leaves running."""
        self._server.stop()
        if (epmd := shutil.which("epmd")) is not None:
            subprocess.run([epmd, "-kill"], env=self._environment, capture_output=True, check=False)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """The running server; skips where none is installed. A test that kills it starts it again."""
    script = shutil.which("rabbitmq-server", path=RABBITMQ_PROGRAMS)
    if script is None:
        pytest.skip(f"no {RABBITMQ_PROGRAMS}/rabbitmq-server on this machine: apt-get install rabbitmq-server")
    with TemporaryDirectory(prefix="bolid-test-rabbitmq-", ignore_cleanup_errors=True) as folder:
        server = RabbitMQ(script, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()
