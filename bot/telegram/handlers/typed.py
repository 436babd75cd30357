"""Commands in text messages: aiogram's own filter also accepts commands in the captions of photos."""

from __future__ import annotations

from typing import Any

from aiogram import Bot
from aiogram.filters import Command
from aiogram.types import Message


class TypedCommand(Command):
    """`Command` for texts alone, so that a photo whose caption is a command stays a photo."""

    async def __call__(self, message: Message, bot: Bot) -> bool | dict[str, Any]:
        return False if message.text is None else await super().__call__(message, bot)
