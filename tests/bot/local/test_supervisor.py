"""The supervisor, with scripted parts and a scripted clock."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.local.children import FolderLock
from bot.local.supervisor import (
    RESTART_DELAYS_S,
    STEADY_S,
    KeptPart,
    Stack,
    StackError,
    describe_end,
    last_words,
    read_environment,
    worker_environment,
)
from engine.contract import MISCONFIGURED_EXIT_CODE


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class ScriptedPart:
    """A part that ends when told to."""

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
def kept(part: ScriptedPart, clock: Clock) -> KeptPart:
    return KeptPart(part, clock)


def crash_and_wait(kept: KeptPart, part: ScriptedPart, clock: Clock, pauses_s: Sequence[float]) -> None:
    for pause_s in pauses_s:
        part.end(1)
        kept.tend(Listener())
        clock.now += pause_s
        kept.tend(Listener())


def test_a_part_that_runs_is_left_alone(kept: KeptPart, part: ScriptedPart) -> None:
    kept.tend(Listener())
    assert part.starts == 0


def test_a_crashed_part_starts_again_after_its_pause_and_not_before(
    kept: KeptPart, part: ScriptedPart, clock: Clock
) -> None:
    listener = Listener()
    part.end(-9)
    kept.tend(listener)
    assert part.starts == 0
    clock.now += RESTART_DELAYS_S[0]
    kept.tend(listener)
    assert part.starts == 1
    assert len(listener.warnings) == 1
    assert "by signal SIGKILL; starting it again" in listener.warnings[0]


def test_a_part_that_crashes_again_and_again_ends_the_stack_with_its_last_words(
    kept: KeptPart, part: ScriptedPart, clock: Clock
) -> None:
    crash_and_wait(kept, part, clock, RESTART_DELAYS_S)
    part.log.write_text("first line\nthe reason\n")
    part.end(1)
    with pytest.raises(StackError, match=r"scripted ended with exit code 1 and stays down(.|\n)*the reason"):
        kept.tend(Listener())


def test_a_part_that_was_steady_has_all_its_restarts_again(kept: KeptPart, part: ScriptedPart, clock: Clock) -> None:
    crash_and_wait(kept, part, clock, RESTART_DELAYS_S)
    clock.now += STEADY_S + 1
    crash_and_wait(kept, part, clock, RESTART_DELAYS_S)
    assert part.starts == 2 * len(RESTART_DELAYS_S)


def test_a_part_that_cannot_run_as_configured_is_not_tried_again(kept: KeptPart, part: ScriptedPart) -> None:
    part.log.write_text("starting\nengine.worker: BOT_TOKEN is wrong: mend it\n\n")
    part.end(MISCONFIGURED_EXIT_CODE)
    with pytest.raises(StackError) as error:
        kept.tend(Listener())
    assert part.starts == 0
    assert str(error.value) == f"engine.worker: BOT_TOKEN is wrong: mend it (log: {part.log})", "one line, no more"


def test_a_worker_gets_every_setting_of_the_engine_and_nothing_secret_of_the_bot() -> None:
    environment = {
        "ENGINE_BACKBONE": "sdxl", "ENGINE_ANYTHING_NEW": "x", "HF_HOME": "/models", "BROKER_URL": "redis://b",
        "BOT_TOKEN": "1:a", "DATABASE_URL": "postgresql://d", "ADMIN_IDS": "7",
    }  # fmt: skip
    assert worker_environment(environment) == {
        "ENGINE_BACKBONE": "sdxl", "ENGINE_ANYTHING_NEW": "x", "HF_HOME": "/models", "BROKER_URL": "redis://b",
        "ENGINE_BROKER_URL": "redis://b",
    }  # fmt: skip


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
def test_ends_are_told_in_words(exit_code: int | None, words: str) -> None:
    assert describe_end(exit_code) == words


def test_last_words_are_the_end_of_the_log(part: ScriptedPart) -> None:
    part.log.write_text("\n".join(f"line {number}" for number in range(50)))
    assert "line 49" in last_words(part)
    assert "line 30" not in last_words(part)
