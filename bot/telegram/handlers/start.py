"""/start, /help, /language: the commands that work before the user has agreed to the terms."""

from __future__ import annotations

from aiogram import Bot, F, Router
from aiogram.enums import ChatType
from aiogram.filters import ChatMemberUpdatedFilter
from aiogram.filters.chat_member_updated import KICKED, MEMBER
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message

from bot.db.tables import User
from bot.domain import LANGUAGES, Stage
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import LanguageCallback
from bot.telegram.commands import publish_for
from bot.telegram.edits import Toast, edit_text, message_of
from bot.telegram.handlers.admission import RequireAdmission
from bot.telegram.handlers.consent import ask_consent
from bot.telegram.handlers.typed import TypedCommand
from bot.telegram.next_step import next_step
from bot.translator import Markup, Texts, Translator
from bot.usecases import UseCases
from bot.usecases.credits import CreditUseCases


def build() -> Router:
    router = Router(name="start")
    beginning = Router(name="beginning")
    beginning.message.middleware(RequireAdmission())
    beginning.message.register(start, TypedCommand("start"))
    router.include_router(beginning)
    router.message.register(help_, TypedCommand("help"))
    router.message.register(ask_language, TypedCommand("language"))
    router.callback_query.register(choose_language, LanguageCallback.filter(F.language.in_(LANGUAGES)))
    in_private = F.chat.type == ChatType.PRIVATE  # a user who removes the bot from a group has not blocked it
    router.my_chat_member.register(blocked, in_private, ChatMemberUpdatedFilter(KICKED))
    router.my_chat_member.register(unblocked, in_private, ChatMemberUpdatedFilter(MEMBER))
    return router


async def start(message: Message, user: User, texts: Texts, use: UseCases, styles: Styles) -> None:
    stage, style = await use.find_stage(user.id)
    if stage == Stage.CONSENT:
        await message.answer(texts("welcome"))
        await ask_consent(message, texts, renewed=user.consent_version is not None)
        return
    text, buttons = next_step(texts, styles, stage, style)
    await message.answer(Markup(f"{texts('welcome-back')}\n\n{text}"), reply_markup=buttons)


async def help_(message: Message, texts: Texts, credits: CreditUseCases | None) -> None:
    text = texts("help")
    await message.answer(text if credits is None else Markup(f"{text}\n\n{texts('help-credits')}"))


async def ask_language(message: Message, texts: Texts) -> None:
    await message.answer(texts("language-ask"), reply_markup=keyboards.languages(texts))


async def choose_language(
    callback: CallbackQuery,
    callback_data: LanguageCallback,
    bot: Bot,
    user: User,
    use: UseCases,
    translator: Translator,
    styles: Styles,
    admin_ids: frozenset[int],
    credits: CreditUseCases | None,
) -> Toast:
    await use.choose_language(user.id, callback_data.language)
    texts = translator.of(callback_data.language)
    message = message_of(callback)
    if message is not None:
        stage, style = await use.find_stage(user.id)
        text, buttons = next_step(texts, styles, stage, style)
        await edit_text(message, Markup(f"{texts('language-chosen')}\n\n{text}"), buttons)
    await publish_for(bot, texts, user.id, is_admin=user.id in admin_ids, credits_on=credits is not None)
    return Toast(texts("language-chosen"))


async def blocked(event: ChatMemberUpdated, use: UseCases) -> None:
    await use.note_blocked(event.from_user.id, blocked=True)


async def unblocked(event: ChatMemberUpdated, use: UseCases) -> None:
    await use.note_blocked(event.from_user.id, blocked=False)
