"""Backup and restore, played on a real Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from bot.db.session import Sessions
from bot.db.tables import Job, Reference, User
from bot.domain import JobState
from bot.local.backup import BackupError, backup, database, restore
from bot.local.embedded import EmbeddedPostgres


async def contents(sessions: Sessions) -> tuple[list[Any], ...]:
    """Users, photos with their bytes, and jobs."""
    async with sessions() as session:
        users = list(await session.execute(select(User.id, User.language, User.created_at).order_by(User.id)))
        photos = list(await session.execute(select(Reference.id, Reference.image).order_by(Reference.id)))
        jobs = list(await session.execute(select(Job.id, Job.state, Job.prompt, Job.settings).order_by(Job.id)))
        return users, photos, jobs


async def test_what_was_saved_is_there_after_the_restore(
    database_url: str, sessions: Sessions, rows: Any, tmp_path: Path
) -> None:
    await rows.user(1, language="ru")
    await rows.job(1, prompt="у моря", settings={"face_scale": 1.3}, state=JobState.DELIVERED)
    await rows.job(1)
    before = await contents(sessions)
    file = tmp_path / "bolid.dump"
    backup(database_url, file)
    assert file.stat().st_mode & 0o077 == 0, "it holds photos of people"
    async with sessions.begin() as session:
        await session.execute(delete(User))
    await rows.user(2)
    restore(database_url, file)
    assert await contents(sessions) == before


async def test_a_restore_fills_an_empty_database(
    database_url: str, empty_database_url: str, rows: Any, tmp_path: Path
) -> None:
    """On a new machine; the tables come with their revision, so the bot starts without a migration."""
    await rows.user(7)
    backup(database_url, tmp_path / "dump")
    restore(empty_database_url, tmp_path / "dump")
    backup(empty_database_url, tmp_path / "again")
    assert (tmp_path / "again").stat().st_size > 1000


def test_a_backup_never_overwrites_another(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    file.write_bytes(b"of yesterday")
    with pytest.raises(BackupError, match="exists already: choose another name"):
        backup(database_url, file)
    assert file.read_bytes() == b"of yesterday"


async def test_a_restore_that_fails_changes_nothing(
    database_url: str, sessions: Sessions, rows: Any, tmp_path: Path
) -> None:
    await rows.user(1)
    (tmp_path / "broken").write_bytes(b"no backup")
    with pytest.raises(BackupError, match="pg_restore failed") as refusal:
        restore(database_url, tmp_path / "broken")
    assert "\n" not in str(refusal.value)
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 1


def test_a_backup_without_a_server_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="pg_dump failed") as refusal:
        backup("postgresql+asyncpg://bolid:hidden@127.0.0.1:1/bolid", tmp_path / "dump")
    assert "hidden" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_server_is_started_for_it_and_a_running_one_is_used(server_folder: Path) -> None:
    with database({}, server_folder, alone=True) as url:
        backup(url, server_folder / "first")
    server = EmbeddedPostgres(server_folder / "postgres")
    server.start()
    try:
        with database({}, server_folder, alone=False) as url:
            assert url == server.url
            backup(url, server_folder / "second")
        with (
            pytest.raises(BackupError, match="the bot is running as process"),
            database({}, server_folder, alone=True),
        ):
            pass
    finally:
        server.stop()


def test_the_address_of_the_environment_goes_first(server_folder: Path) -> None:
    with database({"DATABASE_URL": "postgresql://elsewhere"}, server_folder, alone=True) as url:
        assert url == "postgresql://elsewhere"
    assert not (server_folder / "postgres").exists()
