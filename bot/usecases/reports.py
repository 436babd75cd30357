"""Use cases of operators."""

from __future__ import annotations

from dataclasses import dataclass

from bot.db import usage
from bot.db.session import Sessions


@dataclass(frozen=True)
class ReadUsage:
    """The usage over the last `days` days, one of `bot.db.usage.BUCKETS`."""

    sessions: Sessions
    alive_s: float

    async def __call__(self, days: int) -> usage.Usage:
        async with self.sessions() as session:
            return await usage.report(session, days, self.alive_s)
