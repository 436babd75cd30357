"""Presets to choose from, a page at a time: a contact sheet with numbers, and at most six buttons below it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiogram import Bot
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
    ReplyParameters,
)

from bot.contact_sheet import contact_sheet, file_names
from bot.telegram.edits import edit_caption, edit_text, ignore_unchanged

PER_PAGE = 4
"""The number of presets per page: with the two buttons that turn pages there are six buttons."""


@dataclass(frozen=True)
class PresetPage:
    """One page of presets; `number` counts pages from 0, `first` is the number of its first preset, from 1."""

    kind: str
    """"style" or "pose"."""
    names: tuple[str, ...]
    number: int
    pages: int

    @property
    def first(self) -> int:
        return self.number * PER_PAGE + 1

    @property
    def before(self) -> int:
        return (self.number - 1) % self.pages

    @property
    def after(self) -> int:
        return (self.number + 1) % self.pages


def page_at(kind: str, names: Sequence[str], number: int) -> PresetPage:
    """The page with this number; after the last page comes the first."""
    pages = max(-(-len(names) // PER_PAGE), 1)
    number %= pages
    return PresetPage(kind, tuple(names[number * PER_PAGE : (number + 1) * PER_PAGE]), number, pages)


def page_with(kind: str, names: Sequence[str], chosen: str | None) -> PresetPage:
    """The page that has `chosen`, else the first."""
    at = list(names).index(chosen) if chosen is not None and chosen in names else 0
    return page_at(kind, names, at // PER_PAGE)


@dataclass
class PresetSheets:
    """Sends pages of presets. A sheet is uploaded once; later Telegram's id of it is sent."""

    draw: Callable[[tuple[str, ...], int], bytes | None] = contact_sheet
    _file_ids: dict[tuple[tuple[str, ...], int], str] = field(default_factory=dict)
    """Telegram's file ids by the names of the presets and the number of the first one: admins may change the order of
    styles."""

    async def send(
        self,
        bot: Bot,
        chat_id: int,
        page: PresetPage,
        text: str,
        buttons: InlineKeyboardMarkup,
        reply_to: int | None = None,
    ) -> None:
        reply = None
        if reply_to is not None:
            reply = ReplyParameters(message_id=reply_to, allow_sending_without_reply=True)
        sheet = await self._sheet(page)
        if sheet is None:
            await bot.send_message(chat_id, text, reply_markup=buttons, reply_parameters=reply)
            return
        sent = await bot.send_photo(chat_id, sheet, caption=text, reply_markup=buttons, reply_parameters=reply)
        self._note(page, sent)

    async def turn(self, message: Message, page: PresetPage, text: str, buttons: InlineKeyboardMarkup) -> None:
        """Shows another page in the same message."""
        sheet = await self._sheet(page)
        if sheet is None:
            await edit_words(message, text, buttons)
            return
        with ignore_unchanged():
            edited = await message.edit_media(InputMediaPhoto(media=sheet, caption=text), reply_markup=buttons)
            if isinstance(edited, Message):
                self._note(page, edited)

    async def _sheet(self, page: PresetPage) -> str | BufferedInputFile | None:
        drawn = file_names(page.kind, page.names), page.first
        if drawn in self._file_ids:
            return self._file_ids[drawn]
        sheet = await asyncio.to_thread(self.draw, *drawn)
        return None if sheet is None else BufferedInputFile(sheet, f"{page.kind}s-{page.number + 1}.jpg")

    def _note(self, page: PresetPage, message: Message) -> None:
        if message.photo:
            self._file_ids[file_names(page.kind, page.names), page.first] = message.photo[-1].file_id


async def edit_words(message: Message, text: str, buttons: InlineKeyboardMarkup | None) -> None:
    """Edits the caption of a message with a picture, else the text."""
    edit = edit_caption if message.photo else edit_text
    await edit(message, text, buttons)
