"""Whether this process leads: one of several bot processes polls and dispatches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Role:
    """Whether this process leads, for the parts that only the leader runs: one of two events is set, never both."""

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
        """In this block the process leads."""
        self.follows.clear()
        self.leads.set()
        try:
            yield
        finally:
            self.leads.clear()
            self.follows.set()
