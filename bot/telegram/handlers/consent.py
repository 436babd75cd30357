"""Consent: asking for it, taking it, and the gate before all that needs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware, Router
from aiogram.types import CallbackQuery, Message, TelegramObject

from bot.db.tables import User
from bot.domain import CONSENT_VERSION
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import ConsentCallback
from bot.telegram.edits import Toast, edit_text, message_of
from bot.telegram.next_step import next_step
from bot.translator import Markup, Texts
from bot.usecases import UseCases

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def build() -> Router:
    router = Router(name="consent")
    router.callback_query.register(consent, ConsentCallback.filter())
    return router


async def consent(
    callback: CallbackQuery, callback_data: ConsentCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> Toast | None:
    message = message_of(callback)
    first = user.consent_version != CONSENT_VERSION
    agreed = await use.give_consent(user.id, callback_data.version)
    if message is None:
        return None
    if not agreed:
        await edit_text(message, texts("consent-outdated"))
        if first:
            await ask_consent(message, texts, renewed=True)
        return None
    await edit_text(message, Markup(f"{texts('consent-given')}\n\n{texts('consent-terms')}"))
    if first:
        stage, style = await use.find_stage(user.id)
        text, buttons = next_step(texts, styles, stage, style)
        await message.answer(text, reply_markup=buttons)
    return None


async def ask_consent(message: Message, texts: Texts, *, renewed: bool = False) -> None:
    text = texts("consent-renewed") if renewed else texts("consent-ask")
    await message.answer(Markup(f"{text}\n\n{texts('consent-terms')}"), reply_markup=keyboards.consent(texts))


class RequireConsent(BaseMiddleware):
    """For the routers behind it: a user who has not agreed to the terms in force gets the terms instead."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: User = data["user"]
        texts: Texts = data["texts"]
        if user.consent_version == CONSENT_VERSION:
            return await handler(event, data)
        message = event.message if isinstance(event, CallbackQuery) else event
        if isinstance(message, Message):
            await ask_consent(message, texts, renewed=user.consent_version is not None)
        return Toast(texts("consent-first"))
