"""The keys of the HTTP API in /admin: their page, /admin keys, /admin key and /admin revoke. Registered while the API
is on."""

from __future__ import annotations

import re

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from bot.db.tables import User
from bot.domain import ApiScope
from bot.telegram import admin_views
from bot.telegram.admin_callbacks import DeskAction, DeskCallback
from bot.telegram.admin_views import AdminView, PageSpan
from bot.telegram.handlers.admin.access import admin_router
from bot.telegram.handlers.admin.service import show
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Texts
from bot.usecases import UseCases

PER_MINUTE, PER_MINUTE_MAX = 60, 6000
KEYS_SHOWN = 5
"""Keys per page: each takes four rows of a phone."""
_KEY = re.compile(
    r"key\s+(?P<app>[A-Za-z0-9][A-Za-z0-9._-]{0,31})"
    r"(?:\s+(?P<scopes>[a-z]+(?:,[a-z]+)*))?(?:\s+(?P<rate>[1-9][0-9]{0,3})/min)?(?:\s+owner=(?P<owner>[0-9]{1,15}))?"
)
_REVOKE = re.compile(r"revoke\s+([0-9a-f]{8})")
_ARGUMENTS = re.compile(r"(key|revoke)\b.*", re.DOTALL)


def build() -> Router:
    router = admin_router("admin of keys")
    router.callback_query.register(show_keys, DeskCallback.filter(F.action == DeskAction.KEYS))
    router.message.register(list_keys, TypedCommand("admin", magic=F.args == "keys"))
    router.message.register(make_key, TypedCommand("admin", magic=F.args.regexp(_KEY, mode="fullmatch")))
    router.message.register(revoke_key, TypedCommand("admin", magic=F.args.regexp(_REVOKE, mode="fullmatch")))
    router.message.register(explain, TypedCommand("admin", magic=F.args.regexp(_ARGUMENTS, mode="fullmatch")))
    return router


async def show_keys(callback: CallbackQuery, callback_data: DeskCallback, texts: Texts, use: UseCases) -> None:
    await show(callback, await _page(max(0, callback_data.at), texts, use))


async def list_keys(message: Message, texts: Texts, use: UseCases) -> None:
    view = await _page(0, texts, use)
    await message.answer(view.text, reply_markup=view.keyboard)


async def _page(at: int, texts: Texts, use: UseCases) -> AdminView:
    assert use.keys is not None
    keys, total = await use.keys.list(at, KEYS_SHOWN)
    return admin_views.keys_desk(texts, keys, PageSpan(at, total, KEYS_SHOWN))


async def explain(message: Message, texts: Texts) -> None:
    await message.reply(texts("admin-keys-usage"))


async def make_key(message: Message, user: User, texts: Texts, use: UseCases) -> None:
    """The key is shown once, in this answer."""
    assert use.keys is not None
    match = _matched(_KEY, message)
    names = (match["scopes"] or ",".join(ApiScope)).split(",")
    unknown = [name for name in names if name not in tuple(ApiScope)]
    per_minute = int(match["rate"] or PER_MINUTE)
    if unknown or per_minute > PER_MINUTE_MAX:
        await message.reply(texts("admin-keys-usage"))
        return
    owner_id = int(match["owner"] or user.id)
    created = await use.keys.make(owner_id, match["app"], [ApiScope(name) for name in names], per_minute, user.id)
    if created is None:
        await message.reply(texts("admin-no-user", user=str(owner_id)))
        return
    # Not protect_content: Telegram's apps then refuse to copy the text too, and the key has to be handed over.
    await message.reply(
        texts("admin-key-made", app=match["app"], key=created.key, secret=created.secret, id=created.key_id),
    )


async def revoke_key(message: Message, user: User, texts: Texts, use: UseCases) -> None:
    assert use.keys is not None
    key_id = _matched(_REVOKE, message)[1]
    revoked = await use.keys.revoke(key_id, user.id)
    await message.reply(texts("admin-key-revoked", id=key_id) if revoked else texts("admin-no-key", id=key_id))


def _matched(pattern: re.Pattern[str], message: Message) -> re.Match[str]:
    """The match of the arguments, which the router's filter guarantees."""
    match = pattern.fullmatch((message.text or "").partition(" ")[2].strip())
    assert match is not None
    return match
