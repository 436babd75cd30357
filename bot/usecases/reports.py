"""What an operator asks for."""

from __future__ import annotations

from dataclasses import dataclass

from bot.db import usage
from bot.db.session import Sessions


@dataclass(frozen=True)
class ReadUsage:
    """How the bot was used over the last `days` days, one of `bot.db.usage.BUCKETS`."""

    sessions: Sessions
    alive_s: float

    async def __call__(self, days: int) -> usage.Usage:
        async with self.sessions() as session:
            return await usage.report(session, days, self.alive_s)
