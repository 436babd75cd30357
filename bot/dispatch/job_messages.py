"""The messages about a job: each is sent once, and its id stored at once. Methods raise TelegramRefusal.

Between the sending and the commit the id is in memory only. A crash of the database does not lose it; a crash of this
process in that moment can leave a second text message ("in the queue", "ready, one moment"), never a second picture,
because the picture comes by an edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from bot.db import job_states, status_messages
from bot.db.session import Sessions
from bot.db.status_messages import MessageRole, PendingStatus
from bot.dispatch.status_messenger import StatusMessenger
from bot.dispatch.status_view import StatusView
from bot.telegram.refusals import ApiRefusal, MessageGone

UnstoredMessages = dict[tuple[UUID, MessageRole], int]
"""Messages sent whose ids the database may not have yet, because it went away in between."""


class JobMessages:
    """Sends, deletes and forgets messages about jobs. If the job's row is deleted meanwhile, the message is deleted
    too."""

    def __init__(self, sessions: Sessions, messenger: StatusMessenger, unstored: UnstoredMessages) -> None:
        self._sessions = sessions
        self._messenger = messenger
        self._unstored = unstored

    def is_unstored(self, job_id: UUID, role: MessageRole) -> bool:
        return (job_id, role) in self._unstored

    def keep_only(self, open_ids: set[UUID]) -> None:
        """Forgets the messages of all other jobs, which are closed."""
        for key in [key for key in self._unstored if key[0] not in open_ids]:
            del self._unstored[key]

    async def send(self, job: PendingStatus, role: MessageRole, view: StatusView) -> int | None:
        """The id of the job's message in this role, sent now unless it was sent before; `None` if the job's row was
        deleted meanwhile."""
        key = (job.job_id, role)
        message_id = self._unstored.get(key)
        if message_id is None:
            message_id = await self._messenger.send(job.chat_id, view, reply_to=job.request_message_id)
            self._unstored[key] = message_id
        async with self._sessions.begin() as session:
            stored = await status_messages.message_sent(session, job.job_id, role, message_id)
        self._unstored.pop(key, None)
        if stored:
            return message_id
        await self._messenger.delete(job.chat_id, message_id)
        return None

    async def forget(self, job_id: UUID, role: MessageRole) -> None:
        """Forgets a message that the user deleted."""
        self._unstored.pop((job_id, role), None)
        async with self._sessions.begin() as session:
            await status_messages.message_sent(session, job_id, role, None)

    async def close(self, job: PendingStatus, last_view: StatusView, others: Sequence[UUID] = ()) -> None:
        """Deletes the status message and closes the job and the others of its album. A message that is too old to be
        deleted shows `last_view` instead."""
        message_id = self._unstored.get((job.job_id, MessageRole.STATUS), job.message_id)
        if message_id is not None:
            await self._remove(job.chat_id, message_id, last_view)
        async with self._sessions.begin() as session:
            await job_states.close(session, job.job_id, *others)

    async def _remove(self, chat_id: int, message_id: int, last_view: StatusView) -> None:
        try:
            await self._messenger.delete(chat_id, message_id)
        except MessageGone:
            return
        except ApiRefusal:
            try:
                await self._messenger.edit(chat_id, message_id, last_view, has_photo=None)
            except (MessageGone, ApiRefusal):
                return
