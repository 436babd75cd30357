"""The cost of an update before its answer: round trips to the database, and no thread."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Router
from sqlalchemy import event

from bot.db.address import AnsweredConnection

THREADS_MAX = 32
"""Of asyncio's default pool."""


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Notes every statement and every BEGIN, COMMIT, ROLLBACK and ping while the examining of photos stands still, on
    connections that the bot's pool hands out meanwhile: an earlier transaction may still end."""

    @asynccontextmanager
    async def noting(chat: Any) -> AsyncIterator[list[str]]:
        noted: list[str] = []
        handed_out: set[int] = set()
        execute, fetchrow = AnsweredConnection.execute, AnsweredConnection.fetchrow

        def note_statement(*arguments: Any) -> None:
            noted.append(arguments[2])

        def note_checkout(connection: Any, record: Any, proxy: Any) -> None:
            handed_out.add(id(record.driver_connection))

        async def note_control(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
            if id(self) in handed_out:
                noted.append(query)
            return await execute(self, query, *arguments, **options)

        async def note_ping(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
            if id(self) in handed_out:
                noted.append(query)
            return await fetchrow(self, query, *arguments, **options)

        pool = chat.sessions.kw["bind"].sync_engine
        async with chat.stage.quiet:
            await chat.user(chat.anna)  # the connection has just been used
            with monkeypatch.context() as patch:
                patch.setattr(AnsweredConnection, "execute", note_control)
                patch.setattr(AnsweredConnection, "fetchrow", note_ping)
                event.listen(pool, "before_cursor_execute", note_statement)
                event.listen(pool, "checkout", note_checkout)
                try:
                    yield noted
                finally:
                    event.remove(pool, "before_cursor_execute", note_statement)
                    event.remove(pool, "checkout", note_checkout)

    return noting


async def test_help_takes_one_round_trip(chat: Any, says: Any, round_trips: Any) -> None:
    await chat.grant(chat.anna)
    async with round_trips(chat) as noted:
        await chat.anna.send_text("/help")
        await chat.anna.wait_for(says("/photos"))
    assert [statement.split()[0] for statement in noted] == ["INSERT"]


async def test_a_prompt_takes_nine_round_trips(chat: Any, round_trips: Any) -> None:
    """The user's row, the rules of access, and a transaction: user, photos, user again, limits, job."""
    await chat.grant(chat.anna, photos=3, style="none")
    async with round_trips(chat) as noted:
        await chat.anna.send_text("in a garden")
        await chat.settled()
    kinds = Counter(statement.split()[0].strip(";") for statement in noted)
    assert kinds == {"INSERT": 2, "SELECT": 5, "BEGIN": 1, "COMMIT": 1}
    assert len((await chat.job()).reference_ids) == 3


async def test_no_filter_runs_in_a_thread(chat: Any) -> None:
    def filters(router: Router) -> list[Any]:
        handlers = [each for observer in router.observers.values() for each in (observer._handler, *observer.handlers)]
        return [each for handler in handlers for each in handler.filters or ()]

    found = [each for router in chat.dispatcher.chain_tail for each in filters(router)]
    assert len(found) > 100 and all(each.awaitable for each in found)


async def test_a_prompt_and_help_are_answered_while_every_thread_is_busy(chat: Any, says: Any) -> None:
    await chat.grant(chat.anna)
    released = threading.Event()
    loop = asyncio.get_running_loop()
    busy = [loop.run_in_executor(None, released.wait) for _ in range(THREADS_MAX)]
    try:
        await chat.anna.send_text("in a garden")
        await chat.job()
        await chat.anna.send_text("/help")
        await chat.anna.wait_for(says("/photos"))
    finally:
        released.set()
        await asyncio.gather(*busy)
