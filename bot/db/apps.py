"""Apps, their keys and their end users. Functions never commit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.app_tables import APP_USER_IDS, ApiKey, App
from bot.db.session import execute
from bot.db.tables import User
from bot.domain import APP_USER_IDS_FROM

NOTED_EVERY = timedelta(minutes=1)
"""The least time between two updates of a key's last use, so that not every request writes a row."""


async def of_name(session: AsyncSession, owner_id: int, name: str) -> App:
    """The owner's app of this name, created if it does not exist. The owner is locked."""
    app = await session.scalar(select(App).where(App.user_id == owner_id, App.name == name))
    if app is None:
        app = App(user_id=owner_id, name=name)
        session.add(app)
        await session.flush()
    return app


async def add_key(session: AsyncSession, key: ApiKey) -> None:
    session.add(key)
    await session.flush()


async def find_key(session: AsyncSession, key_id: str) -> tuple[ApiKey, App] | None:
    """The key of this id with its app, if the key is in force."""
    statement = select(ApiKey, App).join(App, App.id == ApiKey.app_id)
    row = (await session.execute(statement.where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)))).one_or_none()
    return None if row is None else (row[0], row[1])


async def note_use(session: AsyncSession, key_id: str, owner_id: int) -> None:
    """Note the use of a key; its owner counts as active for retention."""
    stale = and_(ApiKey.id == key_id, func.coalesce(ApiKey.used_at < func.now() - NOTED_EVERY, True))
    if await execute(session, update(ApiKey).where(stale).values(used_at=func.now())):
        await session.execute(update(User).where(User.id == owner_id).values(active_at=func.now()))


async def revoke(session: AsyncSession, key_id: str) -> bool:
    """Revokes a key; `False` when no such key is in force."""
    statement = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
    return await execute(session, statement.values(revoked_at=func.now())) > 0


@dataclass(frozen=True)
class ListedKey:
    """A key as its admin sees it."""

    key: ApiKey
    app: App
    end_users: int


async def keys(session: AsyncSession, offset: int, limit: int) -> tuple[list[ListedKey], int]:
    """Keys in force by app, oldest first, and their number."""
    members = select(func.count()).where(User.app_id == App.id).correlate(App).scalar_subquery()
    statement = select(ApiKey, App, members).join(App, App.id == ApiKey.app_id).where(ApiKey.revoked_at.is_(None))
    order = (App.name, ApiKey.created_at, ApiKey.id)
    rows = await session.execute(statement.order_by(*order).offset(offset).limit(limit))
    total = await session.scalar(select(func.count()).select_from(ApiKey).where(ApiKey.revoked_at.is_(None))) or 0
    return [ListedKey(key, app, count) for key, app, count in rows], total


@dataclass(frozen=True)
class EndUserName:
    """An end user by the names of their app, as admins see them: the user's id means nothing to anybody."""

    app: str
    end_user: str
    owner_id: int


async def names(session: AsyncSession, user_ids: Collection[int]) -> dict[int, EndUserName]:
    """The names of those of the users who are end users of apps."""
    of_apps = {user_id for user_id in user_ids if user_id >= APP_USER_IDS_FROM}
    if not of_apps:
        return {}
    statement = select(User.id, App.name, User.app_user, App.user_id).join(App, App.id == User.app_id)
    rows = await session.execute(statement.where(User.id.in_(of_apps)))
    return {user_id: EndUserName(app, end_user or "", owner_id) for user_id, app, end_user, owner_id in rows}


async def end_user(session: AsyncSession, app_id: UUID, name: str) -> User | None:
    return await session.scalar(select(User).where(User.app_id == app_id, User.app_user == name))


async def add_end_user(session: AsyncSession, app_id: UUID, name: str, language: str) -> User:
    """The end user, created if new. The app's owner is locked, so that two concurrent requests cannot add the same end
    user."""
    user_id = await session.scalar(select(APP_USER_IDS.next_value()))
    assert user_id is not None
    user = User(id=user_id, language=language, app_id=app_id, app_user=name)
    session.add(user)
    await session.flush()
    await session.refresh(user)
    return user


async def end_users(
    session: AsyncSession, app_id: UUID, after: tuple[datetime, int] | None, limit: int
) -> Sequence[User]:
    """The app's end users after `after` (created_at, id), newest first."""
    place = tuple_(User.created_at, User.id)
    statement = select(User).where(User.app_id == app_id)
    if after is not None:
        statement = statement.where(place < after)
    return (await session.scalars(statement.order_by(User.created_at.desc(), User.id.desc()).limit(limit))).all()


async def note_activity(session: AsyncSession, user_id: int) -> None:
    """Marks the end user as active for retention."""
    await session.execute(update(User).where(User.id == user_id).values(active_at=func.now()))


def owns_an_app() -> ColumnElement[bool]:
    """A condition on users: they own an app with a valid key."""
    return exists().where(App.user_id == User.id, ApiKey.app_id == App.id, ApiKey.revoked_at.is_(None))
