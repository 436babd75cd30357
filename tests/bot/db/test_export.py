"""The export finds every table with rows of users."""

from __future__ import annotations

from bot.db import export
from bot.db.tables import Base


def test_every_table_with_rows_of_users_is_exported_by_the_column_of_their_owner() -> None:
    owned = {table.name: column.name for table, column in export.tables_of_users()}
    assert owned.pop("users") == "id"
    assert set(owned.values()) == {"user_id"}
    with_users = {name for name, table in Base.metadata.tables.items() if "user_id" in table.c}
    assert owned.keys() == with_users
    names = {f"{table.name}.{column.name}" for table in Base.metadata.tables.values() for column in table.c}
    assert names >= export.WITHHELD
