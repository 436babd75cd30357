"""One of several people on a photo is chosen by the number of the box."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery

from bot.db.tables import User
from bot.telegram.callbacks import PersonCallback
from bot.telegram.edits import Toast, edit_caption, message_of
from bot.telegram.refusals import MessageGone, suppress_refusals
from bot.translator import Texts
from bot.usecases import UseCases


def build() -> Router:
    router = Router(name="people")
    router.callback_query.register(choose, PersonCallback.filter())
    return router


async def choose(
    callback: CallbackQuery, callback_data: PersonCallback, user: User, texts: Texts, use: UseCases
) -> Toast | None:
    message, number = message_of(callback), callback_data.number
    chosen = await use.choose_person(user.id, callback_data.reference_id, number)
    if message is None:
        return None
    if chosen is None:
        await edit_caption(message, texts("photo-choice-gone"))
        return None
    await edit_caption(message, texts("photo-choice-made", number=number))
    looking = await message.reply(texts("photo-looking") if chosen.worker_alive else texts("photo-paused"))
    if not await use.announce_answer(chosen.reference_id, looking.message_id):
        with suppress_refusals(MessageGone):
            await looking.delete()
    return None
