"""One owner for everything that runs: it starts the parts in order, starts again what crashes, and stops them all.

Parts, in order: Postgres, Valkey, the tables, the local Bot API server, a worker, the bot. DATABASE_URL, BROKER_URL and
BOT_TOKEN each replace one of them by something outside.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from bot.local.children import ChildProcess, FolderInUse, FolderLock, choose_port, end_leftover, port_is_taken
from bot.local.defaults import ADMIN_ID, HOST
from bot.local.embedded import EmbeddedPostgres, EmbeddedServerError, EmbeddedValkey
from bot.local.environment import ROOT, read_token, worker_environment
from bot.local.parts import Audience, Part, StackError, SupervisedPart, answers_at, last_words, shown

CHAT_PORT = 8081
CHAT_TRIES = 5
TEND_INTERVAL_S = 0.25
"""The owner of a stack calls `tend` this often."""
START_TIMEOUT_S = 120.0
WORKER_NICENESS = 5
"""A worker that draws on the CPU would else take the cores from the bot, which answers people meanwhile."""


class StopRequested(KeyboardInterrupt):
    """A signal asked for an orderly end. A KeyboardInterrupt, so that event loops let it through."""


class Stack:
    """The whole product on one machine. `start()`, then `tend()` several times per second, then `stop()`, all from the
    main thread. `state_dir` keeps the data; one stack at a time owns it."""

    def __init__(
        self,
        state_dir: Path,
        audience: Audience,
        environment: Mapping[str, str],
        *,
        fresh: bool = False,
        chat_port: int = CHAT_PORT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`environment` is what the parts get, see read_environment; `fresh` forgets what an earlier stack left."""
        self.state_dir = state_dir.absolute()
        self.chat_url: str | None = None
        self._audience = audience
        self._environment = dict(environment)
        self._fresh = fresh
        self._chat_port = chat_port
        self._clock = clock
        self._lock = FolderLock(self.state_dir)
        self._parts: list[SupervisedPart] = []

    def part(self, name: str) -> Part:
        """A running part by its name: Postgres, Valkey, chat, worker or bot."""
        return next(entry.part for entry in self._parts if entry.part.name == name)

    def start(self) -> None:
        """Bring everything up. Raises StackError, after stopping whatever had started."""
        try:
            self._lock.acquire()
        except FolderInUse as error:
            raise StackError(
                f"already running here as process {error.owner}: stop that one first (Ctrl-C, or kill {error.owner})"
            ) from None
        except OSError as error:
            raise StackError(f"cannot use {shown(self.state_dir)} ({error.strerror}): is it another user's?") from error
        try:
            self._close_to_others()
            if self._fresh:
                self._forget()
            self._set_logs_aside()
            self._start_servers()
            self._migrate()
            self._start_chat()
            self._start_worker()
            self._start_bot()
        except (EmbeddedServerError, OSError, FolderInUse) as error:
            self.stop()
            raise StackError(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def tend(self) -> None:
        """Look after the parts once. Raises StackError when one of them cannot be kept up; then call stop()."""
        try:
            for entry in self._parts:
                entry.tend(self._audience)
        except (EmbeddedServerError, OSError, FolderInUse) as error:
            raise StackError(str(error)) from error

    def stop(self) -> None:
        """Stop everything, the bot first and Postgres last; bounded in time; safe to call twice."""
        for entry in self._parts:
            if isinstance(entry.part, ChildProcess) and entry.part.name in ("worker", "bot"):
                entry.part.signal_stop()
        while self._parts:
            self._parts[-1].part.stop()
            self._parts.pop()
        self._lock.release()

    def _close_to_others(self) -> None:
        """The folder holds photos of people. Under root others may pass through it: Postgres runs as another user."""
        self.state_dir.chmod(0o701 if os.geteuid() == 0 else 0o700)

    def _forget(self) -> None:
        for note in self.state_dir.rglob("*.pid"):
            if note.name != "postmaster.pid":
                end_leftover(note)
        for name in ("postgres", "valkey", "chat", "logs"):
            shutil.rmtree(self.state_dir / name, ignore_errors=True)

    def _set_logs_aside(self) -> None:
        """Each start has logs of its own; those of the start before stay readable."""
        for log in (self.state_dir / "logs").glob("*.log"):
            log.replace(log.with_suffix(".previous"))

    def _keep(self, part: Part, health_url: str | None = None) -> None:
        answers = None if health_url is None else partial(answers_at, health_url)
        self._parts.append(SupervisedPart(part, self._clock, answers))
        part.start()

    def _monitored(self, variable: str) -> str:
        """The address of a part's /healthz; the variable names its host:port, a free one unless it is set."""
        listen = self._environment.setdefault(variable, f"{HOST}:{choose_port(None, HOST)}")
        host, _, port = listen.rpartition(":")
        return f"http://{HOST if host in ('0.0.0.0', '[::]') else host}:{port}/healthz"

    def _start_servers(self) -> None:
        if "DATABASE_URL" not in self._environment:
            self._audience.doing("starting Postgres")
            postgres = EmbeddedPostgres(self.state_dir / "postgres")
            self._keep(postgres)
            self._environment["DATABASE_URL"] = postgres.url
        if "BROKER_URL" not in self._environment:
            self._audience.doing("starting Valkey")
            valkey = EmbeddedValkey(self.state_dir / "valkey", append_only=False)
            self._keep(valkey)
            self._environment["BROKER_URL"] = valkey.url
        self._audience.done("Postgres and Valkey answer")

    def _migrate(self) -> None:
        self._audience.doing("bringing the tables up to date")
        migration = self._child("migration", "alembic", "upgrade", "head")
        try:
            migration.start()
            while migration.running:
                time.sleep(0.02)
        finally:
            migration.kill()
        if migration.exit_code != 0:
            raise StackError(f"the tables could not be brought up to date.\n{last_words(migration)}")
        self._audience.done("tables are up to date")

    def _start_chat(self) -> None:
        if "BOT_TOKEN" in self._environment:
            return
        self._audience.doing("starting the local chat")
        end_leftover(self.state_dir / "chat.pid")
        self._environment["BOT_TOKEN"] = read_token(self.state_dir / "chat.token")
        url = self._chat_on_a_port_of_its_own()
        self.chat_url = url
        self._environment |= {"BOT_API_URL": url}
        self._environment.setdefault("ADMIN_IDS", str(ADMIN_ID))
        self._environment.setdefault("EDIT_INTERVAL_S", "0.7")
        self._audience.done(f"chat page: {url}/")

    def _chat_on_a_port_of_its_own(self) -> str:
        """Another stack may take the port between our look and the chat's: then the next one is drawn."""
        preferred: int | None = self._chat_port
        for tries_left in reversed(range(CHAT_TRIES)):
            port = choose_port(preferred, HOST)
            command = ("--port", str(port), "--data-dir", str(self.state_dir / "chat"))
            chat = self._child("chat", "bot.local.botapi", *command)
            self._keep(chat)
            if self._comes_to_listen(chat, port):
                break
            if not tries_left or not port_is_taken(port, HOST):
                raise StackError(f"the local chat did not start.\n{last_words(chat)}")
            self._parts.pop()
            preferred = None
        return f"http://{HOST}:{port}"

    def _start_worker(self) -> None:
        self._audience.doing("starting a worker")
        health_url = self._monitored("ENGINE_MONITOR_LISTEN")
        environment = worker_environment(self._environment)
        # A warm stop waits for the picture in hand; its lease brings it back if that takes too long.
        patience = ((signal.SIGTERM, 5.0), (signal.SIGQUIT, 1.0))
        worker = self._child(
            "worker", "engine.worker", environment=environment, stop_signals=patience, niceness=WORKER_NICENESS
        )
        self._keep(worker, health_url)
        self._audience.done("worker started")

    def _start_bot(self) -> None:
        self._audience.doing("starting the bot")
        health_url = self._monitored("MONITOR_LISTEN")
        self._keep(self._child("bot", "bot"), health_url)
        self._audience.done("bot started")

    def _child(
        self,
        name: str,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stop_signals: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 8.0),),
        niceness: int = 0,
    ) -> ChildProcess:
        return ChildProcess(
            name,
            [sys.executable, "-m", module, *arguments],
            folder=self.state_dir,
            log=self.state_dir / "logs" / f"{name}.log",
            env={**(environment or self._environment), "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
            stop_signals=stop_signals,
            niceness=niceness,
        )

    def _comes_to_listen(self, part: ChildProcess, port: int) -> bool:
        """Waits until this part itself, and nobody else, listens on the port; False when it ended or took too long."""
        deadline = self._clock() + START_TIMEOUT_S
        while part.running and self._clock() < deadline:
            if part.listens_on(port):
                return True
            time.sleep(0.05)
        return False


@contextmanager
def kept_up(stack: Stack) -> Iterator[Stack]:
    """The stack, started, and stopped at any end: of the block, by an exception, by Ctrl-C, SIGTERM or SIGHUP.

    A signal raises StopRequested in the block; further ones wait for the orderly end, which is bounded in time.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def ignore_signals() -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)

    def request_stop(number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        raise StopRequested(signal.Signals(number).name)

    previous = {number: signal.signal(number, request_stop) for number in numbers}
    try:
        stack.start()
        yield stack
    finally:
        ignore_signals()
        stack.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)
