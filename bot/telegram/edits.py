"""Answers of handlers: toasts on buttons, and edits that may be repeated."""

from __future__ import annotations

import html
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from aiogram import Bot
from aiogram.exceptions import TelegramAPIError
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.telegram.refusals import ApiRefusal, MessageGone, QueryExpired, Unmodified, refusals, suppress_refusals


@dataclass(frozen=True)
class Toast:
    """The answer to a pressed button; an `alert` stays until the user closes it."""

    text: str
    alert: bool = False

    @property
    def plain(self) -> str:
        """The text as Telegram shows it: without markup, at most 200 characters."""
        return html.unescape(self.text)[:200]


class ButtonAnswer:
    """The answer to a pressed button, which Telegram takes once; until it comes, the person sees a spinner.

    The middleware answers after the handler. A handler whose work takes seconds answers before it, by the parameter
    `answer`; a toast that comes after that is sent as a message.
    """

    def __init__(self, callback: CallbackQuery) -> None:
        self._callback = callback
        self._given = False

    async def __call__(self, toast: Toast | None = None) -> None:
        if not self._given:
            await answer_button(self._callback, toast)
            self._given = True
        elif toast is not None and self._callback.bot is not None:
            with suppress(TelegramAPIError):
                await self._callback.bot.send_message(self._callback.from_user.id, toast.text)


async def answer_button(callback: CallbackQuery, toast: Toast | None = None) -> None:
    """Telegram accepts no answer to a button that was pressed too long ago; the effect of the button stays."""
    with suppress_refusals(QueryExpired):
        if toast is None:
            await callback.answer()
        else:
            await callback.answer(toast.plain, show_alert=toast.alert)


def message_of(callback: CallbackQuery) -> Message | None:
    """The message whose button was pressed, if Telegram still lets it be read."""
    return callback.message if isinstance(callback.message, Message) else None


async def edit_text(message: Message, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    """Edits a message of the bot. It is no error if the message has this text already or has been deleted."""
    with ignore_unchanged():
        await message.edit_text(text, reply_markup=buttons)


async def edit_caption(message: Message, caption: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    """Edits the caption of a message with a picture, as `edit_text`."""
    with ignore_unchanged():
        await message.edit_caption(caption=caption, reply_markup=buttons)


async def edit_buttons(message: Message, buttons: InlineKeyboardMarkup | None) -> None:
    """Edits only the buttons of a message, as `edit_text`."""
    with ignore_unchanged():
        await message.edit_reply_markup(reply_markup=buttons)


async def take_back_picture(bot: Bot, chat_id: int, message_id: int, too_late: str) -> None:
    """Deletes the message that shows a picture. Telegram lets a bot delete messages of the last two days; an older one
    gets the caption `too_late`."""
    try:
        with refusals():
            await bot.delete_message(chat_id, message_id)
    except MessageGone:
        return
    except ApiRefusal:
        with ignore_unchanged():
            await bot.edit_message_caption(chat_id=chat_id, message_id=message_id, caption=too_late)


def ignore_unchanged() -> AbstractContextManager[None]:
    """In this block, an edit that changes nothing, or whose message is gone, is no error."""
    return suppress_refusals(Unmodified, MessageGone)
