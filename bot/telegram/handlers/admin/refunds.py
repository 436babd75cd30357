"""Refunds of payments in Stars: by a button of a user's page, and by /admin refund."""

from __future__ import annotations

from dataclasses import dataclass

from aiogram import Bot, Router
from aiogram.types import CallbackQuery

from bot.db.tables import Payment
from bot.telegram import account_views
from bot.telegram.account_views import charge_hash
from bot.telegram.admin_callbacks import AccountAction, AccountCallback, RefundCallback
from bot.telegram.edits import Toast
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.accounts import show_payments
from bot.telegram.handlers.admin.service import show
from bot.telegram.refusals import ApiRefusal, RefundedBefore, TelegramRefusal, refusals, suppress_refusals
from bot.translator import Markup, Texts, Translator
from bot.usecases import UseCases


def build() -> Router:
    router = admin_router("admin refunds")
    router.callback_query.register(press, RefundCallback.filter())
    return router


async def press(
    callback: CallbackQuery,
    callback_data: RefundCallback,
    bot: Bot,
    texts: Texts,
    use: UseCases,
    translator: Translator,
) -> Toast | None:
    user_id = callback_data.user_id
    payments = await use.admin.accounts.payments(user_id)
    payment = next((each for each in payments if charge_hash(each.charge_id) == callback_data.charge), None)
    if payment is None:
        return Toast(texts("admin-no-payment"), alert=True)
    if not callback_data.sure:
        await show(callback, account_views.refund_question(texts, user_id, payment))
        return None
    refunds = Refunds(bot, texts, use, translator)
    answer = await refunds(callback.from_user.id, payment, user_id)
    listing = AccountCallback(action=AccountAction.PAYMENTS, user_id=user_id)
    await show_payments(callback, listing, texts, use)
    return Toast(answer, alert=True)


@dataclass(frozen=True)
class Refunds:
    """Give the Stars of a payment back and tell the buyer; returns the answer to the admin."""

    bot: Bot
    texts: Texts
    use: UseCases
    translator: Translator

    async def __call__(self, admin_id: int, payment: Payment, buyer: int) -> Markup:
        """Telegram first: a crash after it is made good by the refund's own message, or by the same act once more."""
        try:
            with refusals():
                await self.bot.refund_star_payment(buyer, payment.charge_id)
        except RefundedBefore:
            await self.use.payments.record_refund(payment.charge_id, admin_id)
            return self.texts("admin-refunded-before")
        except ApiRefusal as refusal:
            return self.texts("admin-refund-failed", reason=str(refusal))
        recorded = await self.use.payments.record_refund(payment.charge_id, admin_id)
        if recorded.new and recorded.language is not None:
            with suppress_refusals(TelegramRefusal):
                await self.bot.send_message(buyer, self.translator("payment-refunded", recorded.language))
        stars = self.texts("stars-count", stars=payment.stars)
        return self.texts("admin-refunded", stars=stars, user=str(buyer))
