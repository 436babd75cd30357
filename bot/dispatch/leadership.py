"""One dispatcher at a time: a lease in the database that its holder extends.

A lock of a database session would last as long as its connection looks alive to the server: hours after the leader's
host has lost power. Each extension has a connection of its own, so that a frozen one costs one extension.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from uuid import UUID, uuid4

import structlog

from bot.db import leader_lease
from bot.db.session import make_sessions, open_unpooled

LEASE_S = 15.0
RETRY_S = 1.0
WATCH_S = 2.0
ANSWER_S = 5.0
_log = structlog.get_logger(__name__)


class LeadershipLost(Exception):
    """The lease has run out, or another process has it."""


class Leadership:
    """`async with` waits until no other process leads; `watch` raises LeadershipLost when the leadership ends.

    `holder` names the process, which may take its own lease again.
    """

    def __init__(
        self, database_url: str, holder: UUID | None = None, *, lease_s: float = LEASE_S, watch_s: float = WATCH_S
    ) -> None:
        self._sessions = make_sessions(open_unpooled(database_url, command_timeout_s=ANSWER_S))
        self._holder = holder or uuid4()
        self._lease_s = lease_s
        self._watch_s = watch_s
        self._until = 0.0

    async def __aenter__(self) -> Leadership:
        waiting = False
        while not await self._take(ANSWER_S):
            if not waiting:
                _log.info("another dispatcher is at work, waiting for it to end")
                waiting = True
            await asyncio.sleep(RETRY_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Releases the lease; without a database it expires by itself."""
        try:
            async with asyncio.timeout(ANSWER_S), self._sessions.begin() as session:
                await leader_lease.release(session, self._holder)
        except Exception as failed:
            _log.info("the leader's lease is left to run out", error=repr(failed)[:200])

    async def watch(self) -> None:
        """Extends the lease as long as that succeeds. By the clock of this process it expires earlier than in the
        database: the time of an extension counts from the start of the call."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._watch_s)
            left_s = self._until - clock()
            if left_s <= 0:
                raise LeadershipLost(f"the lease was not extended for {self._lease_s:.0f} s")
            try:
                if not await self._take(min(ANSWER_S, left_s)):
                    raise LeadershipLost("another process has the lease")
            except LeadershipLost:
                raise
            except Exception as error:
                _log.warning("the leader's lease could not be extended, trying again", error=repr(error)[:200])

    async def _take(self, answer_s: float) -> bool:
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(answer_s), self._sessions.begin() as session:
            taken = await leader_lease.take(session, self._holder, self._lease_s)
        if taken:
            self._until = began + self._lease_s
        return taken
