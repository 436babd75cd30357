"""Messages about jobs in Telegram: sent once, then edited. Methods raise the refusals of `bot.telegram.refusals`."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram import Bot
from aiogram.enums import ParseMode
from aiogram.types import BufferedInputFile, InputMediaPhoto, LinkPreviewOptions, MediaUnion, Message, ReplyParameters

from bot.dispatch.status_view import StatusView
from bot.telegram.refusals import Unmodified, WithoutText, refusals

HTML = ParseMode.HTML
NO_LINKS = LinkPreviewOptions(is_disabled=True)


class StatusMessenger:
    """Sends and edits messages; raises no exception of aiogram but TelegramRefusal."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, chat_id: int, view: StatusView, *, reply_to: int | None = None) -> int:
        """Sends a new text message, in reply to `reply_to` if that still exists; returns its id."""
        with refusals():
            message = await self._bot.send_message(
                chat_id,
                view.text,
                reply_markup=view.keyboard,
                reply_parameters=_reply(reply_to),
                parse_mode=HTML,
                link_preview_options=NO_LINKS,
            )
        return message.message_id

    async def send_album(
        self, chat_id: int, file_ids: Sequence[str], text: str, *, reply_to: int | None = None
    ) -> list[int]:
        """Sends pictures that Telegram stores as one album; `text` is its caption. Returns the ids of its messages in
        the order of the pictures."""
        media: list[MediaUnion] = [
            InputMediaPhoto(media=file_id, caption=text if number == 0 else None, parse_mode=HTML)
            for number, file_id in enumerate(file_ids)
        ]
        with refusals():
            messages = await self._bot.send_media_group(chat_id, media, reply_parameters=_reply(reply_to))
        return [message.message_id for message in messages]

    async def say(self, chat_id: int, text: str) -> None:
        """Sends a message that is no status message."""
        with refusals():
            await self._bot.send_message(chat_id, text, parse_mode=HTML)

    async def delete(self, chat_id: int, message_id: int) -> None:
        """Deletes a message that will not be edited any more."""
        with refusals():
            await self._bot.delete_message(chat_id, message_id)

    async def edit(self, chat_id: int, message_id: int, view: StatusView, *, has_photo: bool | None) -> bool:
        """Edits the message to show `view`; returns whether the message has a photo now. `has_photo`: whether it had
        one before, `None` if unknown.

        A message with a photo keeps one: Telegram lets only its caption or the photo itself change.
        """
        try:
            if view.preview is not None:
                await self._edit_photo(chat_id, message_id, view, view.preview.image, "preview.jpg")
                return True
            if has_photo:
                raise WithoutText
            with refusals():
                await self._bot.edit_message_text(
                    view.text,
                    chat_id=chat_id,
                    message_id=message_id,
                    reply_markup=view.keyboard,
                    parse_mode=HTML,
                    link_preview_options=NO_LINKS,
                )
        except Unmodified:
            return view.preview is not None or bool(has_photo)
        except WithoutText:
            await self._edit_caption(chat_id, message_id, view)
            return True
        return False

    async def deliver(self, chat_id: int, message_id: int, view: StatusView, picture: bytes) -> str | None:
        """Turns the message into the picture; returns Telegram's file id. Repeating the call changes nothing."""
        try:
            message = await self._edit_photo(chat_id, message_id, view, picture, "picture.png")
        except Unmodified:
            return None
        return message.photo[-1].file_id if isinstance(message, Message) and message.photo else None

    async def _edit_photo(
        self, chat_id: int, message_id: int, view: StatusView, image: bytes, name: str
    ) -> Message | bool:
        media = InputMediaPhoto(media=BufferedInputFile(image, name), caption=view.text, parse_mode=HTML)
        with refusals():
            return await self._bot.edit_message_media(
                media, chat_id=chat_id, message_id=message_id, reply_markup=view.keyboard
            )

    async def _edit_caption(self, chat_id: int, message_id: int, view: StatusView) -> None:
        try:
            with refusals():
                await self._bot.edit_message_caption(
                    chat_id=chat_id,
                    message_id=message_id,
                    caption=view.text,
                    reply_markup=view.keyboard,
                    parse_mode=HTML,
                )
        except Unmodified:
            pass


def _reply(message_id: int | None) -> ReplyParameters | None:
    """The parameters of a reply to a message that may have been deleted."""
    return None if message_id is None else ReplyParameters(message_id=message_id, allow_sending_without_reply=True)
