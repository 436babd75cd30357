"""Styles that admins moved, switched off or created. Functions never commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.admin_tables import StyleChange
from bot.db.session import execute


async def all_(session: AsyncSession) -> Sequence[StyleChange]:
    return (await session.scalars(select(StyleChange).order_by(StyleChange.place, StyleChange.name))).all()


async def set_enabled(session: AsyncSession, name: str, *, enabled: bool) -> None:
    statement = insert(StyleChange).values(name=name, enabled=enabled)
    await session.execute(statement.on_conflict_do_update(index_elements=[StyleChange.name], set_={"enabled": enabled}))


async def set_order(session: AsyncSession, names: Sequence[str]) -> None:
    for place, name in enumerate(names):
        statement = insert(StyleChange).values(name=name, place=place)
        await session.execute(statement.on_conflict_do_update(index_elements=[StyleChange.name], set_={"place": place}))


async def add(session: AsyncSession, name: str, title: Mapping[str, str], emoji: str, template: str) -> None:
    """Adds a style, or replaces the one of this name."""
    values = {"title": dict(title), "emoji": emoji, "template": template, "enabled": True}
    statement = insert(StyleChange).values(name=name, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=[StyleChange.name], set_=values))


async def remove(session: AsyncSession, name: str) -> bool:
    """Deletes a style that an admin created; `False` for a style of the file."""
    own_style = (StyleChange.name == name, StyleChange.template.is_not(None))
    return await execute(session, delete(StyleChange).where(*own_style)) > 0
