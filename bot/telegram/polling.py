"""Fetches updates by long polling. Only finished updates are confirmed; fetching continues while others are handled.

getUpdates gives at most 100 updates, beginning with the first that is not confirmed, and confirms all before its
offset. So the offset is the first unfinished update; updates that come again meanwhile are recognised by their ids.
These 100 are a window: within it, a slow update delays no other. When the window is full, its unfinished updates are
kept in the database, whence they come again after a kill, and the whole window is confirmed: a command behind a hundred
prompts waits for none of them. While the database is away the window waits, but for updates that wait for flood control
of their chat (429): these leave it and are finished on their own.

Several bot processes may run: the one that leads polls.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramConflictError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import DeleteWebhook, TelegramMethod

from bot.errors import OperatorError
from bot.role import Role
from bot.stopping import finishes_before
from bot.telegram.intake import OUTAGE_PAUSE_S, Intake, Ticket
from bot.telegram.spool import SPOOLED_MAX, UpdateSpool, stored, true_after
from bot.telegram.updates import GetRawUpdates, RawUpdate, id_of

Result = TypeVar("Result")
POLL_S = 25
WINDOW = 100
PAUSE_MIN_S, PAUSE_MAX_S = 0.05, 0.2
"""Between two calls while something is unfinished: Telegram then answers at once instead of waiting for news. An update
that comes behind a slow one waits for the longer of these at most."""
BACKOFF_MAX_S = 15.0
STOP_S = 4.0
CONFIRM_S = 1.5
"""With STORE_S of the spool less than the time after which a supervisor kills."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TakenUpdate:
    """An update of the window."""

    raw: RawUpdate
    ticket: Ticket


class Polling:
    """`run` until `stop` is set."""

    def __init__(self, bot: Bot, intake: Intake, *, role: Role | None = None, spool: UpdateSpool | None = None) -> None:
        """Without a `role`, this process polls whatever others do; without a `spool`, a full window waits."""
        self._bot = bot
        self._intake = intake
        self._role = role or Role.alone()
        self._offset: int | None = None
        self._spool = spool
        self._window: OrderedDict[int, TakenUpdate] = OrderedDict()
        self._spooled: dict[int, Ticket] = {}
        self._pause_s = PAUSE_MIN_S

    async def run(self, stop: asyncio.Event) -> None:
        """Raises OperatorError when the token is revoked. Telegram sends updates again that are not handled within
        STOP_S of the stop."""
        try:
            while not stop.is_set():
                if await finishes_before(stop, asyncio.create_task(self._role.leads.wait())):
                    _log.info("polling")
                    await self._poll(stop, self._role.follows)
            await self._intake.finish(STOP_S)
        except BaseException:
            self._intake.cancel()
            raise
        self._advance()
        await self._forget_finished()
        await self._confirm()
        unfinished = len(self._window) + len(self._spooled)
        _log.info("polling ended", unfinished=unfinished, **self._intake.counts)

    async def _poll(self, *ends: asyncio.Event) -> None:
        """Until one of the events is set."""
        await self._call(DeleteWebhook(), ends)
        await self._reload(ends)
        while not any(end.is_set() for end in ends):
            if self._window or self._spooled:
                await self._pause(ends)
            self._advance()
            await self._forget_finished()
            if len(self._window) >= WINDOW:
                await self._empty_window()
            if len(self._window) < WINDOW:
                self._take(await self._fetch(ends))

    async def _reload(self, ends: Sequence[asyncio.Event]) -> None:
        """Go on with what an earlier process had confirmed and did not finish; before anything is fetched, so that each
        chat keeps its order."""
        if self._spool is None:
            return
        raws = None
        while raws is None and not any(end.is_set() for end in ends):
            raws = await stored(self._spool.load())
            if raws is None:
                await finishes_before(ends, asyncio.create_task(asyncio.sleep(OUTAGE_PAUSE_S)))
        for raw in raws or ():
            update_id = id_of(raw)
            if update_id is not None:
                self._spooled[update_id] = self._intake.take(raw)

    async def _empty_window(self) -> None:
        """Keep the unfinished updates in the database, if it is there; then all of the window may be confirmed."""
        open_updates = {update_id: taken for update_id, taken in self._window.items() if not taken.ticket.finished}
        if self._spool is None or not open_updates or len(self._spooled) + len(open_updates) > SPOOLED_MAX:
            return
        saved = self._spool.keep({update_id: taken.raw for update_id, taken in open_updates.items()})
        if await stored(true_after(saved)):
            self._spooled |= {update_id: taken.ticket for update_id, taken in open_updates.items()}
            self._offset = next(reversed(self._window)) + 1
            self._window.clear()

    async def _forget_finished(self) -> None:
        finished = [update_id for update_id, ticket in self._spooled.items() if ticket.finished]
        if self._spool is not None and finished and await stored(true_after(self._spool.forget(finished))):
            for update_id in finished:
                del self._spooled[update_id]

    def _take(self, raws: Sequence[object]) -> None:
        for raw in raws:
            update_id = id_of(raw)
            if update_id is None or not isinstance(raw, dict):
                _log.error("getUpdates gave what is no update", type=type(raw).__name__)
            elif update_id not in self._window:
                self._window[update_id] = TakenUpdate(raw, self._intake.take(raw))
                self._pause_s = PAUSE_MIN_S

    def _advance(self) -> None:
        """Move the offset past the finished updates at the window's beginning."""
        while self._window:
            update_id, ticket = next((update_id, taken.ticket) for update_id, taken in self._window.items())
            crowded = len(self._window) >= WINDOW and ticket.waits_for_flood
            if not ticket.finished and not crowded:
                break
            if crowded:
                _log.warning("an update that waits for flood control is confirmed early", update=update_id)
            del self._window[update_id]
            self._offset = update_id + 1

    async def _pause(self, ends: Sequence[asyncio.Event]) -> None:
        """Until the first unfinished update is finished, at most `_pause_s`, which grows while nothing comes."""
        first = next((taken.ticket for taken in self._window.values()), None)
        if first is None:
            first = next((ticket for ticket in self._spooled.values() if not ticket.finished), None)
        if first is None:  # all are finished, and the database is away
            await finishes_before(ends, asyncio.create_task(asyncio.sleep(self._pause_s)))
        elif first.task is not None and not first.task.done():
            waiting = asyncio.create_task(asyncio.wait({first.task}, timeout=self._pause_s))
            await finishes_before(ends, waiting)
        self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)

    async def _fetch(self, ends: Sequence[asyncio.Event]) -> list[Any]:
        """Updates from the offset on, old ones too; an empty list when the bot stops."""
        request = GetRawUpdates(
            offset=self._offset,
            limit=WINDOW,
            timeout=0 if self._window or self._spooled else POLL_S,
            allowed_updates=self._intake.allowed_updates,
        )
        return await self._call(request, ends) or []

    async def _call(self, request: TelegramMethod[Result], ends: Sequence[asyncio.Event]) -> Result | None:
        """The answer; the call is made again until there is one. None when the bot stops."""
        failures = 0
        while not any(end.is_set() for end in ends):
            call = asyncio.create_task(self._bot(request, request_timeout=POLL_S + 15))
            pause_s = min(0.5 * 2**failures, BACKOFF_MAX_S)
            try:
                return call.result() if await finishes_before(ends, call) else None
            except TelegramUnauthorizedError:
                raise OperatorError("BOT_TOKEN is no longer valid: get a new one from @BotFather") from None
            except TelegramRetryAfter as error:
                pause_s = max(pause_s, float(error.retry_after))
                _log.warning("Telegram limits how often updates are fetched", retry_after_s=error.retry_after)
            except TelegramConflictError as error:
                _log.error("another program uses this token, or a webhook is set: stop it", error=error.message)
            except TelegramAPIError as error:
                _log.warning("cannot fetch updates, trying again", error=str(error)[:200])
            except ClientDecodeError as error:  # its text repeats what could not be read: users' words
                _log.error("cannot read the answer of the Bot API, trying again", error=type(error.original).__name__)
            except Exception:  # no error may end the polling
                _log.exception("cannot fetch updates, trying again")
            failures += 1
            await finishes_before(ends, asyncio.create_task(asyncio.sleep(pause_s)))
        return None

    async def _confirm(self) -> None:
        """Confirm the updates that were handled last."""
        if self._offset is None:
            return
        request = GetRawUpdates(offset=self._offset, limit=1, timeout=0, allowed_updates=self._intake.allowed_updates)
        try:
            async with asyncio.timeout(CONFIRM_S):
                await self._bot(request)
        except (TelegramAPIError, ClientDecodeError, TimeoutError) as error:
            _log.info("the last updates could not be confirmed and will come again", error=type(error).__name__)
