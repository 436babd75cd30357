"""The declarative base of all tables."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Python types map to Postgres types the same way in every table."""

    type_annotation_map = {  # noqa: RUF012
        str: Text,
        datetime: DateTime(timezone=True),
        UUID: PgUUID(as_uuid=True),
        bytes: LargeBinary,
    }
