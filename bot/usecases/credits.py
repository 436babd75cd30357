"""Use cases of credits: read the balance, grant, invite, and book the ends of jobs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bot.admin_acts import Act
from bot.credits import CreditTerms, EntryKind
from bot.db import audit, departures, ledger, referrals, users
from bot.db.ledger import Balance
from bot.db.session import Sessions
from bot.db.tables import User
from bot.errors import UnknownUser

USERS_PER_STEP = 100
CODE_BYTES = 9


@dataclass(frozen=True)
class ReadBalance:
    """Returns the user's balance. Raises UnknownUser."""

    sessions: Sessions
    terms: CreditTerms

    async def __call__(self, user_id: int) -> Balance:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            return await ledger.current_balance(session, user_id, self.terms, await ledger.today(session))


@dataclass(frozen=True)
class GrantCredits:
    """Credits from an admin; the same `act` again changes nothing. `False`: there is no such user."""

    sessions: Sessions

    async def __call__(self, user_id: int, amount: int, admin_id: int, act: str) -> bool:
        async with self.sessions.begin() as session:
            try:
                await users.lock(session, user_id)
            except UnknownUser:
                return False
            facts = {"amount": amount, "admin_id": admin_id}
            booked = await ledger.book(session, user_id=user_id, key=f"grant:{act}", kind=EntryKind.GRANT, **facts)
            if booked:
                await audit.note(session, admin_id, Act.GRANT, user_id=user_id, subject=amount)
        return True


@dataclass(frozen=True)
class MakeInvitation:
    """The user's invitation code, drawn at the first call."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> str:
        async with self.sessions.begin() as session:
            return await referrals.code_of(session, user_id, secrets.token_urlsafe(CODE_BYTES))


@dataclass(frozen=True)
class AcceptInvitation:
    """Notes an invitation; `False` where it does not count: only new users can be invited, and not by themselves.
    Raises UnknownUser."""

    sessions: Sessions
    terms: CreditTerms

    async def __call__(self, user_id: int, code: str) -> bool:
        async with self.sessions.begin() as session:
            await users.lock(session, user_id)
            if await departures.find(session, self.terms.pseudonym(user_id)) is not None:
                return False
            return await referrals.note(session, user_id, code)


@dataclass(frozen=True)
class SettleCredits:
    """Book the end of every job that has ended, for all users; returns how many entries that were."""

    sessions: Sessions

    async def __call__(self) -> int:
        total = 0
        while True:
            async with self.sessions.begin() as session:
                day = await ledger.today(session)
                chosen = await ledger.users_to_reconcile(session, USERS_PER_STEP)
                booked = [await ledger.reconcile(session, day, user_id) for user_id in chosen]
            total += sum(booked)
            if not any(booked):
                return total


@dataclass(frozen=True)
class PayReferrals:
    """Pay for invitations whose user has got a first picture; returns the users who got credits."""

    sessions: Sessions
    terms: CreditTerms

    async def __call__(self) -> list[User]:
        async with self.sessions() as session:
            due = await referrals.due(session, USERS_PER_STEP)
        paid: list[User] = []
        for user_id in due:
            async with self.sessions.begin() as session:
                paid += await referrals.pay(session, user_id, self.terms.referral)
        return paid


@dataclass(frozen=True)
class ForgetDepartures:
    """Delete pseudonyms of users who left long ago."""

    sessions: Sessions

    async def __call__(self) -> None:
        async with self.sessions.begin() as session:
            await departures.forget(session, await ledger.today(session))


@dataclass(frozen=True)
class CreditUseCases:
    """The use cases that exist only while credits are on, built by `bot.app`; handlers get the object as `credits`."""

    terms: CreditTerms
    read_balance: ReadBalance
    grant: GrantCredits
    make_invitation: MakeInvitation
    accept_invitation: AcceptInvitation
    settle: SettleCredits
    pay_referrals: PayReferrals
    forget_departures: ForgetDepartures


def build_credits(sessions: Sessions, terms: CreditTerms) -> CreditUseCases:
    return CreditUseCases(
        terms=terms,
        read_balance=ReadBalance(sessions, terms),
        grant=GrantCredits(sessions),
        make_invitation=MakeInvitation(sessions),
        accept_invitation=AcceptInvitation(sessions, terms),
        settle=SettleCredits(sessions),
        pay_referrals=PayReferrals(sessions, terms),
        forget_departures=ForgetDepartures(sessions),
    )
