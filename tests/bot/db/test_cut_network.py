"""A half-open connection to Postgres as after an unplugged cable: neither side gets a packet.

The client runs in a network namespace of its own, at the other end of a pair of virtual interfaces. Only root may make
these.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.local import embedded
from bot.local.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(300)]
NAMESPACE, NEAR, FAR = f"bolid-{os.getpid()}", f"bolid{os.getpid() % 10**6}a", f"bolid{os.getpid() % 10**6}b"
SERVER, CLIENT = "10.213.87.1", "10.213.87.2"
RECOVERY_S = 60.0
CLIENT_PROGRAM = """
import asyncio, sys
from sqlalchemy import text
from bot.db.session import is_outage, make_sessions, open_pool

async def main():
    sessions = make_sessions(open_pool(sys.argv[1], command_timeout_s=8.0))
    try:
        async with sessions.begin() as session:
            await session.execute(text("select * from held for update"))
            print("locked", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await session.execute(text("select 1"))
    except Exception as error:
        print("outage" if is_outage(error) else repr(error), flush=True)
    while True:
        try:
            async with sessions() as session:
                await session.execute(text("select 1"))
            break
        except Exception as error:
            assert is_outage(error)
            await asyncio.sleep(0.5)
    print("recovered", flush=True)

asyncio.run(main())
"""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)


@pytest.fixture
def network() -> Iterator[None]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    _ip("netns", "add", NAMESPACE)
    try:
        _ip("link", "add", NEAR, "type", "veth", "peer", "name", FAR, "netns", NAMESPACE)
        _ip("address", "add", f"{SERVER}/30", "dev", NEAR)
        _ip("link", "set", NEAR, "up")
        _ip("-n", NAMESPACE, "address", "add", f"{CLIENT}/30", "dev", FAR)
        _ip("-n", NAMESPACE, "link", "set", FAR, "up")
        yield
    finally:
        _ip("netns", "delete", NAMESPACE)  # and the pair with it


class ReachablePostgres(EmbeddedPostgres):
    """Takes connections from the other end."""

    def _prepare(self, password: str) -> None:
        super()._prepare(password)
        with (self._cluster / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {SERVER}/30 scram-sha-256\n")


@pytest.fixture
def server(network: None, server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedPostgres]:
    monkeypatch.setattr(embedded, "HOST", SERVER)
    server = ReachablePostgres(server_folder, fsync=False)
    server.start()
    yield server
    server.stop()


async def test_both_sides_give_a_cut_connection_up_and_go_on(server: EmbeddedPostgres) -> None:
    """The client's statement fails; the server ends the session, whose lock another client gets meanwhile."""
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""), ssl=False)
    await connection.execute("create table held as select 1 as id")
    client = await asyncio.create_subprocess_exec(
        "ip", "netns", "exec", NAMESPACE, sys.executable, "-c", CLIENT_PROGRAM, server.url,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert client.stdin is not None and client.stdout is not None
    read_line = client.stdout.readline

    async def next_word() -> Any:
        return (await asyncio.wait_for(read_line(), RECOVERY_S)).strip().decode()

    try:
        assert await next_word() == "locked"
        _ip("-n", NAMESPACE, "link", "set", FAR, "down")
        client.stdin.write(b"go on\n")
        lock = asyncio.create_task(connection.execute("select * from held for update", timeout=RECOVERY_S))
        assert await next_word() == "outage"
        await lock
        _ip("-n", NAMESPACE, "link", "set", FAR, "up")
        assert await next_word() == "recovered"
    finally:
        if client.returncode is None:
            client.kill()
        await client.wait()
        await connection.close()
