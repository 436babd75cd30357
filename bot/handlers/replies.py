"""How handlers speak: toasts on buttons, edits that may be repeated, and the question that comes next."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot import keyboards
from bot.domain import Stage
from bot.styles import Styles
from bot.translator import Markup, Texts
from engine.contract import REFERENCES_MAX


@dataclass(frozen=True)
class Toast:
    """What a pressed button answers; `alert` asks to be closed."""

    text: str
    alert: bool = False

    @property
    def plain(self) -> str:
        """Telegram shows it without markup, and at most 200 characters of it."""
        return html.unescape(self.text)[:200]


def under(callback: CallbackQuery) -> Message | None:
    """The message whose button was pressed, if Telegram still lets it be read."""
    return callback.message if isinstance(callback.message, Message) else None


async def rewrite(message: Message, text: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    """Edit a message of ours; one that reads so already, or is gone, stays as it is."""
    with repeatable():
        await message.edit_text(text, reply_markup=buttons)


async def recaption(message: Message, caption: str, buttons: InlineKeyboardMarkup | None = None) -> None:
    """`rewrite` for a message with a picture."""
    with repeatable():
        await message.edit_caption(caption=caption, reply_markup=buttons)


async def rebutton(message: Message, buttons: InlineKeyboardMarkup | None) -> None:
    """`rewrite` for the buttons alone."""
    with repeatable():
        await message.edit_reply_markup(reply_markup=buttons)


@contextmanager
def repeatable() -> Iterator[None]:
    """Passes over an edit that has been made already, or whose message is gone."""
    try:
        yield
    except TelegramBadRequest as error:
        if "message is not modified" not in error.message and not is_gone(error):
            raise


def is_gone(error: TelegramBadRequest) -> bool:
    words = error.message.lower()
    return "message to edit not found" in words or "message can't be edited" in words


def next_step(
    texts: Texts, styles: Styles, stage: Stage, style: str | None
) -> tuple[Markup, InlineKeyboardMarkup | None]:
    """The question that comes next, with its buttons."""
    if stage == Stage.CONSENT:
        return texts("next-start"), None
    if stage == Stage.PHOTO:
        return texts("next-photo", limit=REFERENCES_MAX), None
    grid = keyboards.styles(texts, styles, style)
    if stage == Stage.STYLE:
        return texts("next-style"), grid
    return texts("next-prompt", style=styles[style].label(texts.language)), grid
