"""Brings a database up to the tables of today. The same as `alembic upgrade head`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

ALEMBIC_INI = Path(__file__).resolve().parents[2] / "alembic.ini"


def alembic_config(database_url: str) -> Config:
    """What alembic's commands take, for one database."""
    config = Config(ALEMBIC_INI)
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Migrate upwards. Runs an event loop of its own: from async code, call it in a thread."""
    command.upgrade(alembic_config(database_url), revision)


def downgrade(database_url: str, revision: str = "base") -> None:
    """Migrate downwards: data in what is taken away is lost."""
    command.downgrade(alembic_config(database_url), revision)
