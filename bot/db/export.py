"""The data stored about one user, table by table. Functions never commit.

The tables are found by their column `user_id`, so that a new table is exported without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import admin_tables  # noqa: F401  its tables belong to Base
from bot.db.base import Base
from bot.db.tables import User

WITHHELD = frozenset({"users.invited_by", "credit_entries.admin_id", "audit_entries.admin_id", "access_rules.digest"})
"""Columns with the ids of other people, and the code by which the user is recognised."""


def tables_of_users() -> Iterator[tuple[Table, Column[Any]]]:
    """Each table with rows of users, and the column with the user's id."""
    users = Base.metadata.tables[User.__tablename__]
    yield users, users.c.id
    for table in Base.metadata.sorted_tables:
        if "user_id" in table.c:
            yield table, table.c.user_id


async def rows_of(session: AsyncSession, user_id: int) -> dict[str, list[dict[str, Any]]]:
    """The user's rows by table, oldest first where rows have a time; tables without rows are left out."""
    found = {}
    for table, owner in tables_of_users():
        columns = [column for column in table.c if f"{table.name}.{column.name}" not in WITHHELD]
        order = [column for column in table.c if column.name in ("created_at", "paid_at", "given_at")]
        rows = await session.execute(select(*columns).where(owner == user_id).order_by(*order, *table.primary_key))
        if mappings := [dict(row) for row in rows.mappings()]:
            found[table.name] = mappings
    return found
