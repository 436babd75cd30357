"""Use cases of apps and their keys: make a key, look it up, revoke it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from bot.admin_acts import Act
from bot.db import apps, audit, users
from bot.db.app_tables import ApiKey
from bot.db.apps import ListedKey
from bot.db.session import Sessions
from bot.domain import ApiScope
from bot.errors import UnknownUser

PREFIX = "bolid"
SECRET_BYTES = 32
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ApiClient:
    """The app that a key belongs to."""

    app_id: UUID
    app_name: str
    owner_id: int
    key_id: str
    scopes: frozenset[str]
    per_minute: int


@dataclass(frozen=True)
class NewKey:
    """A new key; `key` is shown once."""

    key_id: str
    key: str
    secret: str
    """The secret that signs callbacks about its jobs, in the format of Standard Webhooks."""


@dataclass(frozen=True)
class MakeKey:
    """Creates a key for the owner's app of this name, and the app with its first key; `None`: there is no such
    owner."""

    sessions: Sessions
    token: str = field(repr=False)
    """The bot's token."""

    async def __call__(
        self, owner_id: int, app_name: str, scopes: Sequence[ApiScope], per_minute: int, admin_id: int
    ) -> NewKey | None:
        key_id = secrets.token_hex(4)
        key = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
        async with self.sessions.begin() as session:
            try:
                await users.lock(session, owner_id)
            except UnknownUser:
                return None
            app = await apps.of_name(session, owner_id, app_name)
            scope_names = [scope.value for scope in ApiScope if scope in scopes]
            facts = {"scopes": scope_names, "per_minute": per_minute, "admin_id": admin_id}
            await apps.add_key(session, ApiKey(id=key_id, app_id=app.id, digest=_digest(key), **facts))
            await audit.note(session, admin_id, Act.MAKE_KEY, user_id=owner_id, subject=key_id)
        _log.info("an API key was made", key=key_id, app=app_name, owner=owner_id, admin=admin_id)
        secret = base64.b64encode(signing_secret(self.token, key_id)).decode()
        return NewKey(key_id, key, f"whsec_{secret}")


@dataclass(frozen=True)
class Authenticate:
    """The app of a key; `None` for one that is not in force."""

    sessions: Sessions

    async def __call__(self, key: str) -> ApiClient | None:
        prefix, _, rest = key.partition("_")
        key_id = rest.partition("_")[0]
        if prefix != PREFIX or not key_id.isascii() or not key_id.isalnum():
            return None
        async with self.sessions.begin() as session:
            found = await apps.find_key(session, key_id)
            if found is None or not hmac.compare_digest(found[0].digest, _digest(key)):
                return None
            row, app = found
            await apps.note_use(session, key_id, app.user_id)
        return ApiClient(app.id, app.name, app.user_id, row.id, frozenset(row.scopes), row.per_minute)


@dataclass(frozen=True)
class RevokeKey:
    """Revokes a key; `False` when no such key is in force. The app and its end users stay."""

    sessions: Sessions

    async def __call__(self, key_id: str, admin_id: int) -> bool:
        async with self.sessions.begin() as session:
            found = await apps.find_key(session, key_id)
            if found is None or not await apps.revoke(session, key_id):
                return False
            await audit.note(session, admin_id, Act.REVOKE_KEY, user_id=found[1].user_id, subject=key_id)
        _log.info("an API key was revoked", key=key_id, admin=admin_id)
        return True


@dataclass(frozen=True)
class ListKeys:
    """A page of the keys in force, and the number of all."""

    sessions: Sessions

    async def __call__(self, offset: int, limit: int) -> tuple[list[ListedKey], int]:
        async with self.sessions() as session:
            return await apps.keys(session, offset, limit)


@dataclass(frozen=True)
class KeyUseCases:
    """The use cases of an admin about keys."""

    make: MakeKey
    revoke: RevokeKey
    list: ListKeys


def build_keys(sessions: Sessions, token: str) -> KeyUseCases:
    return KeyUseCases(MakeKey(sessions, token), RevokeKey(sessions), ListKeys(sessions))


def signing_secret(token: str, key_id: str) -> bytes:
    """The secret that signs callbacks about the jobs of a key. It is derived from the bot's token, so that it need not
    be stored, and does not reveal the token."""
    return hmac.new(token.encode(), f"calls:{key_id}".encode(), hashlib.sha256).digest()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
