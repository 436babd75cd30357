"""Consent: the request for it, the answer, and the filter before all handlers that require it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware, Bot, Router
from aiogram.types import CallbackQuery, Message, TelegramObject

from bot.db.tables import User
from bot.domain import CONSENT_VERSION
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import ConsentCallback
from bot.telegram.edits import Toast, edit_text, message_of
from bot.telegram.handlers.admission import RequireAdmission
from bot.telegram.handlers.held import handle_held, held_from
from bot.telegram.next_step import next_step
from bot.telegram.photo_fetching import PhotoFetcher
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.held import HoldResult

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def build() -> Router:
    router = Router(name="consent")
    router.callback_query.middleware(RequireAdmission())
    router.callback_query.register(consent, ConsentCallback.filter())
    return router


async def consent(
    callback: CallbackQuery,
    callback_data: ConsentCallback,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    styles: Styles,
    fetch_photo: PhotoFetcher,
) -> Toast | None:
    """Stores the consent. Then the messages that were sent before it are handled and answered; without any, the next
    step is asked for."""
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
    handled = await handle_held(message, bot, user, texts, use, fetch_photo)
    if first and not handled:
        stage, style = await use.find_stage(user.id)
        text, buttons = next_step(texts, styles, stage, style)
        await message.answer(text, reply_markup=buttons)
    return None


async def ask_consent(message: Message, texts: Texts, *, renewed: bool = False, held: bool = False) -> None:
    """Asks for consent. `held`: a message that came before consent waits for it."""
    text = texts("consent-renewed") if renewed else texts("consent-ask")
    if held:
        text = Markup(f"{texts('consent-held')}\n\n{text}")
    await message.answer(Markup(f"{text}\n\n{texts('consent-terms')}"), reply_markup=keyboards.consent(texts))


class RequireConsent(BaseMiddleware):
    """A middleware for the routers whose handlers require consent: a user who has not agreed to the terms in force gets
    the terms instead. A photo or a prompt is stored until then."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: User = data["user"]
        texts: Texts = data["texts"]
        if user.consent_version == CONSENT_VERSION:
            return await handler(event, data)
        message = event.message if isinstance(event, CallbackQuery) else event
        renewed = user.consent_version is not None
        if isinstance(event, Message) and (held := held_from(event)) is not None:
            use: UseCases = data["use"]
            await _answer_held(event, texts, await use.hold_message(held), renewed=renewed)
        elif isinstance(message, Message):
            await ask_consent(message, texts, renewed=renewed)
        return Toast(texts("consent-first"))


async def _answer_held(message: Message, texts: Texts, result: HoldResult, *, renewed: bool) -> None:
    """Sends the terms once, and one answer per album."""
    match result:
        case HoldResult.FIRST:
            await ask_consent(message, texts, renewed=renewed, held=True)
        case HoldResult.ANOTHER:
            await message.reply(texts("consent-held-too"))
        case HoldResult.FULL:
            await ask_consent(message, texts, renewed=renewed)
        case HoldResult.SAME_ALBUM:
            pass
