"""Broadcasts: one message to many users, its recipients and its progress. Functions never commit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.admin_tables import AccessRule, Broadcast
from bot.db.session import execute
from bot.db.tables import User
from bot.domain import APP_USER_IDS_FROM


class BroadcastState(StrEnum):
    DRAFT = "draft"
    SENDING = "sending"
    STOPPED = "stopped"
    """An admin stopped it, and can resume it."""
    SENT = "sent"
    DISCARDED = "discarded"


class BroadcastOutcome(StrEnum):
    """The outcome of one message of a broadcast; each value is the name of the column that counts it."""

    DELIVERED = "delivered"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


ENDED = (BroadcastState.SENT, BroadcastState.DISCARDED)


@dataclass(frozen=True)
class Recipients:
    """The users who would get a message now, and those left out because they have blocked the bot."""

    recipients: int
    unreachable: int


async def add(session: AsyncSession, admin_id: int, html: str, photo_file_id: str | None) -> Broadcast:
    row = Broadcast(admin_id=admin_id, html=html, photo_file_id=photo_file_id, state=BroadcastState.DRAFT)
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def get(session: AsyncSession, broadcast_id: int) -> Broadcast | None:
    return await session.get(Broadcast, broadcast_id, populate_existing=True)


async def latest(session: AsyncSession) -> Broadcast | None:
    """The broadcast that admins see: the one that has not ended yet, else the one that was sent last."""
    order = (Broadcast.state.in_(ENDED), Broadcast.id.desc())
    statement = select(Broadcast).where(Broadcast.state != BroadcastState.DISCARDED).order_by(*order)
    return await session.scalar(statement.limit(1))


async def sending(session: AsyncSession) -> Broadcast | None:
    """The oldest broadcast in progress. Its row is locked until the end of the transaction."""
    statement = select(Broadcast).where(Broadcast.state == BroadcastState.SENDING).order_by(Broadcast.id).limit(1)
    return await session.scalar(statement.with_for_update(), execution_options={"populate_existing": True})


def _recipients(language: str | None) -> list[ColumnElement[bool]]:
    """A condition on users: they agreed to the terms in the chat and are not banned."""
    banned = select(AccessRule.digest).where(AccessRule.user_id == User.id, AccessRule.banned_at.is_not(None))
    conditions = [User.id < APP_USER_IDS_FROM, User.consent_version.is_not(None), ~banned.exists()]
    return conditions if language is None else [*conditions, User.language == language]


async def audience(session: AsyncSession, language: str | None) -> Recipients:
    reachable = User.blocked_at.is_(None)
    counts = select(func.count().filter(reachable), func.count().filter(~reachable)).select_from(User)
    return Recipients(*(await session.execute(counts.where(*_recipients(language)))).one())


async def move(session: AsyncSession, broadcast_id: int, target: BroadcastState, *sources: BroadcastState) -> bool:
    """Changes the state of a broadcast; `False` when its state does not allow the change. Its content is deleted when
    it ends."""
    statement = update(Broadcast).where(Broadcast.id == broadcast_id, Broadcast.state.in_(sources)).values(state=target)
    if target in ENDED:
        statement = statement.values(html=None, photo_file_id=None, ended_at=func.now())
    return await execute(session, statement) > 0


async def set_language(session: AsyncSession, broadcast_id: int, language: str | None) -> bool:
    """Sets the language of a draft; `False` for a broadcast that is no draft."""
    draft = update(Broadcast).where(Broadcast.id == broadcast_id, Broadcast.state == BroadcastState.DRAFT)
    return await execute(session, draft.values(language=language)) > 0


async def note_recipients(session: AsyncSession, broadcast_id: int, count: int) -> None:
    await session.execute(update(Broadcast).where(Broadcast.id == broadcast_id).values(recipients=count))


async def note_progress_message(session: AsyncSession, broadcast_id: int, message_id: int) -> None:
    await session.execute(update(Broadcast).where(Broadcast.id == broadcast_id).values(progress_message_id=message_id))


async def next_recipient(session: AsyncSession, broadcast: Broadcast) -> int | None:
    """The first recipient after the cursor; `None` after the last one."""
    statement = select(func.min(User.id)).where(*_recipients(broadcast.language), User.blocked_at.is_(None))
    if broadcast.cursor is not None:
        statement = statement.where(User.id > broadcast.cursor)
    return await session.scalar(statement)


async def hand_to(session: AsyncSession, broadcast_id: int, user_id: int) -> None:
    """Moves the cursor to this user before the message is sent, so that the user never gets it twice."""
    row = update(Broadcast).where(Broadcast.id == broadcast_id)
    await session.execute(row.values(cursor=user_id, handled=Broadcast.handled + 1))


async def note_outcome(session: AsyncSession, broadcast_id: int, outcome: BroadcastOutcome) -> None:
    column = getattr(Broadcast, outcome.value)
    await session.execute(update(Broadcast).where(Broadcast.id == broadcast_id).values({column: column + 1}))
