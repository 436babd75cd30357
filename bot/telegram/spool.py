"""Keeps unfinished updates in the database, so that they may be confirmed to Telegram, which then gives later ones."""

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
"""For one access to the database."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class UpdateSpool:
    """Every method raises what the database raises; what was kept is on its disk when `keep` returns.

    A claim says that a process handles an update, for so many seconds; the process that polls needs none.
    """

    sessions: Sessions

    async def keep(self, updates: Mapping[int, RawUpdate], claim_s: float = 0.0) -> None:
        """By update id."""
        async with self.sessions.begin() as session:
            await spool.add(session, {update_id: json.dumps(raw) for update_id, raw in updates.items()}, claim_s)

    async def forget(self, update_ids: Collection[int]) -> None:
        """They are finished."""
        async with self.sessions.begin() as session:
            await spool.remove(session, update_ids)

    async def load(self) -> list[RawUpdate]:
        """Those kept and not forgotten, in the order in which they came."""
        async with self.sessions() as session:
            return [json.loads(content) for content in await spool.contents(session)]

    async def claim(self, update_ids: Collection[int], claim_s: float) -> None:
        """Claim them from now on; 0 gives the claim up."""
        async with self.sessions.begin() as session:
            await spool.claim(session, update_ids, claim_s)

    async def claim_abandoned(self, claim_s: float, limit: int) -> list[RawUpdate]:
        """Those that no process claims, claimed now, in the order in which they came."""
        async with self.sessions.begin() as session:
            return [json.loads(content) for content in await spool.claim_abandoned(session, claim_s, limit)]


async def stored(answer: Awaitable[Answer]) -> Answer | None:
    """`None` while the database is away; an update that it will never take is no reason to stop either."""
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
