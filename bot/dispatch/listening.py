"""For how long we have been hearing the workers without a gap: only then does silence mean anything."""

from __future__ import annotations

from collections.abc import Callable


class Listening:
    """Begins when the backlog is read, ends when the connection does. Read and written from two threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None

    def begin(self) -> None:
        if self._since is None:
            self._since = self._clock()

    def end(self) -> None:
        self._since = None

    @property
    def for_s(self) -> float:
        """Seconds without a gap; zero when not listening."""
        since = self._since
        return 0.0 if since is None else self._clock() - since
