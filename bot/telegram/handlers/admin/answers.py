"""The replies of admins to questions of the bot."""

from __future__ import annotations

import re
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from aiogram import Bot, F, Router
from aiogram.filters import Filter
from aiogram.types import Message

from bot.admin_acts import QuestionKind
from bot.broadcasting import send_copy
from bot.db.admin_tables import AdminQuestion
from bot.styles import Styles
from bot.telegram.account_views import access_text
from bot.telegram.admin_views import style_desk
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.accounts import USER_ID, account_page, name_of
from bot.telegram.handlers.admin.broadcast import page
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.admin.styles import NewStyle
from bot.usecases.credits import CreditUseCases

GRANT_MAX, LIMIT_MAX = 999_999, 10_000


def build() -> Router:
    router = admin_router("answers of admins")
    replies = F.reply_to_message
    for handler, kind in (
        (find_user, QuestionKind.USER),
        (allow_user, QuestionKind.ALLOW),
        (grant, QuestionKind.GRANT),
        (limit, QuestionKind.LIMIT),
        (write_broadcast, QuestionKind.BROADCAST),
        (add_style, QuestionKind.STYLE),
    ):
        router.message.register(handler, replies, Answers(kind))
    return router


class Answers(Filter):
    """A filter: the message replies to a question of this kind. Gives the handler `question`."""

    def __init__(self, kind: QuestionKind) -> None:
        self._kind = kind

    async def __call__(self, message: Message, use: UseCases) -> bool | dict[str, Any]:
        if message.reply_to_message is None:
            return False
        question = await use.admin.questions.find(message.chat.id, message.reply_to_message.message_id)
        return {"question": question} if question is not None and question.kind == self._kind else False


def _user_id(message: Message) -> int | None:
    text = (message.text or "").strip()
    return int(text) if re.fullmatch(USER_ID, text) else None


def _number(message: Message, most: int) -> int | None:
    text = (message.text or "").strip()
    return int(text) if re.fullmatch("[0-9]{1,6}", text) and int(text) <= most else None


async def find_user(message: Message, texts: Texts, use: UseCases, credits: CreditUseCases | None) -> None:
    user_id = _user_id(message)
    if user_id is None:
        await message.reply(texts("users-bad-id"))
        return
    view = await account_page(message.chat.id, user_id, texts, use, credits)
    await message.answer(view.text, reply_markup=view.keyboard)


async def allow_user(message: Message, texts: Texts, use: UseCases) -> None:
    user_id = _user_id(message)
    if user_id is None:
        await message.reply(texts("users-bad-id"))
        return
    await use.admin.access.allow(message.chat.id, user_id, allowed=True)
    await message.reply(texts("account-allowed", user=str(user_id)))


async def grant(
    message: Message, question: AdminQuestion, texts: Texts, use: UseCases, credits: CreditUseCases | None
) -> None:
    """The same message again grants nothing more."""
    amount = _number(message, GRANT_MAX)
    if not amount or question.subject is None or credits is None:
        await message.reply(texts("account-bad-number", least=1, most=GRANT_MAX))
        return
    act = uuid5(NAMESPACE_OID, f"{message.chat.id}:{message.message_id}")
    granted = await credits.grant(question.subject, amount, message.chat.id, str(act))
    user = str(question.subject)
    await message.reply(
        texts("admin-granted", credits=amount, user=user) if granted else texts("admin-no-user", user=user)
    )


async def limit(message: Message, question: AdminQuestion, texts: Texts, use: UseCases) -> None:
    number = _number(message, LIMIT_MAX)
    if number is None or question.subject is None:
        await message.reply(texts("account-bad-number", least=0, most=LIMIT_MAX))
        return
    await use.admin.access.limit(message.chat.id, question.subject, number or None)
    rule = await use.admin.accounts.rule(question.subject)
    user = await name_of(use, question.subject)
    await message.reply(texts("account-limit-set", user=user, access=access_text(texts, rule)))


async def write_broadcast(message: Message, bot: Bot, texts: Texts, use: UseCases, broadcast_per_s: float) -> None:
    """The draft goes to the admin at once, as its recipients would get it."""
    photo = message.photo[-1].file_id if message.photo else None
    if message.text is None and photo is None:
        await message.reply(texts("broadcast-bad"))
        return
    html = message.html_text if message.text or message.caption else ""
    broadcast = await use.admin.broadcasts.write(message.chat.id, html, photo)
    if broadcast is None:
        await message.reply(texts("broadcast-busy"))
        return
    await send_copy(bot, broadcast, message.chat.id)
    view = await page(texts, use, broadcast, broadcast_per_s)
    await message.answer(view.text, reply_markup=view.keyboard)


async def add_style(message: Message, texts: Texts, use: UseCases, styles: Styles) -> None:
    """The answer has the buttons of the style's page: a new style is far down the list. Raises StyleRefused, which is
    answered."""
    new = NewStyle.parse(message.text or "")
    styles.apply(await use.admin.styles.add(message.chat.id, new, {each.name for each in styles.all}))
    style = next(each for each in styles.all if (each.title, each.template) == (new.title, new.template))
    buttons = style_desk(texts, styles, style).keyboard
    await message.reply(texts("style-added", title=style.label(texts.language)), reply_markup=buttons)
