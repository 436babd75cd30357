"""Status messages in Telegram: sent once, then edited. Methods raise the refusals of `bot.refusals`."""

from __future__ import annotations

from aiogram import Bot
from aiogram.enums import ParseMode
from aiogram.types import BufferedInputFile, InputMediaPhoto, LinkPreviewOptions, Message

from bot.dispatch.status import Screen
from bot.refusals import Unmodified, WithoutText, refusals

HTML = ParseMode.HTML
NO_LINKS = LinkPreviewOptions(is_disabled=True)


class StatusMessages:
    """Sends and edits; raises TelegramRefusal, and nothing else of Telegram's."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, chat_id: int, screen: Screen) -> int:
        """A new message, words only; gives its id."""
        with refusals():
            message = await self._bot.send_message(
                chat_id,
                screen.text,
                reply_markup=screen.keyboard,
                parse_mode=HTML,
                link_preview_options=NO_LINKS,
            )
        return message.message_id

    async def say(self, chat_id: int, text: str) -> None:
        """A message that stands for itself."""
        with refusals():
            await self._bot.send_message(chat_id, text, parse_mode=HTML)

    async def delete(self, chat_id: int, message_id: int) -> None:
        """Take a message back that nobody will edit."""
        with refusals():
            await self._bot.delete_message(chat_id, message_id)

    async def edit(self, chat_id: int, message_id: int, screen: Screen, *, has_photo: bool | None) -> bool:
        """Show `screen` there; gives whether the message has a photo now. `has_photo`: so far, `None` if unknown.

        A message once a photo stays one: Telegram lets its caption change, or the photo.
        """
        try:
            if screen.preview is not None:
                await self._edit_photo(chat_id, message_id, screen, screen.preview.image, "preview.jpg")
                return True
            if has_photo:
                raise WithoutText
            with refusals():
                await self._bot.edit_message_text(
                    screen.text,
                    chat_id=chat_id,
                    message_id=message_id,
                    reply_markup=screen.keyboard,
                    parse_mode=HTML,
                    link_preview_options=NO_LINKS,
                )
        except Unmodified:
            return screen.preview is not None or bool(has_photo)
        except WithoutText:
            await self._edit_caption(chat_id, message_id, screen)
            return True
        return False

    async def deliver(self, chat_id: int, message_id: int, screen: Screen, picture: bytes) -> str | None:
        """Turn the message into the picture; gives Telegram's file id. Doing it twice looks like once."""
        try:
            message = await self._edit_photo(chat_id, message_id, screen, picture, "picture.png")
        except Unmodified:
            return None
        return message.photo[-1].file_id if isinstance(message, Message) and message.photo else None

    async def _edit_photo(
        self, chat_id: int, message_id: int, screen: Screen, image: bytes, name: str
    ) -> Message | bool:
        media = InputMediaPhoto(media=BufferedInputFile(image, name), caption=screen.text, parse_mode=HTML)
        with refusals():
            return await self._bot.edit_message_media(
                media, chat_id=chat_id, message_id=message_id, reply_markup=screen.keyboard
            )

    async def _edit_caption(self, chat_id: int, message_id: int, screen: Screen) -> None:
        try:
            with refusals():
                await self._bot.edit_message_caption(
                    chat_id=chat_id,
                    message_id=message_id,
                    caption=screen.text,
                    reply_markup=screen.keyboard,
                    parse_mode=HTML,
                )
        except Unmodified:
            pass
