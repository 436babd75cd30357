"""Groups: the bot says once, when called, that it works in private; all else there is none of its business."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from aiogram import Bot, F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import Message

from bot.telegram.commands import ADMIN_COMMANDS, COMMANDS
from bot.translator import Texts

REMEMBERED = 10_000


@dataclass(frozen=True)
class Once:
    """Says of each of the latest keys whether it is seen for the first time."""

    _seen: OrderedDict[Hashable, None] = field(default_factory=OrderedDict)

    def __call__(self, key: Hashable) -> bool:
        first = key not in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return first


def build() -> Router:
    router = Router(name="groups")
    router.message.filter(F.chat.type != ChatType.PRIVATE)
    once = Once()

    async def point_to_private(message: Message, bot: Bot, texts: Texts) -> None:
        if once(message.chat.id):
            name = (await bot.me()).username or ""
            await message.reply(texts("group", name=name))

    router.message.register(point_to_private, Command(*COMMANDS, *ADMIN_COMMANDS))
    router.message.register(_pass_over)
    return router


async def _pass_over(message: Message) -> None:
    """Nothing in a group is an input."""
