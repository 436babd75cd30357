"""The supervision of one part of the stack: it is started again after it ended, and ended when it does not answer."""

from __future__ import annotations

import http.client
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bot.local.embedded import EmbeddedServerError
from engine.contract import MISCONFIGURED_EXIT_CODE

RESTART_DELAYS_S = (0.2, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""The pauses before a part is started again, one after another; the last one repeats."""
STEADY_S = 60.0
"""A part that has run for this time begins with the shortest pause again."""
PROBE_INTERVAL_S = 5.0
PROBE_TIMEOUT_S = 3.0
PROBE_MISSES_MAX = 12
"""A part that misses so many probes in a row, for more than a minute, is ended and started again."""
FIRST_ANSWER_S = 900.0
"""The time that a part may take until its first answer: a worker loads a model."""


class StackError(Exception):
    """The stack cannot start or continue; the message for the terminal says what happened, where to look and what to
    do."""


class Part(Protocol):
    """The interface of a process that the supervisor runs."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    @property
    def running(self) -> bool: ...
    @property
    def exit_code(self) -> int | None: ...
    def start(self) -> object: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class Audience(Protocol):
    """Receives the progress of the stack; see `bot.local.terminal`."""

    def doing(self, text: str) -> None: ...
    def done(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...


class SupervisedPart:
    """A part with the number of its recent restarts."""

    def __init__(self, part: Part, clock: Callable[[], float], answers: Callable[[], bool] | None = None) -> None:
        """`answers` asks the part whether it is alive; it returns within PROBE_TIMEOUT_S."""
        self.part = part
        self._clock = clock
        self._answers = answers
        self._restarts = 0
        self._begin()
        self._restart_at: float | None = None

    def _begin(self) -> None:
        self._started_at = self._probed_at = self._clock()
        self._has_answered = False
        self._misses = 0

    def tend(self, audience: Audience) -> None:
        """Start the part again if it ended and its pause is over; end it if it runs and does not answer.

        Raises StackError when it says that an operator has to act.
        """
        if self.part.running:
            self._probe(audience)
            return
        now = self._clock()
        if self._restart_at is None:
            if now - self._started_at > STEADY_S:
                self._restarts = 0
            how = describe_end(self.part.exit_code)
            if self.part.exit_code == MISCONFIGURED_EXIT_CODE:
                raise StackError(f"{last_line(self.part)} (log: {shown(self.part.log)})")
            self._restart_at = self._next_start()
            audience.warn(f"{self.part.name} ended {how}; starting it again (log: {shown(self.part.log)})")
        if self._restart_at is not None and now >= self._restart_at:
            self._restart_at = None
            self._begin()
            try:
                self.part.start()
            except (EmbeddedServerError, OSError) as error:
                self._restart_at = self._next_start()
                audience.warn(f"{self.part.name} could not be started, trying again: {error}")

    def _next_start(self) -> float:
        """The time at which the part may be started again; the pauses grow."""
        delay_s = RESTART_DELAYS_S[min(self._restarts, len(RESTART_DELAYS_S) - 1)]
        self._restarts += 1
        return self._clock() + delay_s

    def _probe(self, audience: Audience) -> None:
        now = self._clock()
        if self._answers is None or now - self._probed_at < PROBE_INTERVAL_S:
            return
        self._probed_at = now
        if self._answers():
            self._has_answered, self._misses = True, 0
            return
        if self._has_answered or now - self._started_at > FIRST_ANSWER_S:
            self._misses += 1
        if self._misses >= PROBE_MISSES_MAX:
            audience.warn(f"{self.part.name} runs and does not answer; ending it (log: {shown(self.part.log)})")
            self.part.kill()


def answers_at(url: str) -> bool:
    """Whether a GET is answered with 200 within PROBE_TIMEOUT_S. No proxy is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PROBE_TIMEOUT_S) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def describe_end(exit_code: int | None) -> str:
    """The end of a process, in words."""
    if exit_code is None:
        return "without an exit code"
    if exit_code < 0:
        return f"by signal {signal.Signals(-exit_code).name}"
    return f"with exit code {exit_code}"


def last_line(part: Part) -> str:
    """The last log line of a part that cannot run as configured: it names the remedy."""
    lines = part.log.read_text(errors="replace").split("\n") if part.log.exists() else []
    output = [line.strip() for line in lines if line.strip()]
    return output[-1] if output else f"{part.name} cannot run as configured and does not say why"


def last_words(part: Part, lines: int = 12) -> str:
    """The path of the part's log, and its last lines."""
    tail = part.log.read_text(errors="replace").splitlines()[-lines:] if part.log.exists() else []
    return "\n".join([f"The end of its log, {shown(part.log)}:", *(f"  {line}" for line in tail)])


def shown(path: Path) -> str:
    """A path relative to the current folder, if it lies below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
