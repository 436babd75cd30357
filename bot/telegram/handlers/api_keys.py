"""/admin keys, /admin key and /admin revoke, for those in ADMIN_IDS. Registered while the HTTP API is on."""

from __future__ import annotations

import re

from aiogram import F, Router
from aiogram.types import Message

from bot.db.apps import ListedKey
from bot.db.tables import User
from bot.domain import ApiScope
from bot.telegram.handlers.admin.access import is_admin
from bot.telegram.handlers.typed import TypedCommand
from bot.translator import Markup, Texts
from bot.usecases import UseCases

PER_MINUTE, PER_MINUTE_MAX = 60, 6000
_KEY = re.compile(
    r"key\s+(?P<app>[A-Za-z0-9][A-Za-z0-9._-]{0,31})"
    r"(?:\s+(?P<scopes>[a-z]+(?:,[a-z]+)*))?(?:\s+(?P<rate>[1-9][0-9]{0,3})/min)?(?:\s+owner=(?P<owner>[0-9]{1,15}))?"
)
_REVOKE = re.compile(r"revoke\s+([0-9a-f]{8})")
_ARGUMENTS = re.compile(r"(key|revoke)\b.*", re.DOTALL)


def build() -> Router:
    router = Router(name="admin of keys")
    router.message.filter(is_admin)
    router.message.register(show_keys, TypedCommand("admin", magic=F.args == "keys"))
    router.message.register(make_key, TypedCommand("admin", magic=F.args.regexp(_KEY, mode="fullmatch")))
    router.message.register(revoke_key, TypedCommand("admin", magic=F.args.regexp(_REVOKE, mode="fullmatch")))
    router.message.register(explain, TypedCommand("admin", magic=F.args.regexp(_ARGUMENTS, mode="fullmatch")))
    return router


async def show_keys(message: Message, texts: Texts, use: UseCases) -> None:
    assert use.keys is not None
    listed = await use.keys.list()
    lines = [_line(each, texts) for each in listed] or [texts("admin-nothing")]
    await message.answer(Markup("\n".join([texts("admin-keys"), *lines, "", texts("admin-keys-usage")])))


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


def _line(listed: ListedKey, texts: Texts) -> Markup:
    used = listed.key.used_at
    return texts(
        "admin-key-line",
        app=listed.app.name,
        id=listed.key.id,
        owner=str(listed.app.user_id),
        scopes=", ".join(listed.key.scopes),
        number=listed.key.per_minute,
        count=listed.end_users,
        used="—" if used is None else f"{used:%Y-%m-%d %H:%M}",
    )


def _matched(pattern: re.Pattern[str], message: Message) -> re.Match[str]:
    """The match of the arguments, which the router's filter guarantees."""
    match = pattern.fullmatch((message.text or "").partition(" ")[2].strip())
    assert match is not None
    return match
