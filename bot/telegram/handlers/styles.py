"""/style and the style buttons; under a picture they draw its prompt again in another style."""

from __future__ import annotations

from uuid import UUID

from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery, Message

from bot.db.tables import User
from bot.domain import Stage
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import (
    JobAction,
    JobCallback,
    SettingsAction,
    SettingsCallback,
    StyleCallback,
    StylePageCallback,
)
from bot.telegram.edits import Toast, edit_buttons, message_of
from bot.telegram.handlers.jobs import redrawn_toast
from bot.telegram.handlers.results import first_page
from bot.telegram.handlers.typed import TypedCommand
from bot.telegram.next_step import next_step
from bot.telegram.preset_pages import PresetSheets, edit_words, page_at, page_with
from bot.translator import Markup, Texts
from bot.usecases import UseCases
from bot.usecases.pictures import Change


def build() -> Router:
    router = Router(name="styles")
    router.message.register(ask_style, TypedCommand("style"))
    router.callback_query.register(open_styles, SettingsCallback.filter(F.action == SettingsAction.STYLES))
    router.callback_query.register(open_for_picture, JobCallback.filter(F.action == JobAction.OTHER_STYLE))
    router.callback_query.register(turn, StylePageCallback.filter())
    router.callback_query.register(choose, StyleCallback.filter())
    return router


async def ask_style(message: Message, bot: Bot, user: User, texts: Texts, styles: Styles, sheets: PresetSheets) -> None:
    page = page_with("style", styles.names, user.style)
    buttons = keyboards.styles(texts, styles, page, user.style)
    await sheets.send(bot, message.chat.id, page, texts("next-style"), buttons)


async def open_styles(
    callback: CallbackQuery, bot: Bot, user: User, texts: Texts, styles: Styles, sheets: PresetSheets
) -> None:
    """Sends the styles as a new message; the message with the button stays unchanged."""
    message = message_of(callback)
    if message is not None:
        await ask_style(message, bot, user, texts, styles, sheets)


async def open_for_picture(
    callback: CallbackQuery,
    callback_data: JobCallback,
    bot: Bot,
    user: User,
    texts: Texts,
    use: UseCases,
    styles: Styles,
    sheets: PresetSheets,
) -> None:
    job = await use.find_picture(user.id, callback_data.job_id)
    page = page_with("style", styles.names, job.style)
    buttons = keyboards.styles(texts, styles, page, job.style, job.id)
    message = message_of(callback)
    reply_to = None if message is None else message.message_id
    await sheets.send(bot, user.id, page, texts("job-pick-style"), buttons, reply_to)


async def turn(
    callback: CallbackQuery,
    callback_data: StylePageCallback,
    user: User,
    texts: Texts,
    use: UseCases,
    styles: Styles,
    sheets: PresetSheets,
) -> None:
    message = message_of(callback)
    if message is None:
        return
    chosen, text = user.style, texts("next-style")
    if callback_data.job_id is not None:
        chosen, text = (await use.find_picture(user.id, callback_data.job_id)).style, texts("job-pick-style")
    page = page_at("style", styles.names, callback_data.page)
    await sheets.turn(message, page, text, keyboards.styles(texts, styles, page, chosen, callback_data.job_id))


async def choose(
    callback: CallbackQuery, callback_data: StyleCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> Toast:
    if callback_data.name not in styles:
        return Toast(texts("style-gone"), alert=True)
    if callback_data.job_id is not None:
        return await _redraw(callback, callback_data.name, callback_data.job_id, user, texts, use)
    await use.choose_style(user.id, callback_data.name)
    title = styles[callback_data.name].label(texts.language)
    message = message_of(callback)
    if message is not None:
        stage, style = await use.find_stage(user.id)
        text, _ = next_step(texts, styles, stage, style)
        if stage != Stage.PROMPT:
            text = Markup(f"{texts('style-chosen', style=title)}\n\n{text}")
        page = page_with("style", styles.names, callback_data.name)
        await edit_words(message, text, keyboards.styles(texts, styles, page, style))
    return Toast(texts("style-chosen-toast", style=title))


async def _redraw(callback: CallbackQuery, style: str, job_id: UUID, user: User, texts: Texts, use: UseCases) -> Toast:
    """Queues the picture in another style; it replies to the earlier picture, not to the sheet of styles."""
    message = message_of(callback)
    source = await use.find_picture(user.id, job_id)
    message_id = source.result_message_id or (None if message is None else message.message_id)
    redrawn = await use.redraw(user.id, user.id, callback.id, job_id, Change(style=style), message_id=message_id)
    if message is not None and message.message_id == source.result_message_id:
        await edit_buttons(message, first_page(texts, source))
    return redrawn_toast(texts, redrawn)
