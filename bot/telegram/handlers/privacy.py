"""/privacy: the stored data, and its deletion; /export: a copy of it."""

from __future__ import annotations

import html

from aiogram import Bot, Router
from aiogram.enums import ChatAction
from aiogram.exceptions import TelegramAPIError
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bot.db.tables import User
from bot.telegram import keyboards
from bot.telegram.callbacks import PrivacyAction, PrivacyCallback
from bot.telegram.edits import edit_text, message_of
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.credits import CreditUseCases


def build() -> Router:
    router = Router(name="privacy")
    router.message.register(show_privacy, TypedCommand("privacy"))
    router.message.register(export, TypedCommand("export"))
    router.callback_query.register(press, PrivacyCallback.filter())
    return router


async def show_privacy(
    message: Message, user: User, texts: Texts, use: UseCases, contact: str | None, credits: CreditUseCases | None
) -> None:
    text = await _privacy(user, texts, use, contact, credits)
    await message.answer(text, reply_markup=keyboards.privacy(texts))


async def press(
    callback: CallbackQuery,
    callback_data: PrivacyCallback,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    contact: str | None,
    credits: CreditUseCases | None,
) -> None:
    message = message_of(callback)
    if callback_data.action == PrivacyAction.DELETE:
        await _delete_everything(bot, user, use)
        if message is not None:
            await edit_text(message, texts("privacy-deleted"))
    elif message is not None and callback_data.action == PrivacyAction.ASK_DELETE:
        await edit_text(message, await _confirmation(user, texts, credits), keyboards.privacy_confirm(texts))
    elif message is not None:
        await edit_text(message, await _privacy(user, texts, use, contact, credits), keyboards.privacy(texts))


async def export(message: Message, bot: Bot, user: User, texts: Texts, use: UseCases) -> None:
    await bot.send_chat_action(message.chat.id, ChatAction.UPLOAD_DOCUMENT)
    archives = await use.export_data(user.id, html.unescape(texts("export-readme")))
    caption = texts("export-caption")
    for number, archive in enumerate(archives, 1):
        part = texts("export-part", caption=caption, number=number, count=len(archives))
        document = BufferedInputFile(archive.content, archive.name)
        await bot.send_document(message.chat.id, document, caption=caption if len(archives) == 1 else part)


async def _privacy(
    user: User, texts: Texts, use: UseCases, contact: str | None, credits: CreditUseCases | None
) -> Markup:
    holdings = await use.count_holdings(user.id)
    text = texts("privacy", photos=holdings.photos, pictures=holdings.pictures, days=holdings.original_days)
    if holdings.pose_photo:
        text = Markup(f"{text} {texts('privacy-pose-photo')}")
    if holdings.image_prompt:
        text = Markup(f"{text} {texts('privacy-image-prompt')}")
    below = [texts("privacy-rights")]
    if credits is not None:
        below.insert(0, texts("privacy-credits"))
    if contact is not None:
        below.append(texts("privacy-contact", contact=contact))
    return Markup("\n".join([text, "", *below]))


async def _confirmation(user: User, texts: Texts, credits: CreditUseCases | None) -> Markup:
    """The question before the deletion. It names what the user would lose, if they paid for it."""
    text = texts("privacy-confirm")
    lasting = 0 if credits is None else (await credits.read_balance(user.id)).lasting
    return text if not lasting else Markup(f"{text} {texts('privacy-confirm-credits', credits=lasting)}")


async def _delete_everything(bot: Bot, user: User, use: UseCases) -> None:
    """Deletes all data of the user. Status messages of jobs in progress and the user's pictures in groups are deleted
    too."""
    for chat_id, message_id in await use.delete_everything(user.id):
        try:
            await bot.delete_message(chat_id, message_id)
        except TelegramAPIError:  # it may be gone, or the bot may have left the group
            continue
