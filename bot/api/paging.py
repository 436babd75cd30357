"""Cursors of lists, opaque to apps: the position of the last row of a page."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

from fastapi import Query

from bot.api.problems import ProblemRaised

PAGE_MAX = 100
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Rows of a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]


def write_cursor(created_at: datetime, row_id: object) -> str:
    return base64.urlsafe_b64encode(f"{created_at.isoformat()}|{row_id}".encode()).decode()


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Reads a cursor. Raises ProblemRaised for a text that `write_cursor` did not return."""
    if cursor is None:
        return None
    try:
        moment, separator, row_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition("|")
        created_at = datetime.fromisoformat(moment)
    except (ValueError, binascii.Error):
        created_at, separator, row_id = datetime.min, "", ""
    if not separator or created_at.tzinfo is None:
        raise wrong_cursor()
    return created_at, row_id


def wrong_cursor() -> ProblemRaised:
    return ProblemRaised(409, "wrong-cursor", "The cursor is none that this list gave.")
