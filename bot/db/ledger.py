"""The ledger of credits: every entry is booked here, once per event. Functions never commit.

An entry of a job follows the job's state: `reserve` books the price with the job itself, and `reconcile` books the rest
from the state in which the job has ended (`bot.domain.MOVES`; an ended job never moves again). So nothing has to be
done at the moment of the end, and a process that is killed there leaves nothing reserved. Every balance is read after
a reconciliation of its user. A job that is gone counts as one without a picture: reconcile its user before deleting
the row of a single job.

All that books or reads a balance holds the lock on the user's row (`users.lock`): two spendings at once cannot both
take the last credit, and a foreign key's check that waits for that lock cannot meet a transaction that waits for a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.credits import PICTURE_PRICE, CreditTerms, EntryKind
from bot.db import departures
from bot.db.session import database_time, execute
from bot.db.tables import CreditEntry, Job, User
from bot.domain import OPEN_STATES, JobState
from bot.errors import NotEnoughCredits

_reserve = aliased(CreditEntry)
_end = aliased(CreditEntry)


@dataclass(frozen=True)
class Balance:
    """The credits that can be spent now, and those reserved for pictures in progress."""

    free: int
    """The credits left of today's free quota."""
    lasting: int
    reserved: int


async def today(session: AsyncSession) -> date:
    """The date in UTC, by the clock of the database."""
    return (await database_time(session)).astimezone(UTC).date()


async def book(session: AsyncSession, *, user_id: int, key: str, kind: EntryKind, amount: int, **facts: Any) -> bool:
    """Adds an entry; `False` when the event of this key is booked already. The user is locked."""
    values = {"user_id": user_id, "key": key, "kind": kind, "amount": amount, **facts}
    return await execute(session, insert(CreditEntry).values(values).on_conflict_do_nothing()) > 0


async def current_balance(session: AsyncSession, user_id: int, terms: CreditTerms, day: date) -> Balance:
    """The balance after a reconciliation, with the free pictures of the day. The user is locked."""
    await reconcile(session, day, user_id)
    await open_day(session, user_id, terms, day)
    return await balance(session, user_id, day)


async def balance(session: AsyncSession, user_id: int, day: date) -> Balance:
    """The balance as booked so far, without a reconciliation."""
    amounts = select(
        func.coalesce(func.sum(CreditEntry.amount).filter(CreditEntry.day == day), 0),
        func.coalesce(func.sum(CreditEntry.amount).filter(CreditEntry.day.is_(None)), 0),
    )
    free, lasting = (await session.execute(amounts.where(CreditEntry.user_id == user_id))).one()
    open_reserves = select(func.coalesce(-func.sum(_reserve.amount), 0)).where(_is_open(), _reserve.user_id == user_id)
    return Balance(free, lasting, await session.scalar(open_reserves) or 0)


async def open_day(session: AsyncSession, user_id: int, terms: CreditTerms, day: date) -> None:
    """Grants the free pictures of a day, minus those used on that day before the user deleted everything and came
    back."""
    key = f"daily:{user_id}:{day}"
    if await session.scalar(select(CreditEntry.id).where(CreditEntry.key == key)) is not None:
        return
    departure = await departures.find(session, terms.pseudonym(user_id))
    used = departure.free_used if departure is not None and departure.left_on == day else 0
    amount = max(0, terms.free_per_day - used)
    await book(session, user_id=user_id, key=key, kind=EntryKind.GRANT, amount=amount, day=day)


async def reserve(session: AsyncSession, user_id: int, job_id: UUID, terms: CreditTerms, day: date) -> None:
    """Takes the price of a picture from today's free quota, else from the lasting credits. The user is locked.

    Raises NotEnoughCredits.
    """
    now = await current_balance(session, user_id, terms, day)
    if now.free >= PICTURE_PRICE:
        bucket: date | None = day
    elif now.lasting >= PICTURE_PRICE:
        bucket = None
    else:
        raise NotEnoughCredits
    await book(
        session, user_id=user_id, key=f"reserve:{job_id}", kind=EntryKind.RESERVE, amount=-PICTURE_PRICE, day=bucket,
        job_id=job_id,
    )  # fmt: skip


async def reconcile(session: AsyncSession, day: date, user_id: int) -> int:
    """Settles the reserves of a user's delivered pictures and releases those of pictures that will never be delivered;
    returns the number of entries.

    A release goes back to the free quota of `day`: the day of its reserve may be over.
    """
    delivered = Job.state == JobState.DELIVERED
    ends = (
        select(
            _reserve.user_id,
            func.concat("end:", _reserve.job_id),
            case((delivered, EntryKind.SETTLE.value), else_=EntryKind.RELEASE.value),
            case((delivered, 0), else_=-_reserve.amount),
            case((delivered, _reserve.day), (_reserve.day.is_not(None), literal(day)), else_=None),
            _reserve.job_id,
        )
        .outerjoin(Job, Job.id == _reserve.job_id)
        .where(_is_open(), _is_over(), _reserve.user_id == user_id)
    )
    columns = ["user_id", "key", "kind", "amount", "day", "job_id"]
    return await execute(session, insert(CreditEntry).from_select(columns, ends).on_conflict_do_nothing())


async def users_to_reconcile(session: AsyncSession, limit: int) -> list[int]:
    """Users with reserves of jobs that have ended, with their rows locked; users whom another transaction has locked
    are left out."""
    statement = select(_reserve.user_id).outerjoin(Job, Job.id == _reserve.job_id).where(_is_open(), _is_over())
    found = list(await session.scalars(statement.distinct().limit(limit)))
    if not found:
        return []
    users = select(User.id).where(User.id.in_(found)).order_by(User.id)
    return list(await session.scalars(users.with_for_update(key_share=True, skip_locked=True)))


def lasting_credits() -> ColumnElement[bool]:
    """A condition on users: they have credits that do not expire with a day, reserved ones included."""
    lasting = select(func.coalesce(func.sum(CreditEntry.amount), 0)).where(
        CreditEntry.user_id == User.id, CreditEntry.day.is_(None)
    )
    held = select(func.coalesce(-func.sum(_reserve.amount), 0)).where(
        _reserve.user_id == User.id, _reserve.day.is_(None), _is_open()
    )
    return lasting.correlate(User).scalar_subquery() + held.correlate(User).scalar_subquery() > 0


def _is_open() -> ColumnElement[bool]:
    """A condition on reserves: neither settled nor released."""
    ended = select(_end.id).where(_end.key == func.concat("end:", _reserve.job_id)).exists()
    return and_(_reserve.kind == EntryKind.RESERVE, ~ended)


def _is_over() -> ColumnElement[bool]:
    """A condition on reserves, outer joined with jobs: the job has ended or is deleted."""
    return or_(Job.id.is_(None), Job.state.not_in(OPEN_STATES))
