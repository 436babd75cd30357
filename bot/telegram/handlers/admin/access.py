"""The gate of /admin: routers that answer to ADMIN_IDS alone. To others their commands and buttons do not exist."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery, Message
from aiogram.types import User as TelegramUser


def admin_router(name: str) -> Router:
    """All handlers of admins are registered on such a router: the sender of each message and of each press is checked,
    whatever the button's data are."""
    router = Router(name=name)
    router.message.filter(is_admin)
    router.callback_query.filter(is_admin)
    return router


def is_admin(event: Message | CallbackQuery, event_from_user: TelegramUser, admin_ids: frozenset[int]) -> bool:
    return event_from_user.id in admin_ids
