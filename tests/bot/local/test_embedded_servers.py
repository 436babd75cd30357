"""Postgres and Valkey from their wheels: real servers, killed by SIGKILL."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.local.children import FolderInUse, FolderLock, wait_until_gone
from bot.local.embedded import EmbeddedPostgres, EmbeddedServer, EmbeddedServerError, EmbeddedValkey
from bot.local.environment import ROOT

Make = Callable[[Path], EmbeddedServer]
BOTH = pytest.mark.parametrize("make", [EmbeddedPostgres, EmbeddedValkey])


@pytest.fixture
def stopped_at_end() -> Iterator[list[EmbeddedServer]]:
    """Servers put into this list are stopped whatever happens."""
    servers: list[EmbeddedServer] = []
    yield servers
    for server in servers:
        server.stop()


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_postgres_keeps_its_data_and_address_through_kill_and_stop(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    server = EmbeddedPostgres(server_folder / "pg", fsync=False)
    stopped_at_end.append(server)
    url = server.start()
    await query(url, "create table kept (word text)")
    await query(url, "insert into kept values ('still here')")
    server.kill()
    assert not server.running
    assert server.start() == url
    assert await query(url, "select word from kept") == "still here"
    server.stop()

    successor = EmbeddedPostgres(server_folder / "pg", fsync=False)
    stopped_at_end.append(successor)
    assert successor.start() == url
    assert await query(url, "select word from kept") == "still here"


async def test_postgres_is_version_18_and_wants_its_password(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    server = EmbeddedPostgres(server_folder / "pg", fsync=False)
    stopped_at_end.append(server)
    url = server.start()
    assert str(await query(url, "show server_version")).startswith("18.")
    password = url.partition("bolid:")[2].partition("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(url.replace(password, "guess"), "select 1")


def test_valkey_keeps_every_write_through_kill_and_stop(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    server = EmbeddedValkey(server_folder / "valkey")
    stopped_at_end.append(server)
    url = server.start()
    with redis.Redis.from_url(url) as client:
        client.rpush("line", *range(100))
    server.kill()
    assert server.start() == url
    with redis.Redis.from_url(url) as client:
        assert client.llen("line") == 100
        client.rpush("line", "one more")
    server.stop()
    assert server.start() == url
    with redis.Redis.from_url(url) as client:
        assert client.llen("line") == 101


def test_valkey_without_an_append_only_file_leaves_nothing_on_the_disk(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    folder = server_folder / "valkey"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.1").write_bytes(b"a photo of an earlier version")
    server = EmbeddedValkey(folder, append_only=False)
    stopped_at_end.append(server)
    with redis.Redis.from_url(server.start()) as client:
        client.set("photo", b"somebody's photo")
    server.stop()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files and not [path for path in files if b"photo" in path.read_bytes()]


def test_valkey_wants_its_password(server_folder: Path, stopped_at_end: list[EmbeddedServer]) -> None:
    server = EmbeddedValkey(server_folder)
    stopped_at_end.append(server)
    port = int(server.start().rpartition(":")[2].partition("/")[0])
    with redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


@BOTH
def test_a_deep_folder_with_spaces_is_no_obstacle(
    make: Make, server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    server = make(server_folder / "a folder with spaces" / ("long" * 30) / "data")
    stopped_at_end.append(server)
    server.start()
    assert server.running


@BOTH
def test_two_run_side_by_side(make: Make, server_folder: Path, stopped_at_end: list[EmbeddedServer]) -> None:
    first, second = make(server_folder / "one"), make(server_folder / "two")
    stopped_at_end += [first, second]
    assert first.start() != second.start()
    assert first.running and second.running


@BOTH
def test_a_folder_in_use_is_refused_and_left_alone(
    make: Make, server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    owner, intruder = make(server_folder / "data"), make(server_folder / "data")
    stopped_at_end.append(owner)
    owner.start()
    with pytest.raises(FolderInUse, match=f"in use by process {os.getpid()}"):
        intruder.start()
    intruder.stop()
    assert owner.running


@BOTH
def test_a_port_taken_meanwhile_is_replaced(
    make: Make, server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    server = make(server_folder / "data")
    stopped_at_end.append(server)
    url = server.start()
    server.stop()
    port = int(url.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        successor = make(server_folder / "data")
        stopped_at_end.append(successor)
        assert successor.start() != url


def test_url_before_start_names_the_remedy(server_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match=r"call start\(\) first"):
        _ = EmbeddedValkey(server_folder).url


def test_an_interrupted_creation_of_the_cluster_is_done_anew(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    (server_folder / "cluster.new" / "base").mkdir(parents=True)
    (server_folder / "cluster.new" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(server_folder, fsync=False)
    stopped_at_end.append(server)
    server.start()
    assert server.running


def test_a_pid_file_whose_pid_went_to_another_process_does_not_stop_postgres(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    server = EmbeddedPostgres(server_folder, fsync=False)
    stopped_at_end.append(server)
    server.start()
    pid_file = server_folder / "cluster" / "postmaster.pid"
    left_behind = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *left_behind[1:]]) + "\n")
    server.start()
    assert server.running


@BOTH
def test_servers_die_with_an_owner_that_was_killed_and_start_again(
    make: Make, server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    program = (
        "import sys, time; from pathlib import Path; import bot.local.embedded as e;"
        "s = getattr(e, sys.argv[1])(Path(sys.argv[2])); s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    name = make.__name__  # type: ignore[attr-defined]
    command = [sys.executable, "-c", program, name, str(server_folder / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout is not None
        server_process = psutil.Process(int(owner.stdout.readline()))
        helpers = server_process.children(recursive=True)
        owner.send_signal(signal.SIGKILL)
    for process in [server_process, *helpers]:
        assert wait_until_gone(process, 5.0)
    successor = make(server_folder / "data")
    stopped_at_end.append(successor)
    successor.start()
    assert successor.running


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which Postgres refuses to run as")
def test_for_root_postgres_runs_as_nobody_and_closed_parents_are_opened_only_for_passing(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    closed = server_folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data", fsync=False)
    stopped_at_end.append(server)
    server.start()
    assert server.pid is not None
    assert psutil.Process(server.pid).uids().effective == pwd.getpwnam("nobody").pw_uid
    assert stat.S_IMODE(closed.stat().st_mode) == 0o701


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_for_root_postgres_runs_as_whoever_made_the_cluster(
    server_folder: Path, stopped_at_end: list[EmbeddedServer]
) -> None:
    server = EmbeddedPostgres(server_folder, fsync=False)
    stopped_at_end.append(server)
    server.start()
    server.stop()
    for path in (server_folder / "cluster", *(server_folder / "cluster").rglob("*")):
        os.chown(path, 12_345, 12_345)
    server.start()
    assert server.pid is not None
    assert psutil.Process(server.pid).uids().effective == 12_345


def test_a_folder_lock_is_free_again_after_release(server_folder: Path) -> None:
    first, second = FolderLock(server_folder), FolderLock(server_folder)
    first.acquire()
    with pytest.raises(FolderInUse):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
