"""The limits of the HTTP API, which all of its processes share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from bot.db import app_limits
from bot.db.session import Sessions

STREAMS_MAX = 20
"""The largest number of open streams of one key."""
STREAM_LEASE = timedelta(seconds=60)
"""Seconds for which a stream counts as open after its process has died."""
STREAM_RENEWAL_S = 20.0


@dataclass(frozen=True)
class ApiLimits:
    sessions: Sessions

    async def take(self, name: str, per_minute: int) -> float:
        """Takes one request from the allowance of `name`; 0, or the seconds to wait where none is left."""
        async with self.sessions.begin() as session:
            return await app_limits.take(session, name, per_minute)

    async def open_stream(self, key_id: str) -> UUID | None:
        """Opens a stream, which `keep_stream` must renew every STREAM_RENEWAL_S; `None` where the key has STREAMS_MAX
        open."""
        async with self.sessions.begin() as session:
            return await app_limits.open_stream(session, key_id, STREAMS_MAX, STREAM_LEASE)

    async def keep_stream(self, stream_id: UUID, key_id: str) -> None:
        async with self.sessions.begin() as session:
            await app_limits.keep_stream(session, stream_id, key_id, STREAM_LEASE)

    async def close_stream(self, stream_id: UUID) -> None:
        async with self.sessions.begin() as session:
            await app_limits.close_stream(session, stream_id)
