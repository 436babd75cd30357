"""Deletes data after their retention time: of inactive users, and PNGs that their users did not request."""

from __future__ import annotations

import asyncio

import structlog

from bot.db import app_limits, held, image_prompts, results, users
from bot.db.session import Sessions, is_outage
from bot.domain import RetentionTerms
from bot.role import Role

INTERVAL_S = 3600.0
BATCH = 100
"""Users per transaction: deleting one deletes their photos and jobs too."""
_log = structlog.get_logger(__name__)


async def forget_inactive(sessions: Sessions, terms: RetentionTerms) -> int:
    """Delete every user who has been inactive for as long as the terms say, and all that is theirs; returns how
    many (see bot.db.users)."""
    total = 0
    while True:
        async with sessions.begin() as session:
            removed = await users.remove_inactive(session, terms, BATCH)
        total += removed
        if removed < BATCH:
            return total


async def forget_originals(sessions: Sessions, days: int) -> int:
    """Drop the PNGs of pictures finished more than `days` days ago; returns how many."""
    async with sessions.begin() as session:
        return await results.forget_originals(session, days)


async def forget_held(sessions: Sessions) -> int:
    """Drop messages that waited too long for consent; returns how many."""
    async with sessions.begin() as session:
        return await held.forget_old(session)


async def forget_image_prompts(sessions: Sessions) -> int:
    """Drop image prompts that later ones have replaced; returns how many."""
    async with sessions.begin() as session:
        return await image_prompts.forget_replaced(session)


async def forget_allowances(sessions: Sessions) -> int:
    """Drop the rows of unused allowances of the HTTP API; returns how many."""
    async with sessions.begin() as session:
        return await app_limits.forget_full(session)


async def keep_retention(
    sessions: Sessions, terms: RetentionTerms | None, original_days: int, role: Role, *, interval_s: float = INTERVAL_S
) -> None:
    """Deletes users who have been inactive too long, until cancelled, while this process leads. `terms` is None where
    data are stored until their user deletes them."""
    while True:
        await role.leads.wait()
        try:
            await forget_allowances(sessions)
            if expired := await forget_held(sessions):
                _log.info("dropped messages whose senders never agreed", messages=expired)
            if replaced := await forget_image_prompts(sessions):
                _log.info("dropped image prompts that others have replaced", pictures=replaced)
            if dropped := await forget_originals(sessions, original_days):
                _log.info("dropped the files of old pictures", pictures=dropped, days=original_days)
            if terms is not None and (removed := await forget_inactive(sessions, terms)):
                _log.info("deleted the data of inactive users", users=removed, days=terms.days)
        except Exception as error:  # no error may end the loop
            if not is_outage(error):
                _log.exception("old data could not be deleted")
        await asyncio.sleep(interval_s)
