"""Groups: a mention, a reply to the bot or /draw asks for a picture of the sender, which is posted there.

Photos come in the private chat alone, and nothing of them is posted but the picture that was asked for.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from aiogram import Bot, F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command, CommandObject
from aiogram.types import InlineKeyboardMarkup, Message

from bot.domain import Stage
from bot.prompts import clean
from bot.telegram import keyboards
from bot.telegram.commands import ADMIN_COMMANDS, COMMANDS, DRAW
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.admin.accounts import Standing
from bot.usecases.pictures import RequestResult

REMEMBERED = 10_000
START_LINK = "https://t.me/{name}?start=group"


@dataclass(frozen=True)
class Once:
    """Whether a key comes for the first time; only the latest keys are remembered."""

    _latest: OrderedDict[Hashable, None] = field(default_factory=OrderedDict)

    def __call__(self, key: Hashable) -> bool:
        first = key not in self._latest
        self._latest[key] = None
        self._latest.move_to_end(key)
        while len(self._latest) > REMEMBERED:
            self._latest.popitem(last=False)
        return first


def build() -> Router:
    router = Router(name="groups")
    router.message.filter(F.chat.type != ChatType.PRIVATE)
    once = Once()

    async def explain(message: Message, bot: Bot, texts: Texts) -> None:
        if once(message.chat.id):
            name = (await bot.me()).username or ""
            await message.reply(texts("group", name=name), reply_markup=await _private_chat(bot, texts))

    router.message.register(draw_command, Command(DRAW), _is_a_persons)
    router.message.register(explain, Command(*COMMANDS, *ADMIN_COMMANDS))
    router.message.register(draw, F.text, ~F.text.startswith("/"), _is_a_persons, is_called)
    router.message.register(_pass_over)
    return router


def _is_a_persons(message: Message) -> bool:
    """Whether a person sent the message, and not a channel, an anonymous admin or another bot, which have no photos."""
    return message.from_user is not None and not message.from_user.is_bot and message.sender_chat is None


async def is_called(message: Message, bot: Bot) -> bool | dict[str, Any]:
    """Whether the message mentions the bot or replies to it; then `prompt` is the rest of its text."""
    me = await bot.me()
    text = message.text or ""
    mention = re.compile(rf"(?<!\w)@{re.escape(me.username or '')}(?!\w)", re.IGNORECASE)
    replied = message.reply_to_message
    if mention.search(text):
        return {"prompt": mention.sub(" ", text).strip(" ,:;—")}
    return {"prompt": text} if replied and replied.from_user and replied.from_user.id == me.id else False


async def draw_command(
    message: Message, command: CommandObject, bot: Bot, texts: Texts, use: UseCases, admin_ids: frozenset[int]
) -> None:
    await draw(message, bot, texts, use, admin_ids, command.args or "")


async def draw(message: Message, bot: Bot, texts: Texts, use: UseCases, admin_ids: frozenset[int], prompt: str) -> None:
    """Queues a picture. It needs no answer here: its status message is one. Raises DomainError."""
    assert message.from_user is not None
    user_id, prompt = message.from_user.id, clean(prompt)
    if user_id not in admin_ids and await use.read_admission(user_id) is Standing.NOT_LISTED:
        return  # the private chat says so
    stage, _ = await use.find_stage(user_id)
    if stage not in (Stage.CONSENT, Stage.PHOTO):
        result = await use.ask_for_picture(user_id, message.chat.id, message.message_id, prompt)
        if result is RequestResult.QUEUED:
            return
    await message.reply(texts("group-needs-photo"), reply_markup=await _private_chat(bot, texts))


async def _private_chat(bot: Bot, texts: Texts) -> InlineKeyboardMarkup:
    return keyboards.link(texts("group-private-button"), START_LINK.format(name=(await bot.me()).username))


async def _pass_over(message: Message) -> None:
    """Ignores the message: nothing else in a group is an input."""
