"""Methods for payments in Telegram Stars. https://core.telegram.org/bots/api#payments"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from bot.local.botapi.errors import BadRequest
from bot.local.botapi.keyboards import parse_reply_markup
from bot.local.botapi.methods.targets import replied_message, writable_chat
from bot.local.botapi.parameters import Parameters
from bot.local.botapi.records import Button, Invoice, Keyboard, Message
from bot.local.botapi.views import CheckoutAnswer
from bot.local.botapi.world import Draft, World

STARS = "XTR"
STARS_MAX = 10_000
TITLE_MAX, DESCRIPTION_MAX, PAYLOAD_MAX_BYTES = 32, 255, 128


class PayingMethods:
    """The currency of Stars alone: other currencies need a provider."""

    def __init__(self, world: World) -> None:
        self._world = world

    def table(self) -> dict[str, Callable[[Parameters], Awaitable[JsonValue]]]:
        return {
            "sendInvoice": self.send_invoice,
            "answerPreCheckoutQuery": self.answer_pre_checkout_query,
            "refundStarPayment": self.refund_star_payment,
        }

    async def send_invoice(self, parameters: Parameters) -> JsonValue:
        invoice = _invoice(parameters)
        keyboard = parse_reply_markup(parameters.tree("reply_markup"), payable=True)
        chat = writable_chat(self._world, parameters)
        reply_to = replied_message(self._world, chat, parameters)
        draft = Draft(
            self._world.bot.id,
            invoice=invoice,
            keyboard=_with_pay(keyboard, invoice),
            protected=parameters.flag("protect_content"),
            reply_to=reply_to,
        )
        (message,) = self._world.post(chat, [draft])
        return self._world.wire.message(message)

    async def answer_pre_checkout_query(self, parameters: Parameters) -> JsonValue:
        ok, error_message = parameters.flag("ok"), parameters.text("error_message")
        if not ok and not error_message:
            raise BadRequest("error_message must be non-empty")
        waiting = self._world.checkouts.pop(parameters.text("pre_checkout_query_id"), None)
        if waiting is None or waiting.done():
            raise BadRequest("query is too old and response timeout expired or query ID is invalid")
        waiting.set_result(CheckoutAnswer(answered=True, ok=ok, error_message=error_message))
        return True

    async def refund_star_payment(self, parameters: Parameters) -> JsonValue:
        user_id, charge_id = parameters.integer("user_id"), parameters.text("telegram_payment_charge_id")
        if user_id not in self._world.users:
            raise BadRequest("USER_ID_INVALID")
        paid, refunded = self._payment(user_id, charge_id, False), self._payment(user_id, charge_id, True)
        if paid is None or paid.payment is None:
            raise BadRequest("CHARGE_NOT_FOUND")
        if refunded is not None:
            raise BadRequest("CHARGE_ALREADY_REFUNDED")
        notice = Draft(user_id, payment=paid.payment.model_copy(update={"refunded": True}), tell_bot=True)
        self._world.post(self._world.chats[user_id], [notice])
        return True

    def _payment(self, user_id: int, charge_id: str, refunded: bool) -> Message | None:
        for message in self._world.payments():
            payment = message.payment
            if payment is None or (payment.charge_id, payment.refunded) != (charge_id, refunded):
                continue
            if message.sender_id == user_id:
                return message
        return None


def _invoice(parameters: Parameters) -> Invoice:
    title, description = parameters.text("title"), parameters.text("description")
    payload, currency = parameters.text("payload"), parameters.text("currency")
    if not 1 <= len(title) <= TITLE_MAX:
        raise BadRequest("INVOICE_TITLE_INVALID")
    if not 1 <= len(description) <= DESCRIPTION_MAX:
        raise BadRequest("INVOICE_DESCRIPTION_INVALID")
    if not 1 <= len(payload.encode()) <= PAYLOAD_MAX_BYTES:
        raise BadRequest("INVOICE_PAYLOAD_INVALID")
    if currency != STARS:
        raise BadRequest("CURRENCY_INVALID")
    if parameters.text("provider_token"):
        raise BadRequest("PAYMENT_PROVIDER_INVALID")
    match parameters.items("prices"):
        case [{"label": str(label), "amount": int(amount)}] if label and 1 <= amount <= STARS_MAX:
            pass
        case _:
            raise BadRequest("STARS_INVOICE_INVALID")
    return Invoice(
        title=title,
        description=description,
        payload=payload,
        currency=currency,
        total_amount=amount,
        start_parameter=parameters.text("start_parameter"),
    )


def _with_pay(keyboard: Keyboard, invoice: Invoice) -> Keyboard:
    """Telegram adds the button where the bot gives none; a keyboard of the bot's must begin with it."""
    if not keyboard:
        return ((Button(text=f"⭐ {invoice.total_amount}", pay=True),),)
    if not keyboard[0][0].pay:
        raise BadRequest("the first button must be a Pay button")
    return keyboard
