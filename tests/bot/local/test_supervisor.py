"""The supervisor, with scripted parts and a scripted clock."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bot.local.children import FolderLock, choose_port
from bot.local.defaults import BOT_ID
from bot.local.embedded import EmbeddedServerError
from bot.local.environment import read_environment, read_token, worker_environment
from bot.local.parts import (
    FIRST_ANSWER_S,
    PROBE_INTERVAL_S,
    PROBE_MISSES_MAX,
    RESTART_DELAYS_S,
    STEADY_S,
    StackError,
    SupervisedPart,
    answers_at,
    describe_end,
    last_words,
)
from bot.local.supervisor import Stack
from engine.contract import MISCONFIGURED_EXIT_CODE


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class ScriptedPart:
    """A part that ends when the test says so."""

    name = "scripted"

    def __init__(self, log: Path) -> None:
        self.log = log
        self.running = True
        self.exit_code: int | None = None
        self.starts = 0

    def end(self, exit_code: int) -> None:
        self.running = False
        self.exit_code = exit_code

    def start(self) -> None:
        self.running = True
        self.starts += 1

    def stop(self) -> None:
        self.running = False

    def kill(self) -> None:
        self.running = False


class Listener:
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def doing(self, text: str) -> None:
        return None

    def done(self, text: str) -> None:
        return None

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def part(tmp_path: Path) -> ScriptedPart:
    return ScriptedPart(tmp_path / "scripted.log")


@pytest.fixture
def supervised(part: ScriptedPart, clock: Clock) -> SupervisedPart:
    return SupervisedPart(part, clock)


def crash_and_wait(supervised: SupervisedPart, part: ScriptedPart, clock: Clock, pauses_s: Sequence[float]) -> None:
    for pause_s in pauses_s:
        part.end(1)
        supervised.tend(Listener())
        clock.now += pause_s
        supervised.tend(Listener())


def test_a_part_that_runs_is_left_alone(supervised: SupervisedPart, part: ScriptedPart) -> None:
    supervised.tend(Listener())
    assert part.starts == 0


def test_a_crashed_part_starts_again_after_its_pause_and_not_before(
    supervised: SupervisedPart, part: ScriptedPart, clock: Clock
) -> None:
    listener = Listener()
    part.end(-9)
    supervised.tend(listener)
    assert part.starts == 0
    clock.now += RESTART_DELAYS_S[0]
    supervised.tend(listener)
    assert part.starts == 1
    assert len(listener.warnings) == 1
    assert "by signal SIGKILL; starting it again" in listener.warnings[0]


def test_a_part_that_crashes_again_and_again_is_started_for_ever_with_the_longest_pause(
    supervised: SupervisedPart, part: ScriptedPart, clock: Clock
) -> None:
    crash_and_wait(supervised, part, clock, [*RESTART_DELAYS_S, *[RESTART_DELAYS_S[-1]] * 20])
    assert part.starts == len(RESTART_DELAYS_S) + 20
    part.end(1)
    supervised.tend(Listener())
    clock.now += RESTART_DELAYS_S[-1] - 0.1
    supervised.tend(Listener())
    assert not part.running


def test_a_part_that_was_steady_begins_with_the_shortest_pause_again(
    supervised: SupervisedPart, part: ScriptedPart, clock: Clock
) -> None:
    crash_and_wait(supervised, part, clock, RESTART_DELAYS_S)
    clock.now += STEADY_S + 1
    crash_and_wait(supervised, part, clock, RESTART_DELAYS_S)
    assert part.starts == 2 * len(RESTART_DELAYS_S)


def test_a_part_that_cannot_be_started_is_tried_again(
    supervised: SupervisedPart, part: ScriptedPart, clock: Clock
) -> None:
    listener, start = Listener(), part.start

    def fail() -> None:
        raise EmbeddedServerError("no memory left")

    part.end(1)
    supervised.tend(listener)
    part.start = fail  # type: ignore[method-assign]
    clock.now += RESTART_DELAYS_S[0]
    supervised.tend(listener)
    assert listener.warnings[-1] == "scripted could not be started, trying again: no memory left"
    part.start = start  # type: ignore[method-assign]
    clock.now += RESTART_DELAYS_S[1]
    supervised.tend(listener)
    assert part.running


def tend_for(supervised: SupervisedPart, clock: Clock, seconds: float, listener: Listener) -> None:
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 1.0
        supervised.tend(listener)


def test_a_part_that_stops_answering_is_ended_and_started_again(part: ScriptedPart, clock: Clock) -> None:
    answers, listener = [True], Listener()
    supervised = SupervisedPart(part, clock, lambda: answers[-1])
    part.exit_code = -9
    tend_for(supervised, clock, 2 * PROBE_INTERVAL_S, listener)
    answers.append(False)
    tend_for(supervised, clock, (PROBE_MISSES_MAX - 1) * PROBE_INTERVAL_S, listener)
    assert (part.running, part.starts) == (True, 0), "a moment without an answer is no reason"
    answers.append(True)
    tend_for(supervised, clock, 2 * PROBE_INTERVAL_S, listener)
    answers.append(False)
    tend_for(supervised, clock, (PROBE_MISSES_MAX + 1) * PROBE_INTERVAL_S, listener)
    assert part.starts == 1
    assert "scripted runs and does not answer" in listener.warnings[0]


def test_a_part_may_take_its_time_before_the_first_answer(part: ScriptedPart, clock: Clock) -> None:
    supervised, listener = SupervisedPart(part, clock, lambda: False), Listener()
    tend_for(supervised, clock, FIRST_ANSWER_S, listener)
    assert (part.running, listener.warnings) == (True, [])
    tend_for(supervised, clock, (PROBE_MISSES_MAX + 1) * PROBE_INTERVAL_S, listener)
    assert "scripted runs and does not answer" in listener.warnings[0]


@pytest.mark.parametrize(("status", "alive"), [(200, True), (503, False)])
def test_a_probe_asks_over_http(status: int, alive: bool) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request).start()
        assert answers_at(f"http://127.0.0.1:{server.server_port}/healthz") is alive


def test_a_probe_of_a_closed_port_is_no_answer() -> None:
    assert not answers_at(f"http://127.0.0.1:{choose_port()}/healthz")


def test_a_part_that_cannot_run_as_configured_is_not_tried_again(
    supervised: SupervisedPart, part: ScriptedPart
) -> None:
    part.log.write_text("starting\nengine.worker: BOT_TOKEN is wrong: mend it\n\n")
    part.end(MISCONFIGURED_EXIT_CODE)
    with pytest.raises(StackError) as error:
        supervised.tend(Listener())
    assert part.starts == 0
    assert str(error.value) == f"engine.worker: BOT_TOKEN is wrong: mend it (log: {part.log})", "one line, no more"


def test_a_worker_gets_every_setting_of_the_engine_and_nothing_secret_of_the_bot() -> None:
    environment = {
        "ENGINE_BACKBONE": "sdxl", "ENGINE_ANYTHING_NEW": "x", "HF_HOME": "/models", "BROKER_URL": "redis://b",
        "PATH": "/bin", "https_proxy": "http://proxy", "BOT_TOKEN": "1:a", "DATABASE_URL": "postgresql://d",
        "ADMIN_IDS": "7", "POSTGRES_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k", "SSH_AUTH_SOCK": "/s",
    }  # fmt: skip
    assert worker_environment(environment) == {
        "ENGINE_BACKBONE": "sdxl", "ENGINE_ANYTHING_NEW": "x", "HF_HOME": "/models", "PATH": "/bin",
        "https_proxy": "http://proxy", "ENGINE_BROKER_URL": "redis://b",
    }  # fmt: skip


def test_the_token_of_the_local_chat_is_drawn_once_per_folder(tmp_path: Path) -> None:
    first, other = read_token(tmp_path / "one"), read_token(tmp_path / "two")
    assert first == read_token(tmp_path / "one") != other
    assert first.startswith(f"{BOT_ID}:")
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0


def test_the_state_folder_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    environment = {**os.environ, "DATABASE_URL": "postgresql://n@127.0.0.1:1/n", "BROKER_URL": "redis://127.0.0.1:1/0"}
    with pytest.raises(StackError, match="tables could not be brought up to date"):
        Stack(tmp_path, Listener(), environment).start()
    assert tmp_path.stat().st_mode & 0o076 == 0


def test_a_second_stack_in_the_same_folder_says_so_in_one_line(tmp_path: Path) -> None:
    owner = FolderLock(tmp_path)
    owner.acquire()
    with pytest.raises(StackError, match=f"^already running here as process {os.getpid()}: stop that one first"):
        Stack(tmp_path, Listener(), {}).start()
    owner.release()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_another_user_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StackError, match=r"cannot use .* is it another user's"):
        Stack(tmp_path / "state", Listener(), {}).start()


def test_stop_before_start_and_twice_does_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Listener(), {})
    stack.stop()
    stack.stop()


def test_a_database_that_does_not_answer_stops_the_start_with_the_reason(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none",
        "BROKER_URL": "redis://127.0.0.1:1/0",
    }
    stack = Stack(tmp_path, Listener(), environment)
    with pytest.raises(StackError, match=r"tables could not be brought up to date(.|\n)*migration.log"):
        stack.start()
    successor = FolderLock(tmp_path)
    successor.acquire()
    successor.release()


def test_the_environment_wins_over_the_file_and_empty_values_count_as_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("BOT_TOKEN=from-file\nADMIN_IDS=7\nBROKER_URL=\n")
    monkeypatch.setenv("BOT_TOKEN", "from-environment")
    monkeypatch.delenv("ADMIN_IDS", raising=False)
    monkeypatch.delenv("BROKER_URL", raising=False)
    environment = read_environment(file)
    assert environment["BOT_TOKEN"] == "from-environment"
    assert environment["ADMIN_IDS"] == "7"
    assert "BROKER_URL" not in environment


@pytest.mark.parametrize(
    ("exit_code", "words"), [(None, "without an exit code"), (3, "with exit code 3"), (-15, "by signal SIGTERM")]
)
def test_exit_codes_and_signals_are_described(exit_code: int | None, words: str) -> None:
    assert describe_end(exit_code) == words


def test_the_reason_of_an_end_is_the_end_of_the_log(part: ScriptedPart) -> None:
    part.log.write_text("\n".join(f"line {number}" for number in range(50)))
    assert "line 49" in last_words(part)
    assert "line 30" not in last_words(part)
