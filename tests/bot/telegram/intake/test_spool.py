"""A command does not wait behind more prompts than getUpdates returns, and a kill loses none of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.db.session import Sessions
from bot.telegram import intake, polling
from bot.telegram.spool import UpdateSpool
from tests.update_sources import count_spooled, hold_prompts


def prompt(user_id: int, text: str) -> dict[str, Any]:
    person = {"id": user_id, "first_name": "X"}
    return {
        "message_id": 1, "date": 1, "chat": {**person, "type": "private"}, "from": {**person, "is_bot": False},
        "text": text,
    }  # fmt: skip


async def is_empty(sessions: Sessions) -> bool:
    return await count_spooled(sessions) == 0


@pytest.fixture
def gate(stage: Any, sessions: Sessions) -> asyncio.Event:
    """Prompts wait until it is set."""
    return hold_prompts(stage, sessions)


async def crowd(stage: Any, size: int) -> list[str]:
    """Prompts of so many users, in order."""
    texts = [f"prompt {number}" for number in range(size)]
    for number, text in enumerate(texts):
        await stage.control.inject_update("message", prompt(2000 + number, text))
    return texts


async def test_help_behind_more_prompts_than_telegram_gives_at_once(
    stage: Any, sessions: Sessions, gate: asyncio.Event, eventually: Any
) -> None:
    texts = await crowd(stage, polling.WINDOW + 7)
    async with stage.polling():
        await stage.ben.send_text("/help")
        await eventually(lambda: stage.handled == ["/help"])
        assert await count_spooled(sessions) == polling.WINDOW
        gate.set()
        await eventually(lambda: len(stage.handled) == len(texts) + 1)
        await eventually(stage.nothing_pending)
        await eventually(lambda: is_empty(sessions))
    assert sorted(stage.handled) == sorted([*texts, "/help"]), "each once"


async def test_what_was_confirmed_and_killed_comes_again_once_before_all_that_is_new(
    stage: Any, sessions: Sessions, gate: asyncio.Event, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WINDOW", 3)
    texts = await crowd(stage, 4)
    async with stage.polling(kill=True):
        await stage.ben.send_text("/help")
        await eventually(lambda: stage.handled == ["/help"])
    assert await count_spooled(sessions) == 3
    stage.handled.clear()
    await stage.control.inject_update("message", prompt(2000, "later"))  # of the chat of the first prompt
    gate.set()
    async with stage.polling():
        await eventually(lambda: len(set(stage.handled) - {"/help"}) == 5)
        await eventually(lambda: is_empty(sessions))
        await eventually(stage.nothing_pending)
    handled = [text for text in stage.handled if text != "/help"]
    assert sorted(handled) == sorted([*texts, "later"])
    assert handled.index("later") > handled.index("prompt 0"), "the order of a chat stays"


async def test_a_kill_between_keeping_and_confirming_doubles_nothing(
    stage: Any, sessions: Sessions, gate: asyncio.Event, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram gives them again, and so does the database."""
    monkeypatch.setattr(polling, "WINDOW", 3)
    texts = await crowd(stage, 3)
    original = UpdateSpool.keep

    async def keep_and_die(spool: UpdateSpool, updates: Any) -> None:
        await original(spool, updates)
        await asyncio.Event().wait()

    monkeypatch.setattr("bot.telegram.spool.STORE_S", 600)
    monkeypatch.setattr(UpdateSpool, "keep", keep_and_die)
    async with stage.polling(kill=True):

        async def is_kept() -> bool:
            return await count_spooled(sessions) == 3

        await eventually(is_kept)
    assert await stage.control.pending_updates() == 3
    monkeypatch.setattr(UpdateSpool, "keep", original)
    gate.set()
    async with stage.polling():
        await eventually(stage.nothing_pending)
        await eventually(lambda: is_empty(sessions))
    assert sorted(stage.handled) == texts


async def test_while_the_database_cannot_keep_them_nothing_is_confirmed(
    stage: Any, sessions: Sessions, gate: asyncio.Event, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WINDOW", 3)
    monkeypatch.setattr(intake, "OUTAGE_PAUSE_S", 0.05)
    texts = await crowd(stage, 4)
    original, attempts = UpdateSpool.keep, 0

    async def fail(spool: UpdateSpool, updates: Any) -> None:
        nonlocal attempts
        attempts += 1
        raise ConnectionRefusedError("no database")

    monkeypatch.setattr(UpdateSpool, "keep", fail)
    async with stage.polling():
        await eventually(lambda: attempts > 2)
        assert await stage.control.pending_updates() == 4
        monkeypatch.setattr(UpdateSpool, "keep", original)
        await stage.ben.send_text("/help")
        await eventually(lambda: stage.handled == ["/help"])
        gate.set()
        await eventually(lambda: len(stage.handled) == len(texts) + 1)


async def test_only_so_many_are_kept_and_then_the_window_waits(
    stage: Any, sessions: Sessions, gate: asyncio.Event, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WINDOW", 3)
    monkeypatch.setattr(polling, "SPOOLED_MAX", 5)
    texts = await crowd(stage, 9)
    async with stage.polling():

        async def is_kept() -> bool:
            return await count_spooled(sessions) == 3

        await eventually(is_kept)
        await asyncio.sleep(1)
        assert (await count_spooled(sessions), await stage.control.pending_updates()) == (3, 6)
        gate.set()
        await eventually(lambda: sorted(stage.handled) == texts)
        await eventually(lambda: is_empty(sessions))


async def test_while_finished_ones_cannot_be_forgotten_telegram_is_asked_calmly(
    stage: Any, sessions: Sessions, gate: asyncio.Event, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WINDOW", 3)
    texts = await crowd(stage, 3)
    original = UpdateSpool.forget

    async def fail(spool: UpdateSpool, update_ids: Any) -> None:
        raise ConnectionRefusedError("no database")

    monkeypatch.setattr(UpdateSpool, "forget", fail)
    async with stage.polling():

        async def is_kept() -> bool:
            return await count_spooled(sessions) == 3

        await eventually(is_kept)
        gate.set()
        await eventually(lambda: sorted(stage.handled) == texts)
        await asyncio.sleep(0.5)
        before = len(await stage.control.calls("getUpdates"))
        await asyncio.sleep(2)
        assert len(await stage.control.calls("getUpdates")) - before <= 2 / polling.PAUSE_MAX_S + 2
        monkeypatch.setattr(UpdateSpool, "forget", original)
        await eventually(lambda: is_empty(sessions))
