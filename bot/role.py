"""The role of this process: one of several bot processes leads; it polls and dispatches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Role:
    """Events for the parts that only the leader runs: exactly one of the two is set."""

    def __init__(self) -> None:
        self.leads = asyncio.Event()
        self.follows = asyncio.Event()
        self.follows.set()

    @classmethod
    def alone(cls) -> Role:
        """The role of a process that always leads."""
        role = cls()
        role.leads.set()
        role.follows.clear()
        return role

    @contextmanager
    def leading(self) -> Iterator[None]:
        """The process leads during the block."""
        self.follows.clear()
        self.leads.set()
        try:
            yield
        finally:
            self.leads.clear()
            self.follows.set()
