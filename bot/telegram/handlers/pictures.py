"""/gallery and /favourites: the user's pictures, one per page, by the ids under which Telegram keeps them."""

from __future__ import annotations

from aiogram import Bot, Router
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, InputMediaPhoto, Message

from bot.db.results import GalleryPage
from bot.db.tables import User
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import GalleryCallback
from bot.telegram.captions import caption
from bot.telegram.edits import Toast, ignore_unchanged, message_of
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Markup, Texts
from bot.usecases import UseCases


def build() -> Router:
    router = Router(name="pictures")
    router.message.register(show_gallery, TypedCommand("gallery"))
    router.message.register(show_favourites, TypedCommand("favourites"))
    router.callback_query.register(turn, GalleryCallback.filter())
    return router


async def show_gallery(message: Message, bot: Bot, user: User, texts: Texts, use: UseCases, styles: Styles) -> None:
    await _show(message, bot, user, texts, use, styles, favourites=False)


async def show_favourites(message: Message, bot: Bot, user: User, texts: Texts, use: UseCases, styles: Styles) -> None:
    await _show(message, bot, user, texts, use, styles, favourites=True)


async def _show(
    message: Message, bot: Bot, user: User, texts: Texts, use: UseCases, styles: Styles, *, favourites: bool
) -> None:
    page = await use.browse_gallery(user.id, favourites=favourites)
    if page is None or page.job.result_file_id is None:
        await message.answer(texts("favourites-empty" if favourites else "pictures-empty"))
        return
    text, buttons = _page(page, texts, styles, favourites=favourites)
    await bot.send_photo(message.chat.id, page.job.result_file_id, caption=text, reply_markup=buttons)


async def turn(
    callback: CallbackQuery, callback_data: GalleryCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> Toast | None:
    favourites = callback_data.favourites
    page = await use.browse_gallery(user.id, callback_data.job_id, favourites=favourites)
    if page is None or page.job.result_file_id is None:
        return Toast(texts("favourites-empty" if favourites else "pictures-empty"), alert=True)
    message = message_of(callback)
    if message is not None:
        text, buttons = _page(page, texts, styles, favourites=favourites)
        with ignore_unchanged():
            await message.edit_media(InputMediaPhoto(media=page.job.result_file_id, caption=text), reply_markup=buttons)
    return None


def _page(page: GalleryPage, texts: Texts, styles: Styles, *, favourites: bool) -> tuple[Markup, InlineKeyboardMarkup]:
    title = texts("favourites-page" if favourites else "pictures-page", number=page.number, count=page.count)
    buttons = keyboards.gallery(texts, page.job.id, favourites=favourites, newer=page.newer, older=page.older)
    return Markup(f"{title}\n{caption(page.job, texts, styles)}"), buttons
