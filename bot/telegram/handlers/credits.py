"""/balance, /buy, /terms, /paysupport: credits as their user sees them. Registered while credits are on."""

from __future__ import annotations

import html

from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery, LabeledPrice, Message

from bot.credits import CURRENCY, SHOP_LINK, Pack
from bot.db.tables import Payment, User
from bot.telegram import keyboards
from bot.telegram.callbacks import BuyCallback
from bot.telegram.edits import Toast
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.credits import CreditUseCases


def build() -> Router:
    router = Router(name="credits")
    router.message.register(show_balance, TypedCommand("balance"))
    router.message.register(show_packs, TypedCommand("buy"))
    router.message.register(show_packs, TypedCommand("start", magic=F.args == SHOP_LINK))
    router.message.register(show_terms, TypedCommand("terms"))
    router.message.register(show_support, TypedCommand("paysupport"))
    router.callback_query.register(send_invoice, BuyCallback.filter())
    return router


async def show_balance(message: Message, user: User, texts: Texts, credits: CreditUseCases) -> None:
    balance = await credits.read_balance(user.id)
    figures = {"free": balance.free, "credits": balance.lasting, "reserved": balance.reserved}
    await message.answer(texts("balance", limit=credits.terms.free_per_day, **figures))


async def show_packs(message: Message, texts: Texts, credits: CreditUseCases) -> None:
    offers = [texts("buy-pack", **_figures(pack.credits, pack.stars, texts)) for pack in credits.terms.packs]
    text = texts("buy", packs=Markup("\n".join(offers)))
    await message.answer(text, reply_markup=keyboards.packs(texts, credits.terms.packs))


async def send_invoice(
    callback: CallbackQuery, callback_data: BuyCallback, bot: Bot, texts: Texts, credits: CreditUseCases
) -> Toast | None:
    """Sends the invoice of a pack. `start_parameter`: a forwarded copy leads to the packs in the bot's own chat instead
    of asking for money."""
    pack = Pack(callback_data.credits, callback_data.stars)
    if pack not in credits.terms.packs:
        return Toast(texts("buy-gone"), alert=True)
    title = html.unescape(texts("invoice-title", credits=texts("credits-count", credits=pack.credits)))
    await bot.send_invoice(
        callback.from_user.id,
        title=title,
        description=html.unescape(texts("invoice-description")),
        payload=pack.payload,
        provider_token="",
        currency=CURRENCY,
        prices=[LabeledPrice(label=title, amount=pack.stars)],
        start_parameter=SHOP_LINK,
    )
    return None


async def show_terms(message: Message, texts: Texts, credits: CreditUseCases) -> None:
    terms = credits.terms
    await message.answer(texts("terms", limit=terms.free_per_day, contact=terms.contact))


async def show_support(message: Message, user: User, texts: Texts, use: UseCases, credits: CreditUseCases) -> None:
    payments = await use.payments.latest(user.id)
    lines = [_payment(payment, texts) for payment in payments] or [texts("paysupport-none")]
    await message.answer(texts("paysupport", contact=credits.terms.contact, payments=Markup("\n".join(lines))))


def _payment(payment: Payment, texts: Texts) -> Markup:
    key = "paysupport-payment" if payment.refunded_at is None else "paysupport-refunded"
    figures = _figures(payment.credits, payment.stars, texts)
    return texts(key, date=payment.paid_at.date().isoformat(), charge=payment.charge_id, **figures)


def _figures(credits: int, stars: int, texts: Texts) -> dict[str, Markup]:
    return {"credits": texts("credits-count", credits=credits), "stars": texts("stars-count", stars=stars)}
