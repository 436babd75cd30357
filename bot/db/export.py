"""All that is stored about one user, table by table. Functions never commit.

The tables are found by their foreign keys, so that a new table is exported without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import Base
from bot.db.tables import User

WITHHELD = frozenset({"users.invited_by", "credit_entries.admin_id"})
"""Columns with the ids of other people."""


def tables_of_users() -> Iterator[tuple[Table, Column[Any]]]:
    """Each table with rows of users, and the column with the user's id."""
    users = Base.metadata.tables[User.__tablename__]
    yield users, users.c.id
    for table in Base.metadata.sorted_tables:
        for column in table.c:
            if table is not users and any(key.column is users.c.id for key in column.foreign_keys):
                yield table, column


async def rows_of(session: AsyncSession, user_id: int) -> dict[str, list[dict[str, Any]]]:
    """Table -> its rows of the user, oldest first where rows have a time; no table without rows."""
    found = {}
    for table, owner in tables_of_users():
        columns = [column for column in table.c if f"{table.name}.{column.name}" not in WITHHELD]
        order = [column for column in table.c if column.name in ("created_at", "paid_at", "given_at")]
        rows = await session.execute(select(*columns).where(owner == user_id).order_by(*order, *table.primary_key))
        if mappings := [dict(row) for row in rows.mappings()]:
            found[table.name] = mappings
    return found
