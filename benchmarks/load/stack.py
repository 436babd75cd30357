"""The real stack for a load run: Postgres, Valkey, the local Bot API server, a worker and the bot as processes.

With `proxied`, the bot and the worker reach the three servers by way of proxies, which can freeze or cut connections.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import redis

from benchmarks.load.proxy import FreezingProxy
from bot.local.children import choose_port
from bot.local.supervisor import Stack

PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "OMP_NUM_THREADS")
DISK_MIB = 1536
"""Of the file system that Postgres has to itself where a run fills it."""
HEAVY_OPEN_MAX = 20


class Announcements:
    """An audience that keeps the warnings of the supervisor."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def doing(self, text: str) -> None:
        return None

    def done(self, text: str) -> None:
        return None

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class LoadStack(Stack):
    """The times of leases and edits are those of production, not the shorter ones of the tests."""

    def __init__(self, state_dir: Path, *, proxied: bool) -> None:
        environment = {name: value for name, value in os.environ.items() if name in PASSED_ON}
        settings = {
            "ENGINE_BACKBONE": "benchmarks.load.backbone:load",
            "OPEN_JOBS_MAX": str(HEAVY_OPEN_MAX),
            "EDIT_INTERVAL_S": "3",
            "ALERT_QUEUE_S": "100000",
        }
        self.announcements = Announcements()
        super().__init__(state_dir, self.announcements, environment | settings, chat_port=choose_port())
        self._proxied = proxied
        self.proxies: dict[str, FreezingProxy] = {}
        self.database_url = ""
        self.broker_url = ""

    def _start_servers(self) -> None:
        super()._start_servers()
        self.database_url = self._environment["DATABASE_URL"]
        self.broker_url = self._environment["BROKER_URL"]
        if self._proxied:
            for name in ("DATABASE_URL", "BROKER_URL"):
                self._environment[name] = self._before(name, self._environment[name])

    def _start_chat(self) -> None:
        super()._start_chat()
        if self._proxied:
            self._environment["BOT_API_URL"] = self._before("BOT_API_URL", self._environment["BOT_API_URL"])

    def _before(self, name: str, url: str) -> str:
        port = urlsplit(url).port
        assert port is not None
        self.proxies[name] = FreezingProxy(port)
        return self.proxies[name].before(url)

    def stop(self) -> None:
        super().stop()
        for proxy in self.proxies.values():
            proxy.stop()
        self.proxies.clear()

    async def connect(self) -> asyncpg.Connection:
        """To the database itself, past the proxies."""
        return await asyncpg.connect(self.database_url.replace("+asyncpg", ""), timeout=10)

    def forget_broker_data(self) -> None:
        with redis.Redis.from_url(self.broker_url) as client:
            client.flushall()


class SmallDisk:
    """A file system of its own (tmpfs) for the data of Postgres; only root may mount one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._filling = folder / "filling"
        self.mounted = False

    def mount(self) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(self._folder)]
        try:
            self.mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            self.mounted = False
        return self.mounted

    def fill(self) -> None:
        """Not a byte is left free."""
        block = bytes(1 << 20)
        with self._filling.open("wb", buffering=0) as file:
            try:
                while file.write(block):
                    pass
            except OSError:
                return

    def empty(self) -> None:
        self._filling.unlink(missing_ok=True)

    def unmount(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._folder)], capture_output=True, check=False)
            self.mounted = False
