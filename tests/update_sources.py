"""Helpers for tests of polling and of the webhook: a source of updates, waiting prompts, the spool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import func, select

from bot.db.service_tables import SpooledUpdate
from bot.db.session import Sessions
from bot.telegram.polling import Polling
from bot.telegram.spool import UpdateSpool
from bot.telegram.webhook import Webhook


@asynccontextmanager
async def running(source: Polling | Webhook, *, kill: bool = False) -> AsyncIterator[asyncio.Event]:
    """The source runs, and ends in order or, with `kill`, at once. The event stops it earlier."""
    stop = asyncio.Event()
    task = asyncio.create_task(source.run(stop))
    try:
        yield stop
    finally:
        if kill:
            task.cancel()
            await asyncio.wait([task])
        else:
            stop.set()
            await task


def hold_prompts(stage: Any, sessions: Sessions) -> asyncio.Event:
    """Prompts of the stage wait until the event is set, commands do not; the database may keep them."""
    gate = asyncio.Event()

    async def work(text: str) -> None:
        if not text.startswith("/"):
            await gate.wait()
        await stage.note(text)

    stage.handle, stage.spool = work, UpdateSpool(sessions)
    return gate


async def count_spooled(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(SpooledUpdate)) or 0
