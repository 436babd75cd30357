"""Use cases of payments in Stars. They exist while credits are off too: a completed payment is always recorded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import structlog

from bot.admin_acts import Act
from bot.credits import CURRENCY, CreditTerms, Pack
from bot.db import access, audit, payments, users
from bot.db.session import Sessions
from bot.db.tables import Payment

LATEST_MAX = 5
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Charge:
    """A payment as Telegram reports it."""

    charge_id: str
    """telegram_payment_charge_id."""
    payload: str
    currency: str
    amount: int


class PaymentProblem(Enum):
    """The reason why Telegram is asked to refuse a payment."""

    CREDITS_OFF = auto()
    OFFER_GONE = auto()
    """The pack, its price or its currency is not that of an offer in force."""
    BANNED = auto()
    """The user is banned and could not use the credits."""


@dataclass(frozen=True)
class PaymentCheck:
    """`problem` is `None` for a payment that may go on; `language` is the one that the buyer chose, if known."""

    problem: PaymentProblem | None
    language: str | None


@dataclass(frozen=True)
class CheckPayment:
    """Whether an invoice may be paid now: its payload names a pack on offer, at the pack's price in Stars."""

    sessions: Sessions
    terms: CreditTerms | None

    async def __call__(self, user_id: int, payload: str, currency: str, amount: int) -> PaymentCheck:
        async with self.sessions() as session:
            user = await users.get(session, user_id)
            rule = await access.rule_of(session, user_id)
        problem = self._problem(payload, currency, amount)
        if rule is not None and rule.banned_at is not None:
            problem = PaymentProblem.BANNED
        return PaymentCheck(problem, None if user is None else user.language)

    def _problem(self, payload: str, currency: str, amount: int) -> PaymentProblem | None:
        if self.terms is None:
            return PaymentProblem.CREDITS_OFF
        pack = Pack.of_payload(payload)
        if pack not in self.terms.packs or currency != CURRENCY or amount != pack.stars:
            return PaymentProblem.OFFER_GONE
        return None


@dataclass(frozen=True)
class RecordedPayment:
    """`new`: it was recorded just now; else the charge was recorded before."""

    new: bool
    credits: int


@dataclass(frozen=True)
class RecordPayment:
    """Records a completed payment, whatever the settings are now. Recording the same charge again changes nothing.

    A payload or price that is not ours gives no credits and is an error in the log, for an admin to settle.
    """

    sessions: Sessions

    async def __call__(self, user_id: int, language: str, charge: Charge) -> RecordedPayment:
        """`language` is used where the user deleted their data before the payment and gets a new row."""
        pack = Pack.of_payload(charge.payload)
        fits = pack is not None and charge.currency == CURRENCY and charge.amount == pack.stars
        bought = pack.credits if pack is not None and fits else 0
        async with self.sessions.begin() as session:
            await users.touch(session, user_id, language)
            new = await payments.record(session, user_id, charge.charge_id, charge.amount, bought)
        if new and not bought:
            _log.error("a payment fits no pack", charge=charge.charge_id, payload=charge.payload[:200])
        elif new:
            _log.info("credits were bought", charge=charge.charge_id, credits=bought, stars=charge.amount)
        return RecordedPayment(new, bought)


@dataclass(frozen=True)
class FindPayment:
    sessions: Sessions

    async def __call__(self, charge_id: str) -> Payment | None:
        async with self.sessions() as session:
            return await payments.get(session, charge_id)


@dataclass(frozen=True)
class ListPayments:
    """The user's latest payments, newest first, LATEST_MAX at most."""

    sessions: Sessions

    async def __call__(self, user_id: int) -> list[Payment]:
        async with self.sessions() as session:
            return [*await payments.latest(session, user_id, LATEST_MAX)]


@dataclass(frozen=True)
class RecordedRefund:
    """`new`: it was recorded just now; else it was recorded before, or the charge is not known. `language`: the
    buyer's, unless they deleted their data."""

    new: bool
    language: str | None


@dataclass(frozen=True)
class RecordRefund:
    """Telegram gave the Stars back."""

    sessions: Sessions

    async def __call__(self, charge_id: str, admin_id: int | None = None) -> RecordedRefund:
        async with self.sessions.begin() as session:
            refunded = await payments.refund(session, charge_id, admin_id)
            payment = await payments.get(session, charge_id)
            owner = None if payment is None else payment.user_id
            buyer = None if owner is None else await users.get(session, owner)
            if refunded and admin_id is not None:
                await audit.note(session, admin_id, Act.REFUND, user_id=owner, subject=charge_id)
        if refunded:
            _log.info("a payment was refunded", charge=charge_id, admin=admin_id)
        return RecordedRefund(refunded, None if buyer is None else buyer.language)


@dataclass(frozen=True)
class PaymentUseCases:
    check: CheckPayment
    record: RecordPayment
    find: FindPayment
    latest: ListPayments
    record_refund: RecordRefund


def build_payments(sessions: Sessions, terms: CreditTerms | None) -> PaymentUseCases:
    return PaymentUseCases(
        check=CheckPayment(sessions, terms),
        record=RecordPayment(sessions),
        find=FindPayment(sessions),
        latest=ListPayments(sessions),
        record_refund=RecordRefund(sessions),
    )
