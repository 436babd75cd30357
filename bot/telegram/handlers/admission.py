"""Rejects users whom an admin banned and, while only people on the access list are served, all others. Their data,
payments, /help and /language stay available."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, Message, TelegramObject

from bot.db.tables import User
from bot.errors import Banned
from bot.telegram.edits import Toast
from bot.telegram.handlers.groups import Once
from bot.translator import Texts
from bot.usecases import UseCases
from bot.usecases.admin.accounts import Standing

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class RequireAdmission(BaseMiddleware):
    """A middleware for the routers whose handlers require admission."""

    def __init__(self) -> None:
        self._once = Once()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        texts: Texts = data["texts"]
        user: User = data["user"]
        use: UseCases = data["use"]
        admission = Standing.ADMITTED if user.id in data["admin_ids"] else await use.read_admission(user.id)
        if admission is Standing.ADMITTED:
            return await handler(event, data)
        banned = admission is Standing.BANNED
        if isinstance(event, CallbackQuery):
            return Toast(texts(Banned.key if banned else "access-not-listed-toast"), alert=True)
        if isinstance(event, Message) and self._is_first(event):
            contact = data["contact"] or texts("access-contact")
            listing = texts("access-not-listed", contact=contact, user=str(user.id))
            await event.reply(texts(Banned.key) if banned else listing)
        return None

    def _is_first(self, message: Message) -> bool:
        """Whether this is the first message of its album: an album is answered once."""
        album = message.media_group_id
        return album is None or self._once((message.chat.id, album))
