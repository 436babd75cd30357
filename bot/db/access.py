"""Rules of access: bans, limits, the access list. Functions never commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.admin_tables import AccessClosure, AccessRule
from bot.db.session import database_time, execute
from bot.db.tables import Job
from bot.domain import JobState
from bot.errors import Banned, DailyLimitReached

NOT_COUNTED = (JobState.FAILED, JobState.CANCELLED)
"""The states of jobs without a picture, which do not count towards a daily limit."""


async def rule_of(session: AsyncSession, user_id: int) -> AccessRule | None:
    return await session.scalar(select(AccessRule).where(AccessRule.user_id == user_id))


async def standing(session: AsyncSession, user_id: int) -> tuple[bool, bool, bool]:
    """Whether the user is banned, on the access list, and whether only people on the list are served."""
    of_user = AccessRule.user_id == user_id
    banned, allowed = (
        exists().where(of_user, AccessRule.banned_at.is_not(None)),
        exists().where(of_user, AccessRule.allowed),
    )
    rows = await session.execute(select(banned, allowed, exists(select(AccessClosure.id))))
    has_ban, has_leave, only_listed = rows.one()
    return has_ban, has_leave, only_listed


async def is_banned(session: AsyncSession, user_id: int) -> bool:
    rule = await rule_of(session, user_id)
    return rule is not None and rule.banned_at is not None


async def recognise(session: AsyncSession, user_id: int, digest: bytes) -> None:
    """Applies an existing rule to a user who deleted their data and returned."""
    adoption = update(AccessRule).where(AccessRule.digest == digest, AccessRule.user_id.is_(None))
    await session.execute(adoption.values(user_id=user_id))


async def change(session: AsyncSession, user_id: int, digest: bytes, **values: Any) -> None:
    """Set columns of the user's rule; an empty rule is deleted."""
    facts = {"user_id": user_id, "changed_at": func.now(), **values}
    statement = insert(AccessRule).values(digest=digest, **facts)
    await session.execute(statement.on_conflict_do_update(index_elements=[AccessRule.digest], set_=facts))
    empty = (~AccessRule.allowed, AccessRule.banned_at.is_(None), AccessRule.daily_limit.is_(None))
    await session.execute(delete(AccessRule).where(AccessRule.digest == digest, *empty))


async def check_request(session: AsyncSession, user_id: int, rule: AccessRule | None) -> None:
    """Raises Banned or DailyLimitReached. The user is locked: two concurrent requests cannot both take the last
    picture."""
    if rule is None:
        return
    if rule.banned_at is not None:
        raise Banned
    if rule.daily_limit is not None and await count_today(session, user_id) >= rule.daily_limit:
        raise DailyLimitReached(limit=rule.daily_limit)


async def count_today(session: AsyncSession, user_id: int) -> int:
    """The user's pictures of this day (UTC), in progress or delivered."""
    midnight = datetime.combine((await database_time(session)).astimezone(UTC).date(), time(), UTC)
    todays_jobs = (Job.user_id == user_id, Job.created_at >= midnight, Job.state.not_in(NOT_COUNTED))
    return await session.scalar(select(func.count()).where(*todays_jobs)) or 0


async def is_closed(session: AsyncSession) -> bool:
    """Whether only people on the access list are served."""
    return await session.scalar(select(AccessClosure.id)) is not None


async def close(session: AsyncSession) -> bool:
    """Restrict access to the list; `False` when it was restricted already."""
    return await execute(session, insert(AccessClosure).values(id=1).on_conflict_do_nothing()) > 0


async def open_(session: AsyncSession) -> bool:
    """Lift the restriction; `False` when there was none."""
    return await execute(session, delete(AccessClosure)) > 0


def _listed(banned: bool) -> ColumnElement[bool]:
    return AccessRule.banned_at.is_not(None) if banned else AccessRule.allowed.is_(True)


async def page(
    session: AsyncSession, offset: int, limit: int, *, banned: bool
) -> tuple[Sequence[AccessRule], int, int]:
    """Rules of users with an ID, latest first; the number of these rules; and the number of rules of users who deleted
    their data."""
    by_user_id = (_listed(banned), AccessRule.user_id.is_not(None))
    count = await session.scalar(select(func.count()).select_from(AccessRule).where(*by_user_id)) or 0
    gone = select(func.count()).select_from(AccessRule).where(_listed(banned), AccessRule.user_id.is_(None))
    statement = select(AccessRule).where(*by_user_id).order_by(AccessRule.changed_at.desc(), AccessRule.user_id)
    rules = (await session.scalars(statement.offset(offset).limit(limit))).all()
    return rules, count, await session.scalar(gone) or 0
