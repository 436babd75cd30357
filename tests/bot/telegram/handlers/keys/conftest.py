"""The conversations of the folder above, with a bot whose HTTP API is on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.translator import Translator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all conversations, since they share the servers."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def keys_database_url(make_database: Callable[[str], str]) -> str:
    return make_database("keys")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(keys_database_url: str, translator: Translator, open_stage: Callable[..., Any]) -> AsyncIterator[Any]:
    async with open_stage(keys_database_url, translator, api_listen="127.0.0.1:1") as stage:
        yield stage
