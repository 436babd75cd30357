"""Status messages in Telegram: sent once, then edited. Telegram's many refusals come out as a few that mean something.

MessageError
├── MessageGone    the message was deleted: send another
├── ChatGone       the user blocked the bot, or the chat is no more
├── ChatMoved      the group has another id now
├── TooFast        wait `retry_after_s` in this chat
├── NotNow         the network or Telegram is down: try again later
└── Refused        this very request will never be taken
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiogram import Bot
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import BufferedInputFile, InputMediaPhoto, LinkPreviewOptions, Message

from bot.dispatch.status import Screen

HTML = ParseMode.HTML
NO_LINKS = LinkPreviewOptions(is_disabled=True)
GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message to be edited not found")
CHAT_GONE = ("chat not found", "peer_id_invalid", "user is deactivated", "chat_write_forbidden", "not enough rights")


class MessageError(Exception):
    """A message could not be shown."""


class MessageGone(MessageError):
    """The message was deleted."""


class ChatGone(MessageError):
    """The bot may not write there any more."""


class ChatMoved(MessageError):
    """The group became a supergroup."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"the chat is {chat_id} now")
        self.chat_id = chat_id


class TooFast(MessageError):
    """Flood control."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class NotNow(MessageError):
    """The network or Telegram is down."""


class Refused(MessageError):
    """This very request will never be taken."""


class _Unmodified(MessageError):
    """It looks so already."""


class _WithoutText(MessageError):
    """The message is a photo: its words are a caption."""


class StatusMessages:
    """Sends and edits; raises what the module names, and nothing else of Telegram's."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, chat_id: int, screen: Screen) -> int:
        """A new message, words only; gives its id."""
        async with _meaning():
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
        async with _meaning():
            await self._bot.send_message(chat_id, text, parse_mode=HTML)

    async def delete(self, chat_id: int, message_id: int) -> None:
        """Take a message back that nobody will edit."""
        async with _meaning():
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
                raise _WithoutText
            async with _meaning():
                await self._bot.edit_message_text(
                    screen.text,
                    chat_id=chat_id,
                    message_id=message_id,
                    reply_markup=screen.keyboard,
                    parse_mode=HTML,
                    link_preview_options=NO_LINKS,
                )
        except _Unmodified:
            return screen.preview is not None or bool(has_photo)
        except _WithoutText:
            await self._edit_caption(chat_id, message_id, screen)
            return True
        return False

    async def deliver(self, chat_id: int, message_id: int, screen: Screen, picture: bytes) -> str | None:
        """Turn the message into the picture; gives Telegram's file id. Doing it twice looks like once."""
        try:
            message = await self._edit_photo(chat_id, message_id, screen, picture, "picture.png")
        except _Unmodified:
            return None
        return message.photo[-1].file_id if isinstance(message, Message) and message.photo else None

    async def _edit_photo(
        self, chat_id: int, message_id: int, screen: Screen, image: bytes, name: str
    ) -> Message | bool:
        media = InputMediaPhoto(media=BufferedInputFile(image, name), caption=screen.text, parse_mode=HTML)
        async with _meaning():
            return await self._bot.edit_message_media(
                media, chat_id=chat_id, message_id=message_id, reply_markup=screen.keyboard
            )

    async def _edit_caption(self, chat_id: int, message_id: int, screen: Screen) -> None:
        try:
            async with _meaning():
                await self._bot.edit_message_caption(
                    chat_id=chat_id,
                    message_id=message_id,
                    caption=screen.text,
                    reply_markup=screen.keyboard,
                    parse_mode=HTML,
                )
        except _Unmodified:
            pass


@asynccontextmanager
async def _meaning() -> AsyncIterator[None]:
    try:
        yield
    except (TelegramAPIError, ClientDecodeError) as error:
        raise meaning_of(error) from error


def meaning_of(error: TelegramAPIError | ClientDecodeError) -> MessageError:
    """What a refusal of Telegram's means for a message. Telegram tells many of them apart by words alone."""
    words = str(error).lower()
    match error:
        case TelegramRetryAfter():
            return TooFast(error.retry_after)
        case TelegramMigrateToChat():
            return ChatMoved(error.migrate_to_chat_id)
        case TelegramForbiddenError():
            return ChatGone(str(error))
        case TelegramEntityTooLarge():
            return Refused(str(error))
        case TelegramNetworkError() | TelegramServerError() | ClientDecodeError():
            return NotNow(str(error))
        case TelegramBadRequest() if "message is not modified" in words:
            return _Unmodified(str(error))
        case TelegramBadRequest() if "there is no text in the message" in words:
            return _WithoutText(str(error))
        case TelegramBadRequest() if any(part in words for part in GONE):
            return MessageGone(str(error))
        case TelegramBadRequest() if any(part in words for part in CHAT_GONE):
            return ChatGone(str(error))
    return Refused(str(error))
