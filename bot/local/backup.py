"""Backup and restore of the database, by pg_dump and pg_restore of the embedded Postgres's wheel.

The file holds everything that the bot stores, photos of people included: keep it encrypted, and delete it when the
retention that was promised is over.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from bot.db.address import read_address
from bot.local.children import FolderInUse
from bot.local.embedded import EmbeddedPostgres, EmbeddedServerError, postgres_programs


class BackupError(Exception):
    """Nothing was written, or nothing was restored; the message is one line with the remedy."""


@contextmanager
def database(environment: Mapping[str, str], state_dir: Path, *, alone: bool) -> Iterator[str]:
    """The address of DATABASE_URL, else of the embedded Postgres, which is started where it does not run. With `alone`
    a running one is refused: the bot would work on tables that are replaced. Raises BackupError."""
    if "DATABASE_URL" in environment:
        yield environment["DATABASE_URL"]
        return
    server = EmbeddedPostgres(state_dir / "postgres")
    try:
        url = server.start()
    except FolderInUse as error:
        if alone:
            raise BackupError(f"the bot is running as process {error.owner}: stop it first") from None
        yield server.read_url()
        return
    except EmbeddedServerError as error:
        raise BackupError(" ".join(str(error).split())) from error
    try:
        yield url
    finally:
        server.stop()


def backup(database_url: str, file: Path) -> None:
    """All tables into a new `file`, in pg_dump's compressed format, as of one moment; the bot may go on working.
    Raises BackupError."""
    if file.exists():
        raise BackupError(f"{file} exists already: choose another name")
    draft = file.with_name(f"{file.name}.part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    try:
        _run("pg_dump", database_url, "--format=custom", "--no-owner", "--no-privileges", f"--file={draft}")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def restore(database_url: str, file: Path) -> None:
    """Replace the tables by those of `file`, all or nothing. The bot must not run. Raises BackupError."""
    if not file.is_file():
        raise BackupError(f"{file} is no file: give the path of a backup")
    options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    _run("pg_restore", database_url, *options, str(file))


def _run(program: str, database_url: str, *arguments: str) -> None:
    """The password goes through the environment: other users see the arguments of a process."""
    url = make_url(read_address(database_url).dsn)
    without_password = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    address = without_password.render_as_string()
    environment = {"PATH": os.defpath, "PGPASSWORD": str(url.password or ""), "LC_ALL": "C"}
    command = [str(postgres_programs() / program), *arguments[:-1], f"--dbname={address}", arguments[-1]]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise BackupError(f"{program} failed: {' '.join(ended.stderr.split())[:500]}")
