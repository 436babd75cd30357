"""The style editor: offer or not, order, make and delete one."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import CallbackQuery

from bot.admin_acts import QuestionKind
from bot.styles import Styles
from bot.telegram import admin_views
from bot.telegram.admin_callbacks import DeskAction, DeskCallback, StyleDeskAction, StyleDeskCallback
from bot.telegram.edits import Toast
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.questions import ask
from bot.telegram.handlers.admin.service import show
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.admin.styles import PLACEHOLDER

EXAMPLE = f"🏰\nAt a castle\nУ замка\n{PLACEHOLDER}, in front of an old stone castle, soft evening light"


def build() -> Router:
    router = admin_router("admin styles")
    router.callback_query.register(show_styles, DeskCallback.filter(F.action == DeskAction.STYLES))
    router.callback_query.register(ask_new, DeskCallback.filter(F.action == DeskAction.NEW_STYLE))
    router.callback_query.register(press, StyleDeskCallback.filter())
    return router


async def show_styles(
    callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases, styles: Styles
) -> None:
    styles.apply(await use.admin.styles.read())
    await show(callback, admin_views.styles_desk(texts, styles, callback_data.at))


async def ask_new(callback: CallbackQuery, texts: Texts, use: UseCases) -> None:
    text = texts("style-ask-new", placeholder=PLACEHOLDER, example=EXAMPLE)
    await ask(callback, use, text, QuestionKind.STYLE)


async def press(
    callback: CallbackQuery, callback_data: StyleDeskCallback, texts: Texts, use: UseCases, styles: Styles
) -> Toast | None:
    admin_id, name, editor = callback.from_user.id, callback_data.name, use.admin.styles
    names = [style.name for style in styles.all]
    match callback_data.action:
        case StyleDeskAction.VIEW:
            edits = await editor.read()
        case StyleDeskAction.ON | StyleDeskAction.OFF as action:
            edits = await editor.switch(admin_id, name, enabled=action == StyleDeskAction.ON)
        case StyleDeskAction.EARLIER:
            edits = await editor.move(admin_id, name, names, -1)
        case StyleDeskAction.LATER:
            edits = await editor.move(admin_id, name, names, 1)
        case StyleDeskAction.DELETE:
            edits = await editor.delete(admin_id, name)
    styles.apply(edits)
    style = next((style for style in styles.all if style.name == name), None)
    if style is None:
        await show(callback, admin_views.styles_desk(texts, styles, 0))
        return None
    await show(callback, admin_views.style_desk(texts, styles, style))
    return None
