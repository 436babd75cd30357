"""Use cases of admins about single users: view, limit, ban, allow. The audit log has what admins do and view."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.admin_acts import Act
from bot.db import access, accounts, apps, audit, job_states, jobs, payments, users
from bot.db.accounts import Account, JobLine
from bot.db.admin_tables import AccessRule
from bot.db.apps import EndUserName
from bot.db.session import Sessions, database_time
from bot.db.tables import CreditEntry, Payment, User
from bot.errors import UnknownUser
from bot.usecases.ports import Pseudonym, Signals

PAYMENTS_SHOWN = 4


class Standing(Enum):
    """Whether a user is served."""

    ADMITTED = auto()
    BANNED = auto()
    NOT_LISTED = auto()
    """Access is restricted to the list, and the user is not on it."""


@dataclass(frozen=True)
class ReadAdmission:
    sessions: Sessions

    async def __call__(self, user_id: int) -> Standing:
        async with self.sessions() as session:
            banned, allowed, closed = await access.standing(session, user_id)
        if banned:
            return Standing.BANNED
        return Standing.NOT_LISTED if closed and not allowed else Standing.ADMITTED


@dataclass(frozen=True)
class ReadAccounts:
    """The data of users that admins see."""

    sessions: Sessions

    async def latest(self, offset: int, limit: int) -> tuple[Sequence[User], int]:
        async with self.sessions() as session:
            return await accounts.latest(session, offset, limit)

    async def names(self, user_ids: Collection[int]) -> dict[int, EndUserName]:
        """The names of those of the users who are end users of apps."""
        async with self.sessions() as session:
            return await apps.names(session, user_ids)

    async def view(self, admin_id: int, user_id: int) -> tuple[Account | None, AccessRule | None]:
        """The account, if there is one, and the rule about this Telegram ID. The audit log notes the view."""
        async with self.sessions.begin() as session:
            account = await accounts.find(session, user_id)
            await audit.note(session, admin_id, Act.VIEW_USER, user_id=user_id)
            return account, await access.rule_of(session, user_id)

    async def rule(self, user_id: int) -> AccessRule | None:
        async with self.sessions() as session:
            return await access.rule_of(session, user_id)

    async def jobs(self, user_id: int, offset: int, limit: int) -> tuple[list[JobLine], int]:
        async with self.sessions() as session:
            return await accounts.jobs(session, user_id, offset, limit)

    async def ledger(self, user_id: int, offset: int, limit: int) -> tuple[Sequence[CreditEntry], int]:
        async with self.sessions() as session:
            return await accounts.entries(session, user_id, offset, limit)

    async def payments(self, user_id: int) -> Sequence[Payment]:
        """The latest payments, at most PAYMENTS_SHOWN."""
        async with self.sessions() as session:
            return await payments.latest(session, user_id, PAYMENTS_SHOWN)


@dataclass(frozen=True)
class RuleAccess:
    """Changes the rule about one Telegram ID, or restricts access to the list."""

    sessions: Sessions
    signals: Signals
    pseudonym: Pseudonym

    async def ban(self, admin_id: int, user_id: int) -> None:
        """Ban the user and cancel their pictures in progress."""
        async with self.sessions.begin() as session:
            open_jobs = []
            try:
                await users.lock(session, user_id)
                open_jobs = await jobs.open_jobs(session, user_id)
            except UnknownUser:  # a ban may come before the first message
                pass
            for job in open_jobs:
                await job_states.cancel(session, job.job_id, user_id)
            moment = await database_time(session)
            await self._change(session, admin_id, Act.BAN, user_id, banned_at=moment)
        self.signals.wake()

    async def unban(self, admin_id: int, user_id: int) -> None:
        async with self.sessions.begin() as session:
            await self._change(session, admin_id, Act.UNBAN, user_id, banned_at=None)

    async def limit(self, admin_id: int, user_id: int, daily: int | None) -> None:
        """Pictures per day (UTC); `None` for no limit."""
        act = Act.NO_LIMIT if daily is None else Act.LIMIT
        async with self.sessions.begin() as session:
            await self._change(session, admin_id, act, user_id, daily, daily_limit=daily)

    async def allow(self, admin_id: int, user_id: int, *, allowed: bool) -> None:
        """Add the user to the access list, or remove them."""
        act = Act.ALLOW if allowed else Act.DISALLOW
        async with self.sessions.begin() as session:
            await self._change(session, admin_id, act, user_id, allowed=allowed)

    async def _change(
        self, session: AsyncSession, admin_id: int, act: Act, user_id: int, subject: int | None = None, **values: Any
    ) -> None:
        await access.change(session, user_id, self.pseudonym(user_id), **values)
        await audit.note(session, admin_id, act, user_id=user_id, subject=subject)

    async def close(self, admin_id: int, *, closed: bool) -> None:
        """Restrict access to the list, or lift the restriction."""
        async with self.sessions.begin() as session:
            changed = await (access.close if closed else access.open_)(session)
            if changed:
                await audit.note(session, admin_id, Act.CLOSE_ACCESS if closed else Act.OPEN_ACCESS)

    async def is_closed(self) -> bool:
        async with self.sessions() as session:
            return await access.is_closed(session)

    async def page(self, offset: int, limit: int, *, banned: bool) -> tuple[Sequence[AccessRule], int, int]:
        """A page of access rules, see `bot.db.access.page`."""
        async with self.sessions() as session:
            return await access.page(session, offset, limit, banned=banned)
