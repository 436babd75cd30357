"""Use cases of messages that come before consent: their texts and Telegram's ids of their photos wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from bot.db import held, users
from bot.db.session import Sessions
from bot.db.tables import HeldMessage

HELD_MAX = 10


class HoldResult(Enum):
    """The result of holding a message."""

    FIRST = auto()
    ANOTHER = auto()
    SAME_ALBUM = auto()
    FULL = auto()
    """The message is not held, because HELD_MAX messages are held already."""


@dataclass(frozen=True)
class HoldMessage:
    """Keep a message until its sender agrees to the terms. Raises UnknownUser."""

    sessions: Sessions

    async def __call__(self, message: HeldMessage) -> HoldResult:
        async with self.sessions.begin() as session:
            await users.lock(session, message.user_id)
            earlier = await held.of_user(session, message.user_id)
            if len(earlier) >= HELD_MAX and all(other.message_id != message.message_id for other in earlier):
                return HoldResult.FULL
            await held.add(session, message)
        if not earlier:
            return HoldResult.FIRST
        album = {other.album_id for other in earlier if other.album_id is not None}
        return HoldResult.SAME_ALBUM if message.album_id in album else HoldResult.ANOTHER


@dataclass(frozen=True)
class TakeHeld:
    """The messages held for a user, prompts and captions after the photos: they are drawn with all of them. `settle`
    each one when it is handled."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> list[HeldMessage]:
        async with self.sessions() as session:
            messages = await held.of_user(session, user_id)
        return sorted(messages, key=lambda message: (message.file_id is None, message.text is not None))

    async def settle(self, message: HeldMessage) -> None:
        async with self.sessions.begin() as session:
            await held.remove(session, message.user_id, message.message_id)
