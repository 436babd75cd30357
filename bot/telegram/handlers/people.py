"""Decisions about a photo: one of several people is chosen by the number of the box; another person's photo begins
a new person, replaces the earlier ones, is used beside them, or is deleted."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery

from bot.db.tables import User
from bot.domain import OtherPersonChoice
from bot.telegram.callbacks import OtherPersonCallback, PersonCallback
from bot.telegram.edits import Toast, edit_caption, edit_text, message_of
from bot.telegram.refusals import MessageGone, suppress_refusals
from bot.translator import Texts
from bot.usecases import UseCases
from engine.contract import REFERENCES_MAX


def build() -> Router:
    router = Router(name="people")
    router.callback_query.register(choose, PersonCallback.filter())
    router.callback_query.register(decide_other, OtherPersonCallback.filter())
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


async def decide_other(
    callback: CallbackQuery, callback_data: OtherPersonCallback, user: User, texts: Texts, use: UseCases
) -> Toast | None:
    message, choice = message_of(callback), callback_data.choice
    count = await use.decide_other_person(user.id, callback_data.reference_id, choice)
    if message is None:
        return None
    if count == 0:
        key = "other-person-gone" if choice is not OtherPersonChoice.ADD else "other-person-gone-or-full"
        await edit_text(message, texts(key, limit=REFERENCES_MAX))
    else:
        await edit_text(message, texts(f"other-person-{choice}", count=count))
    return None
