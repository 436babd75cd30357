"""Ends the jobs of apps: a picture is delivered by being kept for the app, and no message is sent."""

from __future__ import annotations

from bot.db import app_jobs
from bot.db.session import Sessions


class AppResults:
    """One step: settle all that has ended."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def step(self) -> None:
        async with self._sessions.begin() as session:
            await app_jobs.settle(session)
            await app_jobs.settle_photos(session)
