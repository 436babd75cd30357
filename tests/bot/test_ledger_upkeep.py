"""The leader books the ends of jobs in the ledger, pays for invitations, and notifies both users."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from bot.credits import CreditTerms, EntryKind
from bot.db import jobs, ledger, referrals, users
from bot.db.session import Sessions
from bot.db.tables import CreditEntry, Job
from bot.domain import JobState
from bot.ledger_upkeep import ReferralNotices, keep_ledger
from bot.local.botapi import ANNA_ID, BEN_ID, LocalBotAPI, Person
from bot.role import Role
from bot.telegram.connection import open_bot
from bot.translator import Translator

TERMS = CreditTerms(free_per_day=1, packs=(), referral=5, contact="@x", departure_key=b"")
Eventually = Callable[[Callable[[], Any]], Awaitable[Any]]


@pytest.fixture
async def notices() -> AsyncIterator[tuple[ReferralNotices, Person]]:
    """Notices over HTTP, and Ben, who gets them; Anna never started the bot."""
    async with LocalBotAPI() as api, Person(api.url, BEN_ID) as ben:
        await ben.send_text("/start")
        bot = open_bot(api.token, api.url, patient=True)
        yield ReferralNotices(bot, Translator()), ben
        await bot.session.close()


@asynccontextmanager
async def _remaining(
    sessions: Sessions, terms: CreditTerms | None, notify: ReferralNotices, role: Role
) -> AsyncIterator[None]:
    keeping = asyncio.create_task(keep_ledger(sessions, terms, notify, role, interval_s=0.05))
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _deliver_free_picture(sessions: Sessions, user_id: int) -> UUID:
    async with sessions.begin() as session:
        job, _ = await jobs.submit(
            session, user_id=user_id, chat_id=user_id, idempotency_key="key", reference_ids=[], style="none",
            prompt="x", seed=1, open_jobs_max=1, credit_terms=TERMS,
        )  # fmt: skip
        await session.execute(update(Job).where(Job.id == job.id).values(state=JobState.DELIVERED))
    return job.id


async def _kinds(sessions: Sessions, job_id: UUID) -> list[str]:
    async with sessions() as session:
        of_job = select(CreditEntry.kind).where(CreditEntry.job_id == job_id).order_by(CreditEntry.id)
        return list(await session.scalars(of_job))


async def test_the_leader_settles_and_pays_invitations(
    sessions: Sessions, rows: Any, notices: tuple[ReferralNotices, Person], eventually: Eventually
) -> None:
    """A notice that cannot be sent, as Anna's, holds nothing up."""
    notify, ben = notices
    for user_id in (ANNA_ID, BEN_ID):
        await rows.user(user_id)
    async with sessions.begin() as session:
        code = await referrals.code_of(session, ANNA_ID, "code")
        assert await referrals.note(session, BEN_ID, code)
    job_id = await _deliver_free_picture(sessions, BEN_ID)
    async with _remaining(sessions, TERMS, notify, Role.alone()):
        await ben.wait_for(lambda message: "earned you 5 credits" in message.text, timeout_s=60)
    assert await _kinds(sessions, job_id) == [EntryKind.RESERVE, EntryKind.SETTLE]
    for user_id in (ANNA_ID, BEN_ID):
        async with sessions.begin() as session:
            await users.lock(session, user_id)
            now = await ledger.current_balance(session, user_id, TERMS, await ledger.today(session))
        assert now.lasting == 5


async def test_without_credits_what_was_reserved_before_is_still_settled(
    sessions: Sessions, rows: Any, notices: tuple[ReferralNotices, Person], eventually: Eventually
) -> None:
    await rows.user(BEN_ID)
    job_id = await _deliver_free_picture(sessions, BEN_ID)
    async with _remaining(sessions, None, notices[0], Role.alone()):
        await eventually(lambda: _is_settled(sessions, job_id))


async def test_a_process_that_does_not_lead_books_nothing(
    sessions: Sessions, rows: Any, notices: tuple[ReferralNotices, Person], eventually: Eventually
) -> None:
    await rows.user(BEN_ID)
    job_id = await _deliver_free_picture(sessions, BEN_ID)
    role = Role()
    async with _remaining(sessions, TERMS, notices[0], role):
        await asyncio.sleep(0.3)
        assert await _kinds(sessions, job_id) == [EntryKind.RESERVE]
        with role.leading():
            await eventually(lambda: _is_settled(sessions, job_id))


async def _is_settled(sessions: Sessions, job_id: UUID) -> bool:
    return EntryKind.SETTLE in await _kinds(sessions, job_id)
