"""Use cases of callbacks to apps when their jobs have ended."""

from __future__ import annotations

from dataclasses import dataclass

from bot.db import app_jobs
from bot.db.session import Sessions
from bot.usecases.app_jobs import AppPictures, read_pictures

PAUSES_S = (10, 60, 300, 1800, 7200, 21600, 43200)
"""The pauses after each callback that was not confirmed; after the last one there is no further attempt."""
HOLD_S = 120
CALLS_PER_STEP = 20


@dataclass(frozen=True)
class TakeDueCalls:
    """The jobs with a callback that is due, reserved for this process for HOLD_S; `settle` each."""

    sessions: Sessions

    async def __call__(self) -> list[AppPictures]:
        async with self.sessions.begin() as session:
            due = await app_jobs.due_calls(session, HOLD_S, CALLS_PER_STEP)
            return await read_pictures(session, due)

    async def settle(self, call: AppPictures, *, confirmed: bool) -> bool:
        """Whether the call will be repeated."""
        tried = call.job.calls
        again_s = None if confirmed or tried > len(PAUSES_S) else PAUSES_S[tried - 1]
        async with self.sessions.begin() as session:
            await app_jobs.note_call(session, call.job.id, confirmed=confirmed, again_s=again_s)
        return again_s is not None
