"""Child processes: started, ended, and never left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bot.local.children import PORTS, ChildProcess, choose_port, end_leftover, port_is_taken, wait_until_gone
from bot.local.environment import ROOT

SLEEP = "import time; print('awake', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('awake', flush=True); time.sleep(60)"
)
WITH_GRANDCHILD = (
    "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(f'{p.pid} awake', flush=True); time.sleep(60)"
)
Run = Callable[[str], ChildProcess]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts `python -c program` and waits for its first line."""
    children: list[ChildProcess] = []

    def start(program: str) -> ChildProcess:
        command = [sys.executable, "-c", program]
        child = ChildProcess(
            "sleeper", command, folder=tmp_path, log=tmp_path / "sleeper.log", stop_signals=((signal.SIGTERM, 0.3),)
        )
        children.append(child)
        child.start()
        wait_for_line(child)
        return child

    yield start
    for child in children:
        child.kill()


def wait_for_line(child: ChildProcess) -> None:
    deadline = time.monotonic() + 10
    while "awake" not in child.log_tail():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_polite_child_ends_by_the_first_signal(run: Run) -> None:
    child = run(SLEEP)
    child.stop()
    assert child.exit_code == -signal.SIGTERM


def test_a_stubborn_child_is_killed_in_the_end(run: Run) -> None:
    child = run(STUBBORN)
    child.stop()
    assert child.exit_code == -signal.SIGKILL


def test_a_child_asked_to_stop_is_not_asked_twice_while_it_ends(run: Run) -> None:
    child = run(
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True));"
        "print('awake', flush=True); time.sleep(0.1); time.sleep(0.1)"
    )
    child.signal_stop()
    child.stop()
    assert child.exit_code == 0
    assert child.log_tail().count("asked") == 1


def test_stop_takes_the_grandchildren_along(run: Run) -> None:
    child = run(WITH_GRANDCHILD)
    grandchild = psutil.Process(int(child.log_tail().split()[0]))
    child.stop()
    assert wait_until_gone(grandchild, 2.0)


def test_stop_twice_and_before_start_does_nothing(tmp_path: Path, run: Run) -> None:
    ChildProcess("never", ["/bin/true"], folder=tmp_path, log=tmp_path / "never.log").stop()
    child = run(SLEEP)
    child.stop()
    child.stop()
    assert not child.running


def test_a_child_can_be_started_again(run: Run) -> None:
    child = run(SLEEP)
    first = child.pid
    child.kill()
    child.start()
    assert child.running
    assert child.pid != first


def test_the_log_is_for_its_owner_only(run: Run) -> None:
    child = run(SLEEP)
    assert child.log.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")
def test_a_child_dies_with_its_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from bot.local.children import ChildProcess;"
        "folder = Path(sys.argv[1]);"
        "child = ChildProcess('c', [sys.executable, '-c', sys.argv[2]], folder=folder, log=folder / 'c.log');"
        "child.start(); print(child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path), STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert wait_until_gone(child, 3.0)


def test_a_leftover_of_an_earlier_owner_is_ended_by_the_next_start(tmp_path: Path, run: Run) -> None:
    leftover = run(STUBBORN)
    successor = ChildProcess("sleeper", [sys.executable, "-c", SLEEP], folder=tmp_path, log=tmp_path / "successor.log")
    successor.start()
    assert leftover.exit_code == -signal.SIGKILL
    assert successor.running
    successor.kill()


def test_a_note_about_a_process_that_is_another_one_now_harms_nobody(tmp_path: Path, run: Run) -> None:
    bystander = run(SLEEP)
    note = tmp_path / "old.pid"
    note.write_text(json.dumps([bystander.pid, time.time() - 86_400]))
    end_leftover(note)
    assert bystander.running
    assert not note.exists()


@pytest.mark.parametrize("content", ["", "not json", "[1]", json.dumps([2**22 + 1, 0.0])])
def test_a_broken_or_stale_note_is_removed(tmp_path: Path, content: str) -> None:
    note = tmp_path / "broken.pid"
    note.write_text(content)
    end_leftover(note)
    assert not note.exists()


def test_choose_port_prefers_the_given_one_and_avoids_a_taken_one() -> None:
    free = choose_port()
    assert free in PORTS
    assert choose_port(free) == free
    with socket.create_server(("127.0.0.1", free)):
        assert choose_port(free) != free


def test_a_port_that_another_process_took_is_not_the_childs(run: Run) -> None:
    port = choose_port()
    assert not port_is_taken(port)
    server = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('awake', flush=True)"
    child = run(f"{server}; time.sleep(60)")
    wait_for_line(child)
    assert child.listens_on(port) and port_is_taken(port)
    bystander = run(SLEEP)
    assert not bystander.listens_on(port)
    child.kill()
    assert not child.listens_on(port)


def test_a_child_runs_in_a_session_of_its_own(run: Run) -> None:
    child = run(SLEEP)
    assert child.pid is not None
    assert os.getsid(child.pid) == child.pid


def test_a_nice_child_leaves_the_processor_to_others(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; print(os.nice(0), flush=True)"]
    child = ChildProcess("nice", command, folder=tmp_path, log=tmp_path / "nice.log", niceness=3)
    child.start()
    while child.running:
        time.sleep(0.01)
    assert child.log_tail() == str(os.nice(0) + 3)
