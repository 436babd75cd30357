"""After any end of `make run`, no process remains, and the next start finds its data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory

import psutil
import pytest

from bot.local.botapi import BEN_ID, Person
from bot.local.children import wait_until_gone
from bot.local.environment import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.kill, pytest.mark.timeout(150)]

START_S = 60.0
STOP_S = 25.0
GONE_S = 30.0
"""The timeout for the end of processes; they end within moments, except on a busy machine."""
PARTS = ("postgres", "valkey-server", "bot.local.botapi", "engine.worker", "-m bot")


class Running:
    """`python -m bot.local run` as a user starts it, with its output line by line."""

    def __init__(self, python: str, environment: dict[str, str], uid_gid: tuple[int, int] | None = None) -> None:
        owner = {"user": uid_gid[0], "group": uid_gid[1], "extra_groups": []} if uid_gid else {}
        self.process = subprocess.Popen(
            [python, "-m", "bot.local", "run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **owner,  # type: ignore[call-overload]
        )
        self.lines: list[str] = []
        self._arriving: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, words: str) -> str:
        """The first line with these words."""
        while True:
            try:
                line = self._arriving.get(timeout=START_S)
            except Empty:
                raise AssertionError(f"no line with {words!r} in:\n{''.join(self.lines)}") from None
            if words in line:
                return line

    def descendants(self) -> list[psutil.Process]:
        """The processes that it started, and those that these started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> int:
        """Sends the signal to this process only, and waits for its end."""
        self.process.send_signal(number)
        exit_code = self.process.wait(STOP_S)
        self._reader.join(5)
        return exit_code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._arriving.put(line)


Launch = Callable[..., Running]


@pytest.fixture
def launch() -> Iterator[Launch]:
    started: list[Running] = []

    def start(python: str, environment: dict[str, str], uid_gid: tuple[int, int] | None = None) -> Running:
        running = Running(python, environment, uid_gid)
        started.append(running)
        return running

    yield start
    for running in started:
        running.close()


async def say_and_count(chat_url: str, text: str) -> int:
    """Sends the bot a message; returns the number of the person's messages in the chat."""
    async with Person(chat_url, BEN_ID) as person:
        await person.send_text(text)
        return sum(not message.from_bot for message in await person.transcript())


def address_in(line: str) -> str:
    return next(word for word in line.split() if word.startswith("http://")).rstrip("/")


async def test_nothing_is_left_behind_and_the_next_start_finds_its_data(
    launch: Launch, quick_environment: dict[str, str], server_folder: Path
) -> None:
    environment = quick_environment | {"BOLID_STATE": str(server_folder / "state")}
    for number, ending in enumerate((signal.SIGKILL, signal.SIGINT), start=1):
        running = launch(sys.executable, environment)
        line = running.wait_for("up: open http://")
        family = running.descendants()
        commands = [" ".join(process.cmdline()) for process in family]
        assert [part for part in PARTS if not any(part in command for command in commands)] == []
        assert await say_and_count(address_in(line), f"hello {number}") == number
        if number == 1:
            second = launch(sys.executable, environment)
            assert f"already running here as process {running.process.pid}" in second.wait_for("✗")
            assert second.process.wait(STOP_S) == 1

        exit_code = running.end(ending)
        assert exit_code == (-signal.SIGKILL if ending == signal.SIGKILL else 0)
        assert [process for process in family if not wait_until_gone(process, GONE_S)] == []


async def test_an_ordinary_user_and_a_second_clone_run_side_by_side(
    launch: Launch, quick_environment: dict[str, str], server_folder: Path
) -> None:
    """Two stacks at the same time, ended by the two signals that the other test does not use; if root runs the test,
    the second stack runs as nobody."""
    first = launch(sys.executable, quick_environment | {"BOLID_STATE": str(server_folder / "first")})
    with TemporaryDirectory(prefix="bolid-") as name:
        folder = Path(name)
        environment = quick_environment | {"BOLID_STATE": str(folder / "second")}
        if os.geteuid() == 0:
            owner = (65534, 65534)
            os.chown(folder, *owner)
            # redis needs this module on Python before 3.11.3, where our environment, made by a later one, lacks it.
            (folder / "async_timeout.py").write_text("from asyncio import timeout as timeout\n")
            environment["PYTHONPATH"] += os.pathsep + os.pathsep.join((sysconfig.get_path("purelib"), str(folder)))
            python = python_for(owner, environment)
            second = launch(python, environment | {"HOME": str(folder)}, owner)
        else:
            second = launch(sys.executable, environment)
        addresses = {address_in(running.wait_for("up: open http://")) for running in (first, second)}
        assert len(addresses) == 2
        for address in addresses:
            async with Person(address, BEN_ID) as person:
                await person.send_text("/start")
                await person.wait_for(lambda message: bool(message.buttons), START_S)
        families = [running.descendants() for running in (first, second)]
        assert first.end(signal.SIGTERM) == second.end(signal.SIGHUP) == 0
        assert [process for family in families for process in family if not wait_until_gone(process, GONE_S)] == []


def python_for(uid_gid: tuple[int, int], environment: dict[str, str]) -> str:
    """An interpreter of this version that the user may run; the one of this process may be in a home folder."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        # The shell, because our own right to run the file would still count for a program that we start directly.
        command = ["/bin/sh", "-c", f"'{candidate}' -c 'import asyncpg, torch; import bot.local.embedded'"]
        tried = subprocess.run(
            command, cwd=ROOT, env=environment, user=uid_gid[0], group=uid_gid[1], extra_groups=[], capture_output=True
        )
        if tried.returncode == 0:
            return candidate
    pytest.skip(f"no {version} that an ordinary user may run: install Debian's {version}")
