"""/privacy: the stored data, and its deletion."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.exceptions import TelegramAPIError
from aiogram.types import CallbackQuery, Message

from bot.db.tables import User
from bot.telegram import keyboards
from bot.telegram.callbacks import PrivacyAction, PrivacyCallback
from bot.telegram.edits import edit_text, message_of
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Markup, Texts
from bot.usecases import UseCases


def build() -> Router:
    router = Router(name="privacy")
    router.message.register(show_privacy, TypedCommand("privacy"))
    router.callback_query.register(press, PrivacyCallback.filter())
    return router


async def show_privacy(message: Message, user: User, texts: Texts, use: UseCases) -> None:
    await message.answer(await _privacy(user, texts, use), reply_markup=keyboards.privacy(texts))


async def press(
    callback: CallbackQuery, callback_data: PrivacyCallback, bot: Bot, user: User, texts: Texts, use: UseCases
) -> None:
    message = message_of(callback)
    if callback_data.action == PrivacyAction.DELETE:
        await _delete_everything(bot, user, use)
        if message is not None:
            await edit_text(message, texts("privacy-deleted"))
    elif message is not None and callback_data.action == PrivacyAction.ASK_DELETE:
        await edit_text(message, texts("privacy-confirm"), keyboards.privacy_confirm(texts))
    elif message is not None:
        await edit_text(message, await _privacy(user, texts, use), keyboards.privacy(texts))


async def _privacy(user: User, texts: Texts, use: UseCases) -> Markup:
    holdings = await use.count_holdings(user.id)
    text = texts("privacy", photos=holdings.photos, pictures=holdings.pictures, days=holdings.original_days)
    return Markup(f"{text} {texts('privacy-pose-photo')}") if holdings.pose_photo else text


async def _delete_everything(bot: Bot, user: User, use: UseCases) -> None:
    """The status messages of jobs in progress are deleted too: nothing edits them any more."""
    for chat_id, message_id in await use.delete_everything(user.id):
        try:
            await bot.delete_message(chat_id, message_id)
        except TelegramAPIError:  # it may be gone, or too old to be deleted; there is nothing personal in it
            continue
