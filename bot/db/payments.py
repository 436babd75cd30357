"""Payments in Stars, with the ledger's entries about them. Functions never commit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.credits import EntryKind
from bot.db import ledger
from bot.db.session import execute
from bot.db.tables import Payment, User


async def record(session: AsyncSession, user_id: int, charge_id: str, stars: int, credits_: int) -> bool:
    """Stores a payment and gives the locked buyer the credits; `False` when the charge is stored already."""
    values = {"charge_id": charge_id, "user_id": user_id, "stars": stars, "credits": credits_}
    if not await execute(session, insert(Payment).values(values).on_conflict_do_nothing()):
        return False
    if credits_:
        await ledger.book(
            session, user_id=user_id, key=f"purchase:{charge_id}", kind=EntryKind.PURCHASE, amount=credits_,
            charge_id=charge_id,
        )  # fmt: skip
    return True


async def get(session: AsyncSession, charge_id: str) -> Payment | None:
    return await session.get(Payment, charge_id, populate_existing=True)


async def refund(session: AsyncSession, charge_id: str, admin_id: int | None) -> bool:
    """Records that the Stars of a payment were returned, and takes the buyer's credits as far as they are unspent.
    `False` when that is booked already, or no such payment exists."""
    payment = await get(session, charge_id)
    if payment is None:
        return False
    if payment.user_id is not None:  # the user first, as in a deletion
        await session.scalar(select(User.id).where(User.id == payment.user_id).with_for_update())
    first = update(Payment).where(Payment.charge_id == charge_id, Payment.refunded_at.is_(None))
    if not await execute(session, first.values(refunded_at=func.now())):
        return False
    await session.refresh(payment)
    if payment.user_id is not None:
        day = await ledger.today(session)
        await ledger.reconcile(session, day, payment.user_id)
        now = await ledger.balance(session, payment.user_id, day)
        await ledger.book(
            session, user_id=payment.user_id, key=f"refund:{charge_id}", kind=EntryKind.REFUND,
            amount=-min(payment.credits, now.lasting), charge_id=charge_id, admin_id=admin_id,
        )  # fmt: skip
    return True


async def latest(session: AsyncSession, user_id: int, limit: int) -> Sequence[Payment]:
    """The user's payments, newest first."""
    statement = select(Payment).where(Payment.user_id == user_id).order_by(Payment.paid_at.desc(), Payment.charge_id)
    return (await session.scalars(statement.limit(limit))).all()
