"""/style and the style buttons; under a picture they draw its prompt again in another style."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery, Message

from bot.db.tables import User
from bot.domain import Stage
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import StyleCallback
from bot.telegram.edits import Toast, edit_buttons, edit_text, message_of
from bot.telegram.handlers.jobs import redrawn_toast
from bot.telegram.handlers.results import first_page
from bot.telegram.handlers.typed import TypedCommand
from bot.telegram.next_step import next_step
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.pictures import Change


def build() -> Router:
    router = Router(name="styles")
    router.message.register(ask_style, TypedCommand("style"))
    router.callback_query.register(choose, StyleCallback.filter())
    return router


async def ask_style(message: Message, user: User, texts: Texts, styles: Styles) -> None:
    await message.answer(texts("next-style"), reply_markup=keyboards.styles(texts, styles, user.style))


async def choose(
    callback: CallbackQuery, callback_data: StyleCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> Toast:
    message = message_of(callback)
    if callback_data.name not in styles:
        return Toast(texts("style-gone"), alert=True)
    if callback_data.job_id is not None:
        change = Change(style=callback_data.name)
        message_id = None if message is None else message.message_id
        redrawn = await use.redraw(
            user.id, callback.from_user.id, callback.id, callback_data.job_id, change, message_id=message_id
        )
        if message is not None:
            job = await use.find_picture(user.id, callback_data.job_id)
            await edit_buttons(message, first_page(texts, job))
        return redrawn_toast(texts, redrawn)
    await use.choose_style(user.id, callback_data.name)
    title = styles[callback_data.name].label(texts.language)
    if message is not None:
        stage, style = await use.find_stage(user.id)
        text, _ = next_step(texts, styles, stage, style)
        if stage != Stage.PROMPT:
            text = Markup(f"{texts('style-chosen', style=title)}\n\n{text}")
        await edit_text(message, text, keyboards.styles(texts, styles, style))
    return Toast(texts("style-chosen-toast", style=title))
