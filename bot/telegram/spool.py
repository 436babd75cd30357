"""Keeps unfinished updates in the database, so that they may be confirmed to Telegram, which then gives later ones."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.db import spool
from bot.db.session import Sessions
from bot.telegram.updates import RawUpdate


@dataclass(frozen=True)
class UpdateSpool:
    """Every method raises what the database raises; what was kept is on its disk when `keep` returns."""

    sessions: Sessions

    async def keep(self, updates: Mapping[int, RawUpdate]) -> None:
        """By update id."""
        async with self.sessions.begin() as session:
            await spool.add(session, {update_id: json.dumps(raw) for update_id, raw in updates.items()})

    async def forget(self, update_ids: Collection[int]) -> None:
        """They are finished."""
        async with self.sessions.begin() as session:
            await spool.remove(session, update_ids)

    async def load(self) -> list[RawUpdate]:
        """Those kept and not forgotten, in the order in which they came."""
        async with self.sessions() as session:
            return [json.loads(content) for content in await spool.contents(session)]
