"""Payments in Stars of the local Bot API server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, LabeledPrice, PreCheckoutQuery

from bot.local.botapi import ANNA_ID, BEN_ID, Person
from bot.local.botapi.errors import PersonError

INVOICE: dict[str, Any] = {
    "title": "20 credits", "description": "One credit is one picture.", "payload": "pack:20:100", "currency": "XTR",
    "prices": [LabeledPrice(label="20 credits", amount=100)],
}  # fmt: skip


async def _query(bot: Bot) -> PreCheckoutQuery:
    (first, *_) = await bot.get_updates()
    (update,) = await bot.get_updates(offset=first.update_id + 1, timeout=5)
    assert update.pre_checkout_query is not None
    return update.pre_checkout_query


async def _pay(bot: Bot, person: Person) -> str:
    sent = await bot.send_invoice(person.user_id, **INVOICE)
    paying = asyncio.create_task(person.pay(sent.message_id))
    await (await _query(bot)).as_(bot).answer(ok=True)
    answer = await paying
    assert answer.ok
    return answer.charge_id


async def test_an_invoice_is_paid_after_the_bot_agreed(bot: Bot, anna: Person) -> None:
    sent = await bot.send_invoice(ANNA_ID, **INVOICE)
    assert sent.invoice is not None and (sent.invoice.currency, sent.invoice.total_amount) == ("XTR", 100)
    assert sent.reply_markup is not None and sent.reply_markup.inline_keyboard[0][0].pay
    paying = asyncio.create_task(anna.pay(sent.message_id))
    query = await _query(bot)
    assert (query.invoice_payload, query.total_amount, query.from_user.id) == ("pack:20:100", 100, ANNA_ID)
    assert not paying.done(), "no money moves before the answer"
    await query.as_(bot).answer(ok=True)
    charge_id = (await paying).charge_id
    update = (await bot.get_updates())[-1]
    assert update.message is not None and update.message.successful_payment is not None
    payment = update.message.successful_payment
    assert (payment.telegram_payment_charge_id, payment.invoice_payload) == (charge_id, "pack:20:100")


async def test_a_refused_payment_shows_the_reason_and_leaves_no_payment(bot: Bot, anna: Person) -> None:
    sent = await bot.send_invoice(ANNA_ID, **INVOICE)
    paying = asyncio.create_task(anna.pay(sent.message_id))
    query = (await _query(bot)).as_(bot)
    with pytest.raises(TelegramBadRequest, match="error_message must be non-empty"):
        await query.answer(ok=False)
    await query.answer(ok=False, error_message="sold out")
    answer = await paying
    assert (answer.answered, answer.ok, answer.error_message) == (True, False, "sold out")
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await query.answer(ok=True)
    assert all(message.payment is None for message in await anna.transcript())


async def test_a_bot_that_does_not_answer_gets_no_money(bot: Bot, anna: Person) -> None:
    sent = await bot.send_invoice(ANNA_ID, **INVOICE)
    assert not (await anna.pay(sent.message_id, timeout_s=0.2)).answered
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await (await _query(bot)).as_(bot).answer(ok=True)


async def test_a_refund_is_announced_and_made_once(bot: Bot, anna: Person, ben: Person) -> None:
    charge_id = await _pay(bot, anna)
    with pytest.raises(TelegramBadRequest, match="CHARGE_NOT_FOUND"):
        await bot.refund_star_payment(BEN_ID, charge_id)
    assert await bot.refund_star_payment(ANNA_ID, charge_id)
    update = (await bot.get_updates())[-1]
    assert update.message is not None and update.message.refunded_payment is not None
    assert update.message.refunded_payment.telegram_payment_charge_id == charge_id
    with pytest.raises(TelegramBadRequest, match="CHARGE_ALREADY_REFUNDED"):
        await bot.refund_star_payment(ANNA_ID, charge_id)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": "x" * 33}, "INVOICE_TITLE_INVALID"),
        ({"description": ""}, "INVOICE_DESCRIPTION_INVALID"),
        ({"payload": "x" * 129}, "INVOICE_PAYLOAD_INVALID"),
        ({"currency": "EUR"}, "CURRENCY_INVALID"),
        ({"provider_token": "1:TEST"}, "PAYMENT_PROVIDER_INVALID"),
        ({"prices": [LabeledPrice(label="a", amount=1), LabeledPrice(label="b", amount=2)]}, "STARS_INVOICE_INVALID"),
        ({"prices": [LabeledPrice(label="a", amount=10_001)]}, "STARS_INVOICE_INVALID"),
    ],
)
async def test_an_invoice_that_telegram_would_refuse(
    bot: Bot, anna: Person, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(TelegramBadRequest, match=words):
        await bot.send_invoice(ANNA_ID, **(INVOICE | change))


async def test_a_keyboard_under_an_invoice_begins_with_the_pay_button(bot: Bot, anna: Person) -> None:
    pay, other = InlineKeyboardButton(text="Pay", pay=True), InlineKeyboardButton(text="No", callback_data="no")
    with pytest.raises(TelegramBadRequest, match="first button must be a Pay button"):
        await bot.send_invoice(ANNA_ID, **INVOICE, reply_markup=InlineKeyboardMarkup(inline_keyboard=[[other], [pay]]))
    sent = await bot.send_invoice(
        ANNA_ID, **INVOICE, reply_markup=InlineKeyboardMarkup(inline_keyboard=[[pay], [other]])
    )
    assert (await anna.message(sent.message_id)).button_texts == ["Pay", "No"]


async def test_only_an_invoice_can_be_paid(bot: Bot, anna: Person) -> None:
    sent = await bot.send_message(ANNA_ID, "hello")
    with pytest.raises(PersonError, match="no Pay button"):
        await anna.pay(sent.message_id)
    invoice = await bot.send_invoice(ANNA_ID, **INVOICE, start_parameter="buy")
    forwarded = await anna.forward(invoice.message_id)
    with pytest.raises(PersonError, match="no Pay button"):
        await anna.pay(forwarded.id)
