"""Invitations of new users, and the credits that both sides get for one. Functions never commit."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.credits import EntryKind
from bot.db import ledger
from bot.db.session import execute
from bot.db.tables import CreditEntry, User

NEW_FOR = timedelta(days=1)
"""A user who has not agreed to the terms counts as new for this time after their first message."""


async def code_of(session: AsyncSession, user_id: int, fresh_code: str) -> str:
    """The user's invitation code; `fresh_code` becomes the code of a user without one."""
    statement = update(User).where(User.id == user_id, User.invitation_code.is_(None))
    await session.execute(statement.values(invitation_code=fresh_code))
    code: str = (await session.scalars(select(User.invitation_code).where(User.id == user_id))).one() or ""
    return code


async def note(session: AsyncSession, user_id: int, code: str) -> bool:
    """Records who invited a user; `False` for a user that is not new, has another inviter, or invited the inviter.

    A repeated invitation changes nothing.
    """
    inviter = await session.scalar(select(User).where(User.invitation_code == code))
    if inviter is None or inviter.id == user_id or inviter.invited_by == user_id:
        return False
    new = User.consent_version.is_(None) & (User.created_at > func.now() - NEW_FOR)
    free = User.invited_by.is_(None) | (User.invited_by == inviter.id)
    statement = update(User).where(User.id == user_id, new, free).values(invited_by=inviter.id)
    return await execute(session, statement) > 0


async def due(session: AsyncSession, limit: int) -> list[int]:
    """Invited users who have received a first picture."""
    settled = select(CreditEntry.id).where(CreditEntry.user_id == User.id, CreditEntry.kind == EntryKind.SETTLE)
    invited = select(User.id).where(User.invited_by.is_not(None), settled.exists())
    return list(await session.scalars(invited.order_by(User.id).limit(limit)))


async def pay(session: AsyncSession, user_id: int, credits_: int) -> list[User]:
    """Gives an invited user and the inviter their credits, once. Returns both users, or an empty list when there is
    nothing to pay.

    The link between the two users is deleted.
    """
    inviter_id = select(User.invited_by).where(User.id == user_id).scalar_subquery()
    pair = select(User).where((User.id == user_id) | (User.id == inviter_id)).order_by(User.id).with_for_update()
    users = {user.id: user for user in await session.scalars(pair, execution_options={"populate_existing": True})}
    invited = users.get(user_id)
    inviter = users.get(invited.invited_by) if invited is not None and invited.invited_by is not None else None
    if invited is None or inviter is None:
        return []
    event = uuid4()
    if credits_:
        for user in (invited, inviter):
            side = "invited" if user is invited else "inviter"
            await ledger.book(
                session, user_id=user.id, key=f"referral:{event}:{side}", kind=EntryKind.REFERRAL, amount=credits_
            )  # fmt: skip
    invited.invited_by = None
    return [invited, inviter]
