"""A whole stack for tests: real servers, real processes, a slow backbone in place of a model, short leases."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.local.children import choose_port
from bot.local.supervisor import Stack, kept_up

QUICK = {
    "ENGINE_BACKBONE": "slow_backbone:load",
    "ENGINE_SLOW_STEP_S": "0.3",
    "ENGINE_SLOW_BATCH_MAX": "2",
    "PYTHONPATH": str(Path(__file__).parent),
    "LEASE_S": "4",
    "HANDOUT_S": "5",
    "ALIVE_S": "5",
    "TICK_S": "0.25",
    "EDIT_INTERVAL_S": "0.3",
}


class Record:
    """An audience that remembers."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def doing(self, text: str) -> None:
        return None

    def done(self, text: str) -> None:
        return None

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture(scope="session")
def quick_environment() -> dict[str, str]:
    """The environment of a local stack with the slow backbone: nothing of the machine's own settings but the paths."""
    environment = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
    return environment | QUICK


@pytest.fixture(scope="session")
def stack(quick_environment: dict[str, str]) -> Iterator[Stack]:
    """One running stack for all tests; each test leaves it intact."""
    with TemporaryDirectory(prefix="bolid-test-", ignore_cleanup_errors=True) as folder:
        stack = Stack(Path(folder), Record(), quick_environment, chat_port=choose_port())
        with kept_up(stack):
            yield stack


@pytest.fixture
async def tending(stack: Stack) -> AsyncIterator[None]:
    """Restarts what crashes during a test, as `make run` does."""

    async def tend() -> None:
        while True:
            stack.tend()
            await asyncio.sleep(0.1)

    tender = asyncio.create_task(tend())
    yield
    if tender.done():
        await tender
    tender.cancel()
    with suppress(asyncio.CancelledError):
        await tender
