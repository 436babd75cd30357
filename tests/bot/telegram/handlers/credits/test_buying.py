"""Packs are bought with Telegram Stars, recorded once, and refunded by an admin."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.credits import Pack
from bot.db.tables import CreditEntry, Payment
from bot.domain import CONSENT_VERSION
from bot.local.botapi.errors import PersonError
from bot.telegram.callbacks import BuyCallback, ConsentCallback, PrivacyAction, PrivacyCallback


async def _invoice(chat: Any, person: Any, says: Any, button: str = "20 ") -> Any:
    await person.send_text("/buy")
    await person.wait_for(lambda message: len(message.button_texts) == 2)
    await person.press(button)
    return await person.wait_for(lambda message: message.invoice is not None)


async def _payments(chat: Any) -> list[Payment]:
    async with chat.sessions() as session:
        return list(await session.scalars(select(Payment)))


async def _amounts(chat: Any, person: Any) -> list[tuple[str, int]]:
    async with chat.sessions() as session:
        of_user = select(CreditEntry).where(CreditEntry.user_id == person.user_id, CreditEntry.day.is_(None))
        return [(entry.kind, entry.amount) for entry in await session.scalars(of_user.order_by(CreditEntry.id))]


async def test_a_pack_is_bought_and_the_balance_shows_it(chat: Any, says: Any) -> None:
    invoice = await _invoice(chat, chat.anna, says)
    assert (invoice.invoice.title, invoice.invoice.stars) == ("20 кредитов", 100)
    answer = await chat.anna.pay(invoice.id)
    assert answer.ok and answer.charge_id
    await chat.anna.wait_for(says("Спасибо", "20 кредитов"))
    await chat.anna.send_text("/balance")
    await chat.anna.wait_for(says("Кредиты: 20", "1 из 1"))
    (payment,) = await _payments(chat)
    assert (payment.charge_id, payment.user_id, payment.stars) == (answer.charge_id, chat.anna.user_id, 100)


async def test_a_payment_that_is_reported_again_is_recorded_once(chat: Any, says: Any) -> None:
    invoice = await _invoice(chat, chat.ben, says)
    charge_id = (await chat.ben.pay(invoice.id)).charge_id
    await chat.ben.wait_for(says("Thank you"))
    paid = {
        "currency": "XTR", "total_amount": 100, "invoice_payload": Pack(20, 100).payload,
        "telegram_payment_charge_id": charge_id, "provider_payment_charge_id": "",
    }  # fmt: skip
    for _ in range(2):
        await chat.feed(chat.ben, successful_payment=paid)
    assert await _amounts(chat, chat.ben) == [("purchase", 20)]
    assert len(await _payments(chat)) == 1


async def test_a_payment_is_recorded_before_any_consent(chat: Any, says: Any) -> None:
    invoice = await _invoice(chat, chat.anna, says)
    await chat.anna.pay(invoice.id)
    await chat.anna.wait_for(says("Спасибо", "20 кредитов"))
    user = await chat.user(chat.anna)
    assert user is not None and user.consent_version is None


async def test_an_invoice_at_an_old_price_is_refused_before_any_money_moves(chat: Any, says: Any) -> None:
    await chat.ben.send_text("/help")
    await chat.ben.wait_for(says("/buy"))
    price = [{"label": "old", "amount": 90}]
    for payload, prices in ((Pack(20, 90).payload, price), (Pack(20, 100).payload, price), ("something else", price)):
        sent = await chat.bot.send_invoice(
            chat.ben.user_id, title="old", description="old", payload=payload, provider_token="", currency="XTR",
            prices=prices,
        )  # fmt: skip
        answer = await chat.ben.pay(sent.message_id)
        assert (answer.answered, answer.ok) == (True, False)
        assert "no longer exists" in answer.error_message
    assert await _payments(chat) == []


async def test_a_button_with_an_old_price_sends_no_invoice(chat: Any, says: Any) -> None:
    await chat.anna.send_text("/help")
    await chat.anna.wait_for(says("/buy"))
    answer = await chat.press(chat.anna, BuyCallback(credits=20, stars=90))
    assert answer.show_alert and "больше нет" in answer.text
    assert all(message.invoice is None for message in await chat.anna.transcript())


async def test_a_forwarded_invoice_asks_nobody_for_money(chat: Any, says: Any) -> None:
    """It opens the packs instead: Telegram shows a link with the invoice's start parameter."""
    invoice = await _invoice(chat, chat.anna, says)
    forwarded = await chat.anna.forward(invoice.id)
    with pytest.raises(PersonError, match="no Pay button"):
        await chat.anna.pay(forwarded.id)
    await chat.ben.send_text("/start buy")
    await chat.ben.wait_for(says("Buy credits", "20 credits for 100 Stars"))


async def test_money_that_fits_no_pack_is_recorded_and_the_buyer_hears_of_it(chat: Any, says: Any) -> None:
    chat.expects_fault = True
    paid = {
        "currency": "XTR", "total_amount": 7, "invoice_payload": "a pack of long ago",
        "telegram_payment_charge_id": "strange", "provider_payment_charge_id": "",
    }  # fmt: skip
    await chat.feed(chat.ben, successful_payment=paid)
    await chat.ben.wait_for(says("does not match", "strange", "@seller"))
    (payment,) = await _payments(chat)
    assert (payment.stars, payment.credits) == (7, 0)
    assert await _amounts(chat, chat.ben) == []


async def test_an_admin_refunds_once_and_the_unspent_credits_go(chat: Any, says: Any) -> None:
    invoice = await _invoice(chat, chat.anna, says)
    charge_id = (await chat.anna.pay(invoice.id)).charge_id
    await chat.anna.wait_for(says("Спасибо"))
    await chat.boss.send_text(f"/admin refund {charge_id}")
    await chat.boss.wait_for(says("100 Stars refunded", str(chat.anna.user_id)))
    await chat.anna.wait_for(says("Платёж возвращён"), since=0)
    await chat.boss.send_text(f"/admin refund {charge_id}")
    await chat.boss.wait_for(says("refunded before"))
    await chat.settled()
    assert await _amounts(chat, chat.anna) == [("purchase", 20), ("refund", -20)]
    notices = [text for text in await chat.texts_to(chat.anna) if "Платёж возвращён" in text]
    assert len(notices) == 1
    await chat.anna.send_text("/paysupport")
    await chat.anna.wait_for(says("@seller", "возвращено", charge_id))


async def test_a_refund_that_was_made_elsewhere_is_booked(chat: Any, says: Any) -> None:
    invoice = await _invoice(chat, chat.anna, says)
    charge_id = (await chat.anna.pay(invoice.id)).charge_id
    await chat.anna.wait_for(says("Спасибо"))
    await chat.bot.refund_star_payment(chat.anna.user_id, charge_id)
    await chat.anna.wait_for(says("Платёж возвращён"), since=0)
    assert await _amounts(chat, chat.anna) == [("purchase", 20), ("refund", -20)]


async def test_a_refund_after_the_buyer_deleted_everything_needs_their_id(chat: Any, says: Any) -> None:
    invoice = await _invoice(chat, chat.anna, says)
    charge_id = (await chat.anna.pay(invoice.id)).charge_id
    await chat.anna.wait_for(says("Спасибо"))
    await chat.anna.send_text("/privacy")
    await chat.anna.wait_for(says("Что я храню", "Платежи", "@seller"))
    await chat.anna.press("Удалить всё")
    await chat.anna.wait_for(says("Пропадёт и остаток: 20 кредитов"))
    await chat.anna.press("Да, удалить всё")
    await chat.anna.wait_for(says("Всё удалено"))
    await chat.boss.send_text(f"/admin refund {charge_id}")
    await chat.boss.wait_for(says("has deleted their data"))
    await chat.boss.send_text(f"/admin refund {charge_id} {chat.anna.user_id}")
    await chat.boss.wait_for(says("100 Stars refunded"))
    (payment,) = await _payments(chat)
    assert payment.refunded_at is not None and payment.user_id is None


async def test_payments_and_the_audit_log_as_csv(chat: Any, says: Any) -> None:
    """Of a buyer who deleted their data, no Telegram ID is in the payments."""
    charges = []
    for person, thanks in ((chat.anna, "Спасибо"), (chat.ben, "Thank you")):
        invoice = await _invoice(chat, person, says)
        charges.append((await person.pay(invoice.id)).charge_id)
        await person.wait_for(says(thanks))
    await chat.boss.send_text(f"/admin refund {charges[0]}")
    await chat.boss.wait_for(says("100 Stars refunded"))
    await chat.press(chat.ben, PrivacyCallback(action=PrivacyAction.DELETE))
    await chat.boss.send_text("/admin")
    await chat.boss.wait_for(says("Administration"))
    await chat.boss.press("Service")
    payments = await _table(chat, "Payments CSV")
    assert set(payments[0]) == {"paid_at", "charge_id", "user_id", "stars", "credits", "refunded_at"}
    of = {row["charge_id"]: row for row in payments}
    assert list(of) in (charges, charges[::-1])
    refunded, kept = of[charges[0]], of[charges[1]]
    assert (refunded["user_id"], refunded["stars"], refunded["credits"]) == (str(chat.anna.user_id), "100", "20")
    assert (kept["user_id"], kept["refunded_at"]) == ("", "")
    for moment in (refunded["paid_at"], refunded["refunded_at"], kept["paid_at"]):
        assert abs(datetime.now(UTC) - datetime.fromisoformat(moment)) < timedelta(minutes=10)

    await chat.boss.press("Audit log")
    log = await chat.boss.wait_for(says("Audit log"))
    assert f"{charges[0][:11]}…" in log.text and charges[0] not in log.text, "a row of a phone is short"
    acts = await _table(chat, "CSV")
    assert [row["act"] for row in acts] == ["export-audit", "export-payments", "refund"]
    assert {row["admin_id"] for row in acts} == {str(chat.boss.user_id)} and {row["key_id"] for row in acts} == {""}
    assert (acts[-1]["user_id"], acts[-1]["subject"]) == (str(chat.anna.user_id), charges[0])


async def _table(chat: Any, button: str) -> list[dict[str, str]]:
    """The rows of the file that a button of /admin sends."""
    await chat.boss.press(button)
    file = await chat.boss.wait_for(lambda message: message.document is not None)
    return list(csv.DictReader(io.StringIO((await chat.boss.download(file)).decode("utf-8-sig"))))


async def test_refunds_and_grants_explain_themselves(chat: Any, says: Any) -> None:
    await chat.boss.send_text("/admin refund nonsense")
    await chat.boss.wait_for(says("no payment"))
    for wrong in ("/admin refund", "/admin grant", "/admin grant me 5", "/admin grant 5 -1"):
        await chat.boss.send_text(wrong)
        await chat.boss.wait_for(says("/admin grant USER_ID NUMBER"))
    await chat.boss.send_text("/admin grant 77 5")
    await chat.boss.wait_for(says("no user 77"))


async def test_an_admin_grants_credits_and_nobody_else_can(chat: Any, says: Any) -> None:
    await chat.anna.send_text("/balance")
    await chat.anna.wait_for(says("Кредиты: 0"))
    await chat.anna.send_text(f"/admin grant {chat.anna.user_id} 5")
    await chat.anna.wait_for(says("Такой команды я не знаю"))
    await chat.boss.send_text(f"/admin grant {chat.anna.user_id} 5")
    await chat.boss.wait_for(says("Added 5 credits"))
    await chat.anna.send_text("/balance")
    await chat.anna.wait_for(says("Кредиты: 5"))


async def test_terms_name_the_quota_and_the_seller(chat: Any, says: Any) -> None:
    await chat.ben.send_text("/terms")
    await chat.ben.wait_for(says("1 picture a day", "@seller"))
    await chat.ben.send_text("/paysupport")
    await chat.ben.wait_for(says("@seller", "not bought anything"))


async def test_deleting_everything_gives_no_second_free_quota(chat: Any, says: Any) -> None:
    await chat.grant(chat.ben)
    await chat.ben.send_text("in a forest")
    await chat.job()
    await chat.press(chat.ben, PrivacyCallback(action=PrivacyAction.DELETE))
    await chat.ben.send_text("/start")
    await chat.ben.wait_for(lambda message: bool(message.buttons))
    await chat.ben.press(ConsentCallback(version=CONSENT_VERSION).pack())
    await chat.ben.send_text("/balance")
    await chat.ben.wait_for(says("today: 0 of 1"))
