"""Use case of the export: all data stored about a user, as zip archives."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from bot.db import export, ledger
from bot.db.session import Sessions

PART_MAX_BYTES = 45_000_000
"""Bytes of the contents of one archive; bots can send documents of 50 MB."""
_MAGIC = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG", "png"))


@dataclass(frozen=True)
class ExportPart:
    """One zip archive of an export."""

    name: str
    content: bytes


@dataclass(frozen=True)
class ExportData:
    """The archives, usually one. `data.json` has every row; binary values are files, named in the rows.

    `readme` is the text of `README.txt`.
    """

    sessions: Sessions

    async def __call__(self, user_id: int, readme: str) -> list[ExportPart]:
        async with self.sessions() as session:
            day = await ledger.today(session)
            rows = await export.rows_of(session, user_id)
        return await asyncio.to_thread(_archives, rows, readme, day)


def _archives(rows: Mapping[str, Sequence[Mapping[str, Any]]], readme: str, day: date) -> list[ExportPart]:
    files: dict[str, bytes] = {}
    data = {
        table: [_row(table, number, row, files) for number, row in enumerate(each, 1)] for table, each in rows.items()
    }
    texts = {"README.txt": readme.encode(), "data.json": json.dumps(data, ensure_ascii=False, indent=2).encode()}
    parts = list(_parts({**texts, **files}))
    names = [f"bolid-{day}.zip"] if len(parts) == 1 else [f"bolid-{day}-{n}.zip" for n in range(1, len(parts) + 1)]
    return [ExportPart(name, _zip(part)) for name, part in zip(names, parts, strict=True)]


def _row(table: str, number: int, row: Mapping[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    """The row as JSON values; binary values that are not empty are added to `files`."""
    written = {}
    for column, value in row.items():
        if isinstance(value, bytes) and value:
            name = f"{table}/{number:02}-{column}.{_extension(value)}"
            files[name] = value
            written[column] = name
        else:
            written[column] = _plain(value)
    return written


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return None
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case list():
            return [_plain(item) for item in value]
    return value


def _extension(content: bytes) -> str:
    return next((extension for magic, extension in _MAGIC if content.startswith(magic)), "bin")


def _parts(files: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    part: dict[str, bytes] = {}
    size = 0
    for name, content in files.items():
        if part and size + len(content) > PART_MAX_BYTES:
            yield part
            part, size = {}, 0
        part[name] = content
        size += len(content)
    yield part


def _zip(files: Mapping[str, bytes]) -> bytes:
    """Pictures are compressed already."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            text = name.endswith((".json", ".txt"))
            archive.writestr(name, content, zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED)
    return packed.getvalue()
