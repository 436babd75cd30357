"""Stores unfinished updates in the database, so that they may be confirmed to Telegram, which then sends later ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

import structlog

from bot.db import spool
from bot.db.session import Sessions, is_outage
from bot.telegram.updates import RawUpdate

Answer = TypeVar("Answer")
SPOOLED_MAX = 5_000
"""Updates in the database that one process handles: an update takes some 20 kB of memory. Beyond, later ones wait."""
STORE_S = 2.0
"""The timeout of one access to the database."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class UpdateSpool:
    """Unfinished updates in the database. Every method raises the database's errors; when `keep` returns, the updates
    are on its disk.

    A claim says that a process handles an update, for so many seconds; the process that polls needs none.
    """

    sessions: Sessions

    async def keep(self, updates: Mapping[int, RawUpdate], claim_s: float = 0.0) -> None:
        """Stores updates by update id."""
        async with self.sessions.begin() as session:
            await spool.add(session, {update_id: json.dumps(raw) for update_id, raw in updates.items()}, claim_s)

    async def forget(self, update_ids: Collection[int]) -> None:
        """Deletes updates that are finished."""
        async with self.sessions.begin() as session:
            await spool.remove(session, update_ids)

    async def load(self) -> list[RawUpdate]:
        """The stored updates, in the order of arrival."""
        async with self.sessions() as session:
            return [json.loads(content) for content in await spool.contents(session)]

    async def claim(self, update_ids: Collection[int], claim_s: float) -> None:
        """Claims updates from now on; 0 ends the claims."""
        async with self.sessions.begin() as session:
            await spool.claim(session, update_ids, claim_s)

    async def claim_abandoned(self, claim_s: float, limit: int) -> list[RawUpdate]:
        """Claims the updates that no process claims; returns them in the order of arrival."""
        async with self.sessions.begin() as session:
            return [json.loads(content) for content in await spool.claim_abandoned(session, claim_s, limit)]


async def stored(answer: Awaitable[Answer]) -> Answer | None:
    """The answer of the database; `None` while it is unreachable. Any other error is logged and gives `None` too, since
    one update that cannot be stored must not stop the others."""
    try:
        async with asyncio.timeout(STORE_S):
            return await answer
    except Exception as error:
        if is_outage(error) or isinstance(error, TimeoutError):
            _log.warning("the database is away, unfinished updates wait")
        else:
            _log.exception("updates cannot be kept in the database")
        return None


async def true_after(work: Awaitable[None]) -> bool:
    await work
    return True
