"""/admin grant and /admin refund, for those in ADMIN_IDS. Registered while credits are on."""

from __future__ import annotations

import re
from uuid import NAMESPACE_OID, uuid5

from aiogram import Bot, F, Router
from aiogram.types import Message

from bot.db.tables import User
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.refunds import Refunds
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Texts, Translator
from bot.usecases import UseCases
from bot.usecases.credits import CreditUseCases

_GRANT = re.compile(r"grant\s+([0-9]{1,15})\s+([1-9][0-9]{0,5})")
_REFUND = re.compile(r"refund\s+(\S{1,200})(?:\s+([0-9]{1,15}))?")
_ARGUMENTS = re.compile(r"(grant|refund)\b.*", re.DOTALL)


def build() -> Router:
    router = admin_router("admin of credits")
    router.message.register(grant, TypedCommand("admin", magic=F.args.regexp(_GRANT, mode="fullmatch")))
    router.message.register(refund, TypedCommand("admin", magic=F.args.regexp(_REFUND, mode="fullmatch")))
    router.message.register(explain, TypedCommand("admin", magic=F.args.regexp(_ARGUMENTS, mode="fullmatch")))
    return router


async def explain(message: Message, texts: Texts) -> None:
    await message.reply(texts("admin-credits-usage"))


async def grant(message: Message, user: User, texts: Texts, credits: CreditUseCases) -> None:
    user_id, amount = (int(group) for group in _matched(_GRANT, message).groups())
    act = uuid5(NAMESPACE_OID, f"{message.chat.id}:{message.message_id}")
    granted = await credits.grant(user_id, amount, user.id, str(act))
    await message.reply(
        texts("admin-granted", credits=amount, user=str(user_id))
        if granted
        else texts("admin-no-user", user=str(user_id))
    )


async def refund(message: Message, bot: Bot, user: User, texts: Texts, use: UseCases, translator: Translator) -> None:
    """Refunds at Telegram first: after a crash, Telegram's message about the refund or the same command completes
    it."""
    charge_id, named = _matched(_REFUND, message).groups()
    payment = await use.payments.find(charge_id)
    if payment is None:
        await message.reply(texts("admin-no-payment"))
        return
    buyer = payment.user_id or (int(named) if named else None)
    if buyer is None:
        await message.reply(texts("admin-refund-needs-user"))
        return
    await message.reply(await Refunds(bot, texts, use, translator)(user.id, payment, buyer))


def _matched(pattern: re.Pattern[str], message: Message) -> re.Match[str]:
    """The match of the arguments, which the router's filter guarantees."""
    arguments = (message.text or "").partition(" ")[2].strip()
    match = pattern.fullmatch(arguments)
    assert match is not None
    return match
