"""The data folder: one SQLite file with every record, and the bytes of every file beside it.

The server keeps everything in memory and writes through, so SQLite is only read at start. Written
data survives a killed process.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from bot.local.botapi.errors import StorageError
from bot.local.botapi.records import Record

FORMAT = 1
LOCK_PATIENCE_S = 2.0

RecordT = TypeVar("RecordT", bound=Record)


class Storage:
    """Opens (or creates) a data folder and locks it; without one, a temporary folder that goes with `close`."""

    def __init__(self, data_dir: Path | None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="botapi-") if data_dir is None else None
        self.folder = Path(self._temporary.name) if self._temporary else Path(data_dir or ".")
        self._files = self.folder / "files"
        for category in ("photos", "documents", "thumbnails"):
            (self._files / category).mkdir(parents=True, exist_ok=True)
        self._database = self._open(self.folder / "botapi.sqlite3")

    def _open(self, path: Path) -> sqlite3.Connection:
        database = sqlite3.connect(path, timeout=LOCK_PATIENCE_S, isolation_level=None)
        try:
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, FORMAT):
                raise StorageError(
                    f"{path} has format {version}, expected {FORMAT}: move the folder away or delete it to start afresh"
                )
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "CREATE TABLE IF NOT EXISTS record "
                "(kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID"
            )
            database.execute(f"PRAGMA user_version={FORMAT}")
            database.execute("COMMIT")
        except StorageError:
            database.close()
            raise
        except sqlite3.Error as error:
            database.close()
            raise StorageError(f"{path} cannot be used ({error}): is another server running on this folder?") from error
        return database

    @contextmanager
    def batch(self) -> Iterator[None]:
        """All puts inside become durable together, or none does."""
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def put(self, key: str | int, record: Record) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)",
            (type(record).__name__, str(key), record.model_dump_json(exclude_defaults=True)),
        )

    def forget(self, kind: type[Record], key: str | int) -> None:
        self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind.__name__, str(key)))

    def load(self, kind: type[RecordT]) -> list[RecordT]:
        rows = self._database.execute("SELECT body FROM record WHERE kind = ?", (kind.__name__,))
        return [kind.model_validate_json(body) for (body,) in rows]

    def file(self, path: str) -> Path:
        """The path of a stored file. `path` comes from a StoredFile, never from a request."""
        return self._files / path

    def close(self) -> None:
        self._database.close()
        if self._temporary:
            self._temporary.cleanup()
