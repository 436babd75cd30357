"""One dispatcher at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from bot.db.session import Sessions
from bot.dispatch.leadership import ANSWER_S, Leadership, LeadershipLost

LEASE_S = 1.0
MOVE_LEASE = text("update leader_lease set until = until + make_interval(secs => :seconds)")
END_OF_LEASE = text("select until from leader_lease")
STEAL_LEASE = text("update leader_lease set holder = gen_random_uuid()")


def _leadership(database_url: str) -> Leadership:
    return Leadership(database_url, lease_s=LEASE_S, watch_s=0.1)


async def _do(sessions: Sessions, statement: Any, **values: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(statement, values)


async def _ask(sessions: Sessions, statement: Any) -> Any:
    async with sessions() as session:
        return await session.scalar(statement)


async def _lead(database_url: str, log: list[str], name: str, until: asyncio.Event) -> None:
    async with Leadership(database_url):
        log.append(f"{name} leads")
        await until.wait()
        log.append(f"{name} ends")


async def test_the_second_waits_for_the_first_to_end(database_url: str, eventually: Any) -> None:
    """And not for its lease to run out."""
    log: list[str] = []
    stop_first, stop_second = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(_lead(database_url, log, "first", stop_first))
    await eventually(lambda: log == ["first leads"])
    second = asyncio.create_task(_lead(database_url, log, "second", stop_second))
    await asyncio.sleep(0.5)
    assert log == ["first leads"]
    stop_first.set()
    await eventually(lambda: log == ["first leads", "first ends", "second leads"])
    stop_second.set()
    await asyncio.gather(first, second)


async def test_a_leader_that_vanishes_is_followed_when_its_lease_ends(database_url: str, eventually: Any) -> None:
    """As after a power failure of the host: the lease is neither released nor extended."""
    await _leadership(database_url).__aenter__()
    async with asyncio.timeout(30), _leadership(database_url):
        pass


async def test_a_leader_extends_its_lease_while_it_watches(
    database_url: str, sessions: Sessions, eventually: Any
) -> None:
    async with Leadership(database_url, lease_s=60.0, watch_s=0.05) as leadership:
        watching = asyncio.create_task(leadership.watch())
        begin = await _ask(sessions, END_OF_LEASE)

        async def later() -> bool:
            return bool(await _ask(sessions, END_OF_LEASE) > begin)

        await eventually(later)
        assert not watching.done()
        watching.cancel()
        await asyncio.wait([watching])


async def test_a_leader_whose_lease_is_taken_ends(database_url: str, sessions: Sessions) -> None:
    async with Leadership(database_url, lease_s=60.0, watch_s=0.05) as leadership:
        await _do(sessions, STEAL_LEASE)
        async with asyncio.timeout(60):
            with pytest.raises(LeadershipLost, match="another process"):
                await leadership.watch()


async def test_a_leader_that_cannot_extend_its_lease_ends_in_time(
    database_url: str, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own clock, without asking the database."""

    async def unanswered(*_: Any) -> bool:
        raise ConnectionResetError

    async with _leadership(database_url) as leadership:
        monkeypatch.setattr("bot.db.leader_lease.take", unanswered)
        async with asyncio.timeout(LEASE_S + ANSWER_S + 20):
            with pytest.raises(LeadershipLost, match="not extended"):
                await leadership.watch()


async def test_cut_connections_do_not_end_the_leadership(
    database_url: str, sessions: Sessions, eventually: Any
) -> None:
    """A restart of Postgres shorter than the lease leaves the leader in place."""
    leadership = Leadership(database_url, lease_s=60.0, watch_s=0.05)
    async with leadership:
        watching = asyncio.create_task(leadership.watch())
        for _ in range(10):
            await _do(
                sessions,
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                ),
            )
            await asyncio.sleep(0.05)
        assert not watching.done()
        watching.cancel()
        await asyncio.wait([watching])


async def test_a_clock_set_back_frees_the_lease_of_a_leader_that_is_gone(database_url: str, sessions: Sessions) -> None:
    """Seen from the clock of now, the lease then ends in an hour."""
    await Leadership(database_url).__aenter__()
    await _do(sessions, MOVE_LEASE, seconds=3600)
    async with asyncio.timeout(10), Leadership(database_url):
        pass


async def test_leading_ends_with_an_error_too(database_url: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Leadership(database_url):
            raise ZeroDivisionError
    async with asyncio.timeout(10), Leadership(database_url):
        pass


async def test_waiting_can_be_given_up(database_url: str) -> None:
    async with Leadership(database_url):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), Leadership(database_url):
                pytest.fail("two lead at once")
