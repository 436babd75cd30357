"""Words that came before a photo was accepted: kept with the user, drawn as soon as one is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import jobs, references, users
from bot.db.session import Sessions
from bot.db.tables import Job, User
from bot.domain import ReferenceState
from bot.errors import TooManyOpenJobs
from bot.styles import NO_STYLE
from bot.usecases.ports import DrawSeed, Signals
from bot.usecases.preferences import wished_by


def message_key(chat_id: int, message_id: int) -> str:
    """The idempotency key of the job that a message asks for."""
    return f"message:{chat_id}:{message_id}"


async def keep_draft(session: AsyncSession, user: User, chat_id: int, message_id: int, words: str) -> None:
    """Keep the words of a message, unless they have become a job already. `user` is locked."""
    key = message_key(chat_id, message_id)
    if await session.scalar(select(Job.id).where(Job.idempotency_key == key)) is None:
        user.draft, user.draft_key = words, key


@dataclass(frozen=True)
class DrawnDraft:
    """What became of waiting words: `submitted`, or given back because too many pictures are in work (`limit`)."""

    words: str
    style: str
    submitted: bool
    limit: int = 0


@dataclass(frozen=True)
class DrawDraft:
    """Ask for the picture that the waiting words describe; `None` when no words wait or no photo is accepted.

    Raises UnknownUser.
    """

    sessions: Sessions
    signals: Signals
    draw_seed: DrawSeed
    open_jobs_max: int

    async def __call__(self, user_id: int, chat_id: int) -> DrawnDraft | None:
        async with self.sessions.begin() as session:
            user = await users.lock(session, user_id)
            photos = await references.ids(session, user_id, ReferenceState.ACCEPTED)
            if user.draft is None or user.draft_key is None or not photos:
                return None
            words, key, style = user.draft, user.draft_key, user.style or NO_STYLE
            user.draft = user.draft_key = None
            try:
                await jobs.submit(
                    session,
                    user_id=user_id,
                    chat_id=chat_id,
                    idempotency_key=key,
                    reference_ids=photos,
                    style=style,
                    prompt=words,
                    **await wished_by(session, user),
                    seed=self.draw_seed(),
                    open_jobs_max=self.open_jobs_max,
                )
            except TooManyOpenJobs:
                return DrawnDraft(words, style, submitted=False, limit=self.open_jobs_max)
        self.signals.wake()
        return DrawnDraft(words, style, submitted=True)
