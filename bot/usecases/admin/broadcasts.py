"""Use cases of broadcasts; `bot.broadcasting` sends them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.admin_acts import Act
from bot.db import audit, broadcasts
from bot.db.admin_tables import Broadcast
from bot.db.broadcasts import BroadcastState, Recipients
from bot.db.session import Sessions

UNFINISHED = (BroadcastState.SENDING, BroadcastState.STOPPED)


@dataclass(frozen=True)
class Broadcasts:
    sessions: Sessions

    async def latest(self) -> Broadcast | None:
        async with self.sessions() as session:
            return await broadcasts.latest(session)

    async def get(self, broadcast_id: int) -> Broadcast | None:
        async with self.sessions() as session:
            return await broadcasts.get(session, broadcast_id)

    async def write(self, admin_id: int, html: str, photo_file_id: str | None) -> Broadcast | None:
        """A draft, which replaces an earlier one; `None` while another broadcast is not finished."""
        async with self.sessions.begin() as session:
            earlier = await broadcasts.latest(session)
            if earlier is not None and earlier.state in UNFINISHED:
                return None
            if earlier is not None:
                await broadcasts.move(session, earlier.id, BroadcastState.DISCARDED, BroadcastState.DRAFT)
            row = await broadcasts.add(session, admin_id, html, photo_file_id)
            await audit.note(session, admin_id, Act.BROADCAST_WRITE, subject=row.id)
            return row

    async def audience(self, language: str | None) -> Recipients:
        async with self.sessions() as session:
            return await broadcasts.audience(session, language)

    async def set_language(self, broadcast_id: int, language: str | None) -> bool:
        """Sets the language of a draft; `False` for a broadcast that is no draft."""
        async with self.sessions.begin() as session:
            return await broadcasts.set_language(session, broadcast_id, language)

    async def start(self, admin_id: int, broadcast_id: int, progress_message_id: int | None) -> bool:
        """Send a draft, or go on with a stopped one; `False` when it is neither."""
        async with self.sessions.begin() as session:
            row = await broadcasts.get(session, broadcast_id)
            if row is None:
                return False
            first = row.state == BroadcastState.DRAFT
            target, sources = BroadcastState.SENDING, (BroadcastState.DRAFT, BroadcastState.STOPPED)
            if not await broadcasts.move(session, broadcast_id, target, *sources):
                return False
            if first:
                audience = await broadcasts.audience(session, row.language)
                await broadcasts.note_recipients(session, broadcast_id, audience.recipients)
            if progress_message_id is not None and row.admin_id == admin_id:
                await broadcasts.note_progress_message(session, broadcast_id, progress_message_id)
            await audit.note(session, admin_id, Act.BROADCAST_START, subject=broadcast_id)
        return True

    async def stop(self, admin_id: int, broadcast_id: int) -> bool:
        return await self._move(
            admin_id, broadcast_id, Act.BROADCAST_STOP, BroadcastState.STOPPED, BroadcastState.SENDING
        )

    async def discard(self, admin_id: int, broadcast_id: int) -> bool:
        sources = (BroadcastState.DRAFT, BroadcastState.STOPPED)
        return await self._move(admin_id, broadcast_id, Act.BROADCAST_DISCARD, BroadcastState.DISCARDED, *sources)

    async def _move(
        self, admin_id: int, broadcast_id: int, act: Act, target: BroadcastState, *sources: BroadcastState
    ) -> bool:
        async with self.sessions.begin() as session:
            moved = await broadcasts.move(session, broadcast_id, target, *sources)
            if moved:
                await audit.note(session, admin_id, act, subject=broadcast_id)
        return moved
