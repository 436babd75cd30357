"""Use cases of operators."""

from __future__ import annotations

from dataclasses import dataclass

from bot.admin_acts import Act
from bot.db import audit, service, usage
from bot.db.session import Sessions
from bot.usecases.ports import Signals


@dataclass(frozen=True)
class ReadUsage:
    """The usage over the last `days` days, one of `bot.db.usage.BUCKETS`."""

    sessions: Sessions
    alive_s: float

    async def __call__(self, days: int) -> usage.Usage:
        async with self.sessions() as session:
            return await usage.report(session, days, self.alive_s)


@dataclass(frozen=True)
class PauseService:
    """Pauses the service: workers get nothing new and finish what they have; requests are accepted and wait.

    `False` when it was paused already.
    """

    sessions: Sessions
    signals: Signals

    async def __call__(self, user_id: int) -> bool:
        async with self.sessions.begin() as session:
            paused = await service.pause(session, user_id)
            if paused:
                await audit.note(session, user_id, Act.PAUSE)
        self.signals.wake()
        return paused


@dataclass(frozen=True)
class ResumeService:
    """Ends the pause; `False` when there was none."""

    sessions: Sessions
    signals: Signals

    async def __call__(self, user_id: int) -> bool:
        async with self.sessions.begin() as session:
            resumed = await service.resume(session)
            if resumed:
                await audit.note(session, user_id, Act.RESUME)
        self.signals.wake()
        return resumed
