"""Payments as Telegram reports them: the query before a payment, the payment, the refund. Always registered."""

from __future__ import annotations

import html

from aiogram import F, Router
from aiogram.types import Message, PreCheckoutQuery

from bot.db.tables import User
from bot.telegram.refusals import QueryExpired, suppress_refusals
from bot.translator import Texts, Translator, language_of
from bot.usecases import UseCases
from bot.usecases.credits import CreditUseCases
from bot.usecases.payments import Charge, PaymentProblem

PROBLEMS = {
    PaymentProblem.CREDITS_OFF: "payment-off",
    PaymentProblem.OFFER_GONE: "payment-gone",
    PaymentProblem.BANNED: "error-banned",
}


def build() -> Router:
    """The router for private chats; it stands before those that ask for consent."""
    router = Router(name="payments")
    router.message.register(take_payment, F.successful_payment)
    router.message.register(note_refund, F.refunded_payment)
    return router


def build_checks() -> Router:
    """The router for queries before a payment, which belong to no chat."""
    router = Router(name="payment checks")
    router.pre_checkout_query.register(check_payment)
    return router


async def check_payment(query: PreCheckoutQuery, use: UseCases, translator: Translator) -> None:
    """Answers the query before a payment. Telegram waits ten seconds for the answer; then it cancels the payment and
    charges nothing."""
    payer = query.from_user
    check = await use.payments.check(payer.id, query.invoice_payload, query.currency, query.total_amount)
    with suppress_refusals(QueryExpired):
        if check.problem is None:
            await query.answer(ok=True)
        else:
            language = check.language or language_of(payer.language_code)
            text = translator(PROBLEMS[check.problem], language)
            await query.answer(ok=False, error_message=html.unescape(text))


async def take_payment(
    message: Message, user: User, texts: Texts, use: UseCases, credits: CreditUseCases | None, contact: str | None
) -> None:
    """Records a payment. One that Telegram delivers again is answered again and recorded once."""
    payment = message.successful_payment
    assert payment is not None
    charge = Charge(payment.telegram_payment_charge_id, payment.invoice_payload, payment.currency, payment.total_amount)
    recorded = await use.payments.record(user.id, user.language, charge)
    if not recorded.credits:
        operator = contact or texts("payment-operator")
        await message.answer(texts("payment-unclear", contact=operator, charge=charge.charge_id))
    elif credits is None:
        await message.answer(texts("payment-recorded"))
    else:
        balance = await credits.read_balance(user.id)
        bought = texts("credits-count", credits=recorded.credits)
        await message.answer(
            texts("payment-done", bought=bought, credits=texts("credits-count", credits=balance.lasting))
        )


async def note_refund(message: Message, texts: Texts, use: UseCases) -> None:
    """Records a refund. Telegram also reports refunds by an admin, which are recorded and answered already."""
    refund = message.refunded_payment
    assert refund is not None
    if (await use.payments.record_refund(refund.telegram_payment_charge_id)).new:
        await message.answer(texts("payment-refunded"))
