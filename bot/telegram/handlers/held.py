"""Messages from before consent: stored, and handled as new ones once their sender has agreed."""

from __future__ import annotations

from aiogram import Bot
from aiogram.types import Message, PhotoSize

from bot.db.tables import HeldMessage, User
from bot.errors import DomainError
from bot.telegram.handlers.photos import take_photo
from bot.telegram.handlers.prompts import take_prompt
from bot.telegram.photo_fetching import PhotoFetcher
from bot.translator import Texts
from bot.usecases import UseCases


def held_from(message: Message) -> HeldMessage | None:
    """The parts of a message to store: ids and text, no image; `None` for commands and messages that are no input.

    The caption of a forwarded photo was written by another person and is left out.
    """
    file = message.photo[-1] if message.photo else None if message.animation else message.document
    text = message.text if file is None else None if message.forward_origin else message.caption
    if file is None and (text is None or text.startswith("/")):
        return None
    return HeldMessage(
        user_id=message.chat.id,
        message_id=message.message_id,
        album_id=message.media_group_id,
        file_id=None if file is None else file.file_id,
        file_size=None if file is None else file.file_size,
        text=text,
    )


async def handle_held(
    origin: Message, bot: Bot, user: User, texts: Texts, use: UseCases, fetch_photo: PhotoFetcher
) -> bool:
    """Handles the user's held messages and returns whether there were any. `origin` is any message of the chat.

    A message is deleted after it was handled: after a crash it is handled again, which changes nothing.
    """
    waiting = await use.take_held(user.id)
    for held in waiting:
        message = _message_of(held, origin).as_(bot)
        try:
            if held.file_id is None:
                await take_prompt(message, user, texts, use)
            else:
                await take_photo(message, bot, user, texts, use, fetch_photo)
        except DomainError as error:
            await message.reply(texts(error.key, **error.variables))
        await use.take_held.settle(held)
    return bool(waiting)


def _message_of(held: HeldMessage, origin: Message) -> Message:
    """The held message as Telegram would send it, with the fields that the handlers read."""
    photo = None
    if held.file_id is not None:
        size = PhotoSize(file_id=held.file_id, file_unique_id=held.file_id, width=0, height=0, file_size=held.file_size)
        photo = [size]
    return Message(
        message_id=held.message_id,
        date=origin.date,
        chat=origin.chat,
        media_group_id=held.album_id,
        photo=photo,
        caption=held.text if photo else None,
        text=None if photo else held.text,
    )
