"""Waits for the database at the start, and checks that it answers and is migrated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import structlog
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.migrate import MIGRATIONS
from bot.db.session import is_outage
from bot.errors import OperatorError

RETRY_S = 1.0
WRONG_ACCESS = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_log = structlog.get_logger(__name__)


async def database_answers(pool: AsyncEngine) -> bool:
    """Whether Postgres answers at this moment."""
    try:
        await _ask(pool)
    except Exception as error:
        if not is_outage(error):
            raise
        return False
    return True


async def _ask(pool: AsyncEngine) -> None:
    async with pool.connect() as connection:
        await connection.execute(text("select 1"))


async def wait_for_database(pool: AsyncEngine, patience_s: float, clock: Callable[[], float]) -> None:
    """Waits until the database answers. Raises OperatorError when it does not, refuses the login, or is not
    migrated."""
    deadline = clock() + patience_s
    while True:
        try:
            await _ask(pool)
            await _check_migrated(pool)
            return
        except OperatorError:
            raise
        except WRONG_ACCESS as error:
            raise OperatorError(f"DATABASE_URL does not open the database: {error}; correct it") from None
        except Exception as error:
            if not is_outage(error):
                if isinstance(error, DBAPIError):
                    raise OperatorError(f"DATABASE_URL does not open the database: {error.orig}; correct it") from None
                raise
        if clock() > deadline:
            raise OperatorError(
                f"no Postgres at DATABASE_URL after {patience_s:.0f} s: start it or correct the address"
            )
        _log.warning("waiting for Postgres")
        await asyncio.sleep(RETRY_S)


async def _check_migrated(pool: AsyncEngine) -> None:
    """Raises OperatorError unless the tables have the version of this code: with another one every update would
    fail."""
    async with pool.connect() as connection:
        if await connection.scalar(text("select to_regclass('alembic_version')")) is None:
            raise OperatorError("the database has no tables yet: run `python -m bot.db.migrate`")
        found = await connection.scalar(text("select version_num from alembic_version"))
    scripts = ScriptDirectory(str(MIGRATIONS))
    head = scripts.get_current_head()
    if found == head:
        return
    if found in {script.revision for script in scripts.walk_revisions()}:
        raise OperatorError(f"the database is at revision {found}, not at {head}: run `python -m bot.db.migrate`")
    raise OperatorError(
        f"the database is at revision {found}, which this version (revision {head}) does not know: "
        "install the version that migrated it"
    )
