"""Ends the jobs of apps: a picture counts as delivered when it is stored for the app; no message is sent."""

from __future__ import annotations

from bot.db import app_jobs
from bot.db.session import Sessions


class AppResults:
    """One step of the dispatcher: settles the pictures and photos of apps that have ended."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def step(self) -> None:
        async with self._sessions.begin() as session:
            await app_jobs.settle(session)
            await app_jobs.settle_photos(session)
