"""/photos: the stored photos of the current person, with a button to delete each."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram import Bot, Router
from aiogram.types import BufferedInputFile, CallbackQuery, Message

from bot.db.tables import Reference, User
from bot.domain import ReferenceState
from bot.styles import Styles
from bot.telegram import keyboards
from bot.telegram.callbacks import ReferenceAction, ReferenceCallback
from bot.telegram.edits import Toast, edit_buttons, edit_caption, message_of
from bot.telegram.handlers.typed import TypedCommand
from bot.telegram.next_step import next_step
from bot.translator import Texts
from bot.usecases import UseCases
from engine.contract import REFERENCES_MAX


def build() -> Router:
    router = Router(name="gallery")
    router.message.register(show_photos, TypedCommand("photos"))
    router.callback_query.register(press, ReferenceCallback.filter())
    return router


async def show_photos(message: Message, bot: Bot, user: User, texts: Texts, use: UseCases) -> None:
    await send_photos(bot, message.chat.id, await use.list_photos(user.id), texts)


async def send_photos(bot: Bot, chat_id: int, photos: Sequence[Reference], texts: Texts) -> None:
    """Sends the photos of one person, one message per photo, and their number."""
    if not photos:
        await bot.send_message(chat_id, texts("gallery-empty"))
        return
    for number, photo in enumerate(photos, 1):
        key = "gallery-photo" if photo.state == ReferenceState.ACCEPTED else "gallery-photo-pending"
        await bot.send_photo(
            chat_id,
            BufferedInputFile(photo.image, f"photo-{number}.jpg"),
            caption=texts(key, number=number),
            reply_markup=keyboards.reference(texts, photo.id),
        )
    summary = texts("gallery-summary", count=len(photos), limit=REFERENCES_MAX)
    await bot.send_message(chat_id, summary, reply_markup=keyboards.references(texts))


async def press(
    callback: CallbackQuery, callback_data: ReferenceCallback, user: User, texts: Texts, use: UseCases, styles: Styles
) -> Toast | None:
    message = message_of(callback)
    if callback_data.action == ReferenceAction.DELETE and callback_data.reference_id is not None:
        left = await use.delete_photo(user.id, callback_data.reference_id)
        if message is not None:
            await edit_caption(message, texts("gallery-deleted", left=left))
        return Toast(texts("gallery-deleted-toast"))
    if callback_data.action == ReferenceAction.COVER and callback_data.reference_id is not None:
        is_cover = await use.people.set_cover(user.id, callback_data.reference_id)
        return Toast(texts("photo-cover-set" if is_cover else "photo-choice-gone"))
    if callback_data.action == ReferenceAction.ADD:
        return Toast(texts("gallery-add"), alert=True)
    if message is not None:
        await edit_buttons(message, None)
        stage, style = await use.find_stage(user.id)
        text, buttons = next_step(texts, styles, stage, style)
        await message.answer(text, reply_markup=buttons)
    return None
