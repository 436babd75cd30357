"""The ledger of credits: each picture is charged once, and released if it is not delivered, in any order of events."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from bot.credits import CreditTerms, EntryKind, Pack, departure_key
from bot.db import departures, job_states, jobs, leases, ledger, payments, referrals, users
from bot.db.session import Sessions
from bot.db.tables import CreditEntry, Job, User
from bot.domain import ATTEMPTS_MAX, OPEN_STATES, JobState, RetentionTerms
from bot.errors import NotEnoughCredits, TooManyOpenJobs
from bot.usecases.credits import PayReferrals, SettleCredits
from engine.contract import Result

TERMS = CreditTerms(
    free_per_day=0, packs=(Pack(20, 100),), referral=5, contact="@x", departure_key=departure_key("1:a")
)
FREE = CreditTerms(free_per_day=2, packs=(Pack(20, 100),), referral=5, contact="@x", departure_key=departure_key("1:a"))
_numbers = itertools.count(1000)


class Account:
    """One user's credits, and the events that change them."""

    def __init__(self, sessions: Sessions, user_id: int, terms: CreditTerms = TERMS) -> None:
        self.sessions = sessions
        self.user_id = user_id
        self.terms = terms

    async def grant(self, amount: int) -> None:
        async with self.sessions.begin() as session:
            await users.lock(session, self.user_id)
            await ledger.book(
                session, user_id=self.user_id, key=f"grant:{uuid4()}", kind=EntryKind.GRANT, amount=amount
            )

    async def submit(self, key: str | None = None) -> UUID | None:
        """The job, or `None` without credits."""
        try:
            async with self.sessions.begin() as session:
                job, _ = await jobs.submit(
                    session, user_id=self.user_id, chat_id=self.user_id, idempotency_key=key or uuid4().hex,
                    reference_ids=[], style="none", prompt="in a garden", seed=7, open_jobs_max=100,
                    credit_terms=self.terms,
                )  # fmt: skip
        except NotEnoughCredits:
            return None
        return job.id

    async def finish(self, job_id: UUID) -> None:
        report = Result(
            job_id=str(job_id), attempt=1, worker_id="w", image=b"png", width=1, height=1, seconds=1, backbone="b"
        )
        async with self.sessions.begin() as session:
            await job_states.finish(session, report)

    async def deliver(self, job_id: UUID) -> None:
        async with self.sessions.begin() as session:
            await job_states.deliver(session, job_id, "file")

    async def cancel(self, job_id: UUID) -> None:
        async with self.sessions.begin() as session:
            await job_states.cancel(session, job_id, self.user_id)

    async def fail(self, job_id: UUID) -> None:
        async with self.sessions.begin() as session:
            await job_states.fail(session, job_id, "internal")

    async def fail_delivery(self, job_id: UUID) -> None:
        async with self.sessions.begin() as session:
            await job_states.fail_delivery(session, job_id)

    async def pay(self, charge_id: str, credits_: int) -> bool:
        async with self.sessions.begin() as session:
            await users.lock(session, self.user_id)
            return await payments.record(session, self.user_id, charge_id, 100, credits_)

    async def refund(self, charge_id: str) -> bool:
        async with self.sessions.begin() as session:
            return await payments.refund(session, charge_id, None)

    async def reconcile(self) -> None:
        async with self.sessions.begin() as session:
            await users.lock(session, self.user_id)
            await ledger.reconcile(session, await ledger.today(session), self.user_id)

    async def balance(self, day: date | None = None) -> ledger.Balance:
        async with self.sessions.begin() as session:
            await users.lock(session, self.user_id)
            day = day or await ledger.today(session)
            return await ledger.current_balance(session, self.user_id, self.terms, day)

    async def entries(self) -> list[CreditEntry]:
        async with self.sessions() as session:
            of_user = select(CreditEntry).where(CreditEntry.user_id == self.user_id)
            return list(await session.scalars(of_user.order_by(CreditEntry.id)))

    async def kinds(self, job_id: UUID) -> list[str]:
        return [entry.kind for entry in await self.entries() if entry.job_id == job_id]


@pytest.fixture
async def account(sessions: Sessions, rows: Any) -> Account:
    await rows.user()
    return Account(sessions, 1)


async def test_a_delivered_picture_costs_one_credit(account: Account) -> None:
    await account.grant(2)
    job_id = await account.submit()
    assert job_id is not None
    assert (await account.balance()) == ledger.Balance(free=0, lasting=1, reserved=1)
    await account.finish(job_id)
    assert (await account.balance()).reserved == 1, "a picture that is not delivered yet is not paid yet"
    await account.deliver(job_id)
    assert (await account.balance()) == ledger.Balance(free=0, lasting=1, reserved=0)
    assert await account.kinds(job_id) == [EntryKind.RESERVE, EntryKind.SETTLE]


@pytest.mark.parametrize("end", ["cancel", "fail", "undeliverable"])
async def test_a_picture_that_is_not_delivered_costs_nothing(account: Account, end: str) -> None:
    await account.grant(1)
    job_id = await account.submit()
    assert job_id is not None
    if end == "undeliverable":
        await account.finish(job_id)
        await account.fail_delivery(job_id)
    else:
        await (account.cancel if end == "cancel" else account.fail)(job_id)
    assert (await account.balance()) == ledger.Balance(free=0, lasting=1, reserved=0)
    assert await account.kinds(job_id) == [EntryKind.RESERVE, EntryKind.RELEASE]


async def test_without_credits_there_is_no_job_even_if_the_caller_commits(account: Account) -> None:
    async with account.sessions.begin() as session:
        with pytest.raises(NotEnoughCredits):
            await jobs.submit(
                session, user_id=1, chat_id=1, idempotency_key="key", reference_ids=[], style="none", prompt="x",
                seed=1, open_jobs_max=1, credit_terms=TERMS,
            )  # fmt: skip
    async with account.sessions() as session:
        assert await jobs.count(session, 1) == 0


async def test_the_same_request_again_reserves_once(account: Account) -> None:
    await account.grant(5)
    jobs_made = {await account.submit("key") for _ in range(3)}
    assert len(jobs_made) == 1
    assert (await account.balance()).lasting == 4


async def test_two_requests_at_once_cannot_both_take_the_last_credit(account: Account) -> None:
    await account.grant(1)
    results = await asyncio.gather(*(account.submit() for _ in range(6)))
    assert len([job_id for job_id in results if job_id is not None]) == 1


async def test_too_many_open_jobs_reserve_nothing(account: Account) -> None:
    await account.grant(2)
    async with account.sessions.begin() as session:
        with pytest.raises(TooManyOpenJobs):
            await jobs.submit(
                session, user_id=1, chat_id=1, idempotency_key="key", reference_ids=[], style="none", prompt="x",
                seed=1, open_jobs_max=0, credit_terms=TERMS,
            )  # fmt: skip
    assert (await account.balance()).lasting == 2


async def test_the_free_quota_is_used_first_and_is_new_every_day(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    account = Account(sessions, 1, FREE)
    await account.grant(1)
    assert [await account.submit() is not None for _ in range(4)] == [True, True, True, False]
    assert (await account.balance()) == ledger.Balance(free=0, lasting=0, reserved=3)
    async with sessions() as session:
        tomorrow = await ledger.today(session) + timedelta(days=1)
    assert (await account.balance(tomorrow)).free == 2


async def test_free_pictures_of_an_earlier_day_cannot_be_spent_but_come_back_when_they_fail(
    sessions: Sessions, rows: Any
) -> None:
    await rows.user()
    account = Account(sessions, 1, FREE)
    async with sessions() as session:
        today = await ledger.today(session)
    yesterday = today - timedelta(days=1)
    assert (await account.balance(yesterday)).free == 2
    assert (await account.balance(today)).free == 2, "what was left yesterday is not added"
    job_id = await account.submit()
    assert job_id is not None
    await account.cancel(job_id)
    assert (await account.balance(today + timedelta(days=1))).free == 3, "released after midnight: into the new day"


async def test_who_deletes_everything_gets_no_second_quota_on_that_day(sessions: Sessions, rows: Any) -> None:
    await rows.user()
    account = Account(sessions, 1, FREE)
    async with sessions.begin() as session:
        today = await ledger.today(session)
        await departures.note(session, FREE.pseudonym(1), today, free_used=2)
    assert (await account.balance(today)).free == 0
    assert (await account.balance(today + timedelta(days=1))).free == 2


async def test_pseudonyms_of_users_who_left_are_forgotten_after_their_time(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        today = await ledger.today(session)
        await departures.note(session, b"old", today - timedelta(days=departures.KEPT_DAYS + 1), 1)
        await departures.note(session, b"new", today, 1)
        assert await departures.forget(session, today) == 1
        assert await departures.find(session, b"old") is None
        assert await departures.find(session, b"new") is not None


@pytest.mark.parametrize("statement", ["update credit_entries set amount = 99", "delete from credit_entries"])
async def test_entries_cannot_be_changed_or_deleted(account: Account, statement: str) -> None:
    await account.grant(3)
    with pytest.raises(DBAPIError, match="append-only"):
        async with account.sessions.begin() as session:
            await session.execute(text(statement))
    assert [entry.amount for entry in await account.entries()] == [3]


async def test_entries_go_with_their_user_and_payments_lose_the_id(account: Account) -> None:
    await account.pay("charge", 20)
    async with account.sessions.begin() as session:
        await users.remove(session, 1)
    assert await account.entries() == []
    async with account.sessions() as session:
        payment = await payments.get(session, "charge")
    assert payment is not None and (payment.user_id, payment.stars, payment.credits) == (None, 100, 20)


async def test_a_charge_counts_once_even_after_its_user_was_deleted(account: Account, rows: Any) -> None:
    paid = await asyncio.gather(*(account.pay("charge", 20) for _ in range(5)))
    assert sorted(paid) == [False] * 4 + [True]
    assert (await account.balance()).lasting == 20
    async with account.sessions.begin() as session:
        await users.remove(session, 1)
    await rows.user()
    assert not await account.pay("charge", 20)
    assert (await account.balance()).lasting == 0


async def test_a_refund_takes_what_is_left_and_counts_once(account: Account) -> None:
    await account.pay("charge", 3)
    for _ in range(2):
        job_id = await account.submit()
        assert job_id is not None
        await account.finish(job_id)
        await account.deliver(job_id)
    refunded = await asyncio.gather(*(account.refund("charge") for _ in range(4)))
    assert sorted(refunded) == [False, False, False, True]
    assert (await account.balance()).lasting == 0
    assert not await account.refund("never seen")


async def test_both_sides_of_an_invitation_are_paid_once_after_the_first_picture(sessions: Sessions, rows: Any) -> None:
    for user_id in (1, 2):
        await rows.user(user_id)
    inviter, invited = Account(sessions, 1), Account(sessions, 2)
    async with sessions.begin() as session:
        code = await referrals.code_of(session, 1, "code")
        assert await referrals.code_of(session, 1, "another") == code
        assert await referrals.note(session, 2, code)
    await invited.grant(1)
    job_id = await invited.submit()
    assert job_id is not None
    pay = PayReferrals(sessions, TERMS)
    assert await pay() == []
    await invited.finish(job_id)
    await invited.deliver(job_id)
    await SettleCredits(sessions)()
    paid = [user.id for users_paid in await asyncio.gather(*(pay() for _ in range(3))) for user in users_paid]
    assert sorted(paid) == [1, 2]
    assert ((await inviter.balance()).lasting, (await invited.balance()).lasting) == (5, 5)


async def test_invitations_of_oneself_of_each_other_and_of_old_users_do_not_count(
    sessions: Sessions, rows: Any
) -> None:
    for user_id in (1, 2, 3, 4, 5):
        await rows.user(user_id)
    async with sessions.begin() as session:
        await session.execute(update(User).where(User.id == 3).values(consent_version=1))
        await session.execute(update(User).where(User.id == 4).values(created_at=text("now() - interval '2 days'")))
        for user_id in (1, 2, 5):
            await referrals.code_of(session, user_id, f"code {user_id}")
        assert not await referrals.note(session, 1, "code 1")
        assert not await referrals.note(session, 2, "no such code")
        assert not await referrals.note(session, 3, "code 1"), "has agreed to the terms before"
        assert not await referrals.note(session, 4, "code 1"), "wrote first long ago"
        assert await referrals.note(session, 2, "code 1")
        assert await referrals.note(session, 2, "code 1"), "the same update, handled again"
        assert not await referrals.note(session, 2, "code 5"), "was invited by another"
        assert not await referrals.note(session, 1, "code 2"), "has invited that inviter"


async def test_users_with_credits_outlast_the_retention(account: Account, rows: Any) -> None:
    await rows.user(2)
    await account.grant(1)
    job_id = await account.submit()
    async with account.sessions.begin() as session:
        await session.execute(update(Job).where(Job.id == job_id).values(state=JobState.CANCELLED))
        await session.execute(update(User).values(active_at=text("now() - interval '9 days'")))
        assert await users.remove_inactive(session, RetentionTerms(5, 0), 10) == 1
    assert await rows.get_user(1)


# ---- kill -9 ----

SUBMITTED_AND_KILLED = """
import asyncio, os, signal, sys
from bot.credits import CreditTerms
from bot.db import jobs
from bot.db.session import make_sessions, open_pool

async def main(url, commits):
    async with make_sessions(open_pool(url))() as session:
        terms = CreditTerms(free_per_day=0, packs=(), referral=0, contact="@x", departure_key=b"")
        await jobs.submit(
            session, user_id=1, chat_id=1, idempotency_key="key", reference_ids=[], style="none", prompt="x", seed=1,
            open_jobs_max=1, credit_terms=terms,
        )
        if commits:
            await session.commit()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1], sys.argv[2] == "commits"))
"""


def _submit_and_die(database_url: str, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", SUBMITTED_AND_KILLED, database_url, when], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL


async def test_killed_before_the_commit_neither_job_nor_reserve_is_there(account: Account, database_url: str) -> None:
    await account.grant(1)
    await asyncio.to_thread(_submit_and_die, database_url, "rolls back")
    assert (await account.balance()) == ledger.Balance(free=0, lasting=1, reserved=0)
    async with account.sessions() as session:
        assert await jobs.count(session, 1) == 0


async def test_killed_after_the_commit_the_reserve_follows_the_job_to_its_end(
    account: Account, database_url: str
) -> None:
    """A worker takes the job and never comes back; the sweep of leases ends it, in another process."""
    await account.grant(1)
    await asyncio.to_thread(_submit_and_die, database_url, "commits")
    assert (await account.balance()) == ledger.Balance(free=0, lasting=0, reserved=1)
    lost = {"state": JobState.RUNNING, "attempts": ATTEMPTS_MAX, "lease_until": text("now() - interval '1 minute'")}
    async with account.sessions.begin() as session:
        await session.execute(update(Job).values(handed_at=text("now()"), **lost))
        swept = await leases.sweep(session, alive_s=5)
    assert len(swept.failed) == 1
    assert await SettleCredits(account.sessions)() == 1
    assert (await account.balance()) == ledger.Balance(free=0, lasting=1, reserved=0)


async def test_killed_between_the_delivery_and_the_booking_the_picture_is_still_settled(account: Account) -> None:
    """Nothing is booked at the delivery itself: the state of the job is enough."""
    await account.grant(1)
    job_id = await account.submit()
    assert job_id is not None
    await account.finish(job_id)
    await account.deliver(job_id)
    assert await account.kinds(job_id) == [EntryKind.RESERVE]
    assert await SettleCredits(account.sessions)() == 1
    assert await SettleCredits(account.sessions)() == 0
    assert await account.kinds(job_id) == [EntryKind.RESERVE, EntryKind.SETTLE]


async def test_the_reserve_of_a_job_that_is_gone_is_released(account: Account) -> None:
    await account.grant(1)
    await account.submit()
    async with account.sessions.begin() as session:
        await session.execute(delete(Job))
    assert (await account.balance()) == ledger.Balance(free=0, lasting=1, reserved=0)


# ---- any order of events ----

EVENTS = st.one_of(
    st.tuples(st.just("submit"), st.just(0)),
    st.tuples(st.sampled_from(["finish", "deliver", "cancel", "fail", "fail_delivery"]), st.integers(0, 5)),
    st.tuples(st.just("grant"), st.integers(1, 2)),
    st.tuples(st.sampled_from(["pay", "refund"]), st.integers(0, 1)),
    st.tuples(st.sampled_from(["reconcile", "balance", "settle all"]), st.just(0)),
)
ROUNDS = st.lists(st.lists(EVENTS, min_size=1, max_size=5), min_size=1, max_size=8)
"""The events of one round happen at once."""


async def _happen(account: Account, event: str, number: int, job_ids: list[UUID]) -> UUID | None:
    match event:
        case "submit":
            return await account.submit()
        case "grant":
            await account.grant(number)
        case "pay":
            await account.pay(f"{account.user_id}:{number}", number + 2)
        case "refund":
            await account.refund(f"{account.user_id}:{number}")
        case "reconcile":
            await account.reconcile()
        case "balance":
            await account.balance()
        case "settle all":
            await SettleCredits(account.sessions)()
        case _ if job_ids:
            act: Callable[[UUID], Any] = getattr(account, event)
            await act(job_ids[number % len(job_ids)])
    return None


def _check_sums(entries: list[CreditEntry]) -> None:
    """No bucket is ever overdrawn, in the order in which entries were booked."""
    sums: dict[date | None, int] = {}
    for entry in entries:
        sums[entry.day] = sums.get(entry.day, 0) + entry.amount
        assert sums[entry.day] >= 0, [(each.kind, each.amount, each.day) for each in entries]


async def _check_jobs(account: Account, entries: list[CreditEntry]) -> None:
    """Every job has reserved once, and has ended once in the ledger exactly if it has ended; at the right price."""
    async with account.sessions() as session:
        states = dict((await session.execute(select(Job.id, Job.state).where(Job.user_id == account.user_id))).all())
    kinds: dict[UUID, list[str]] = {job_id: [] for job_id in states}
    for entry in entries:
        if entry.job_id is not None:
            kinds[entry.job_id].append(entry.kind)
    for job_id, state in states.items():
        end = [] if state in OPEN_STATES else ["settle" if state == JobState.DELIVERED else "release"]
        assert kinds[job_id] == ["reserve", *end], state
    delivered = sum(state == JobState.DELIVERED for state in states.values())
    held = sum(state in OPEN_STATES for state in states.values())
    added = sum(e.amount for e in entries if e.kind in (EntryKind.GRANT, EntryKind.PURCHASE, EntryKind.REFUND))
    assert sum(entry.amount for entry in entries) == added - delivered - held


@pytest.mark.timeout(900)
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=ROUNDS, free=st.integers(0, 2))
async def test_no_order_of_events_overdraws_or_books_a_job_twice(
    sessions: Sessions, rows: Any, rounds: list[list[tuple[str, int]]], free: int
) -> None:
    user_id = await rows.user(next(_numbers))
    terms = CreditTerms(free, packs=(), referral=0, contact="@x", departure_key=b"")
    account = Account(sessions, user_id, terms)
    job_ids: list[UUID] = []
    for events in rounds:
        results = await asyncio.gather(*(_happen(account, event, number, job_ids) for event, number in events))
        job_ids += [job_id for job_id in results if job_id is not None]
        _check_sums(await account.entries())
    await asyncio.gather(account.reconcile(), SettleCredits(sessions)(), account.balance())
    entries = await account.entries()
    _check_sums(entries)
    await _check_jobs(account, entries)
