"""Child processes that end with their owner, and their locks and ports.

On Linux the kernel ends a child when its parent dies, however the parent dies (PR_SET_PDEATHSIG). Elsewhere, and for
the moment between fork and that call, a note of the child's pid lets the next start end what was left behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

PORTS = range(15_000, 30_000)
"""A range below the ports that systems give to outgoing connections, so that a port stays free while its server is
down."""

_PR_SET_PDEATHSIG = 1
# Runs in the child before the real program: a separate interpreter, because code between fork and exec is not safe in
# a process with threads. Becoming another user clears the death signal, so that comes first.
_BIND_TO_PARENT = f"""
import ctypes, os, sys
os.umask(0o077)
parent, death_signal, niceness, uid, gid = map(int, sys.argv[1:6])
os.nice(niceness)
if uid >= 0:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, death_signal)
if os.getppid() == parent:
    os.execv(sys.argv[6], sys.argv[6:])
"""


class FolderInUse(Exception):
    """Another living process owns the folder; `owner` is its pid where known."""

    def __init__(self, folder: Path, owner: int | None) -> None:
        super().__init__(f"{folder} is in use by process {owner or 'unknown'}: stop it first, or use another folder")
        self.owner = owner


class FolderLock:
    """Ownership of a folder for as long as this process lives; the kernel takes it back at any end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Create the folder if needed and own it. Raises FolderInUse."""
        if self._file is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "owner.lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            owner = path.read_text().strip()
            raise FolderInUse(self.folder, int(owner) if owner.isdigit() else None) from None
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file

    def release(self) -> None:
        """Give the folder up; without effect when it is not ours."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def choose_port(preferred: int | None = None, host: str = "127.0.0.1") -> int:
    """A free port: `preferred` if it is free, else one drawn from PORTS."""
    # Two clones may start in the same second and must not draw the same port, so this draw has no seed.
    draw = random.SystemRandom()
    candidates = [preferred] if preferred else []
    candidates += [draw.choice(PORTS) for _ in range(50)]
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((host, port))
                return port
    raise OSError(f"no free port found on {host}: tried {len(candidates)} between {PORTS[0]} and {PORTS[-1]}")


def port_is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a process listens at the address now."""
    with socket.socket() as probe:
        probe.settimeout(2.0)
        return probe.connect_ex((host, port)) == 0


def wait_until_gone(process: psutil.Process, timeout_s: float) -> bool:
    """Wait for the end of a process that need not be our child; one that waits to be reaped counts as gone."""
    deadline = time.monotonic() + timeout_s
    with suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
    return True


def end_leftover(note: Path, death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Ends the process that an earlier owner recorded, unless the pid now belongs to another process."""
    try:
        pid, created = json.loads(note.read_text())
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1.0:
            os.killpg(pid, death_signal)
            if not wait_until_gone(process, 5.0):
                os.killpg(pid, signal.SIGKILL)
                wait_until_gone(process, 5.0)
    except (FileNotFoundError, ValueError, ProcessLookupError, psutil.NoSuchProcess):
        pass
    note.unlink(missing_ok=True)


class ChildProcess:
    """One program, started in its own process group, writing to one log file, startable again after it ended. Files
    that it makes are closed to other users.

    Start it from a thread that lives as long as the child should (the main thread): the kernel counts the end of the
    starting thread as the parent's.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        uid_gid: tuple[int, int] | None = None,
        stop_signals: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 8.0),),
        death_signal: signal.Signals = signal.SIGKILL,
        niceness: int = 0,
    ) -> None:
        """`stop_signals` are tried in turn, each with the seconds to wait; SIGKILL follows the last one. `niceness` (0
        to 19) is added to that of this process."""
        self.name = name
        self.log = log
        self._command = [str(part) for part in command]
        self._note = folder / f"{name}.pid"
        self._env = dict(env) if env is not None else None
        self._cwd = cwd
        self._uid_gid = uid_gid or (-1, -1)
        self._stop_signals = stop_signals
        self._death_signal = death_signal
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None
        self._asked_to_stop = False

    @property
    def pid(self) -> int | None:
        """The process id, also of a child that has ended; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether the child is alive now."""
        return self._process is not None and self._process.poll() is None

    def listens_on(self, port: int) -> bool:
        """Whether this very process listens on a TCP port."""
        if self._process is None:
            return False
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            sockets = psutil.Process(self._process.pid).net_connections("tcp")
            return any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)
        return False

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last run; negative for a signal, None while it runs or before the first run."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the program, after ending what an earlier owner may have left running. Without effect if it runs."""
        if self.running:
            return
        end_leftover(self._note, self._death_signal)
        numbers = (os.getpid(), int(self._death_signal), self._niceness, *self._uid_gid)
        launcher = [sys.executable, "-I", "-S", "-c", _BIND_TO_PARENT, *map(str, numbers)]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch(mode=0o600)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*launcher, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )
        self._asked_to_stop = False
        self._write_note(self._process.pid)

    def signal_stop(self) -> None:
        """Send the first stop signal and return at once, so that several children can end side by side."""
        if self.running and not self._asked_to_stop:
            self._asked_to_stop = True
            self._send(self._stop_signals[0][0])

    def stop(self) -> None:
        """End the child and its process group, politely first; returns when it is gone."""
        if self._process is None:
            return
        self.signal_stop()
        for step, (number, patience_s) in enumerate(self._stop_signals):
            if self.running:
                if step > 0:
                    self._send(number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group: nothing it started survives."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._note.unlink(missing_ok=True)

    def log_tail(self, lines: int = 12) -> str:
        """The end of what it wrote, for a message about its failure."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _write_note(self, pid: int) -> None:
        with suppress(psutil.NoSuchProcess):
            created = psutil.Process(pid).create_time()
            self._note.parent.mkdir(parents=True, exist_ok=True)
            self._note.write_text(json.dumps([pid, created]))
