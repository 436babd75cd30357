"""While credits are off they are invisible; payments that still arrive are recorded."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bot.credits import Pack
from bot.db.tables import CreditEntry, Payment
from bot.telegram.callbacks import BuyCallback
from bot.telegram.commands import CREDIT_COMMANDS


@pytest.mark.parametrize("command", CREDIT_COMMANDS)
async def test_commands_of_credits_are_unknown(chat: Any, command: str) -> None:
    await chat.ben.send_text(f"/{command}")
    await chat.ben.wait_for(lambda message: message.text == chat.texts("en")("unknown-command").replace("&#x27;", "'"))


async def test_no_text_names_credits_and_nothing_is_booked(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    for number in range(3):
        await chat.ben.send_text(f"in a forest {number}")
        await chat.job(number + 1)
    for text in ("/help", "/privacy", "/start", "/start buy", "/start ref_x"):
        await chat.ben.send_text(text)
    texts = "\n".join(await chat.texts_to(chat.ben)).lower()
    assert "credit" not in texts and "star" not in texts.replace("start", "") and "/buy" not in texts
    async with chat.sessions() as session:
        assert list(await session.scalars(select(CreditEntry))) == []


async def test_buttons_and_invoices_of_earlier_are_refused(chat: Any, says: Any) -> None:
    await chat.ben.send_text("/help")
    await chat.ben.wait_for(says("/photos"))
    answer = await chat.press(chat.ben, BuyCallback(credits=20, stars=100))
    assert answer.show_alert and "no longer works" in answer.text
    sent = await chat.bot.send_invoice(
        chat.ben.user_id, title="t", description="d", payload=Pack(20, 100).payload, provider_token="", currency="XTR",
        prices=[{"label": "l", "amount": 100}],
    )  # fmt: skip
    refused = await chat.ben.pay(sent.message_id)
    assert not refused.ok and "not on sale" in refused.error_message


async def test_a_payment_that_was_under_way_is_recorded(chat: Any, says: Any) -> None:
    paid = {
        "currency": "XTR", "total_amount": 100, "invoice_payload": Pack(20, 100).payload,
        "telegram_payment_charge_id": "late", "provider_payment_charge_id": "",
    }  # fmt: skip
    await chat.feed(chat.ben, successful_payment=paid)
    await chat.ben.wait_for(says("payment has been recorded"))
    async with chat.sessions() as session:
        (payment,) = list(await session.scalars(select(Payment)))
    assert (payment.user_id, payment.credits) == (chat.ben.user_id, 20)
