"""The intake of polling and webhook: it handles every update, in order within its chat, chats in parallel.

Prompts and files are handled a few at a time each. So a command or a button, which waits for neither, shares the event
loop and the connections to the database with few others, however many people have just written or sent photos.

Messages about money are taken beyond every allowance. A query before a payment and /help wait for no other update of
their chat: Telegram waits ten seconds for an answer to the first, and the second is the same before and after a prompt
that waits for its turn.

An update is finished when its handler has ended, with or without an error. A handler runs again after an outage of the
database, for as long as it lasts, after flood control (429), when the time that Telegram names is over, and while
Telegram is away, for about a minute; no handler sleeps for it. Unfinished updates must not be confirmed to Telegram and
come again after a restart, so handlers must be safe to repeat; they are, by keys made of chat, message and button ids.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

import structlog
from aiogram import Bot, Dispatcher
from aiogram.methods import TelegramMethod
from aiogram.types import Update
from structlog.contextvars import bind_contextvars

from bot.db.session import cannot_write, is_outage
from bot.telegram.allowances import Admission, Allowances
from bot.telegram.refusals import flood_wait_s, is_absence
from bot.telegram.updates import (
    RawUpdate,
    Work,
    album_of,
    chat_of,
    id_of,
    is_payment,
    keeps_no_order,
    read_update,
    work_of,
)

MESSAGE_BURST = 30
MESSAGES_PER_S = 1.0
HANDLE_MAX_S = 180.0
"""A download may take 60 s, a decoding another 60 s; what takes longer hangs."""
OUTAGE_PAUSE_S = 0.5
STUBBORN_MAX = 3
"""The number of "outages" of an answering database after which the fault is taken to be in the update."""
FLOOD_WAIT_MAX_S = 60.0
FLOODS_MAX = 3
ABSENCE_PAUSE_S = 5.0
ABSENCES_MAX = 6
"""Of Telegram. With the patience of each call (`bot.telegram.connection`) an update waits about a minute for it."""
FINISHED_KEPT = 10_000
"""Ids of finished updates; one that is delivered again is not handled again."""
AT_ONCE = {Work.PROMPT: 8, Work.FILE: 16}
"""Handlers of a kind at the same time; `bot.telegram.photo_fetching` limits downloads and decodings further."""
WATCH_S = 0.2
_LIMITED = frozenset({"message", "edited_message", "callback_query"})
_log = structlog.get_logger(__name__)


@dataclass
class Ticket:
    """An update that was taken. `finished`: it may be confirmed; `task` ends then, or when it is cancelled."""

    update_id: int | None
    finished: bool = False
    waits_for_flood: bool = False
    """Its handler has run and met flood control; it will run again."""
    task: asyncio.Task[None] | None = None


@dataclass
class OpenAlbums:
    """Albums of which a message is taken and not finished."""

    _counts: Counter[tuple[int, str]] = field(default_factory=Counter)

    def __call__(self, chat_id: int, album_id: str) -> bool:
        return self._counts[chat_id, album_id] > 0

    def begin(self, album: tuple[int, str] | None) -> None:
        if album is not None:
            self._counts[album] += 1

    def end(self, album: tuple[int, str] | None) -> None:
        if album is not None:
            self._counts[album] -= 1
            if not self._counts[album]:
                del self._counts[album]


class Intake:
    """`take` updates in the order in which they came, then `finish`, or `cancel`.

    `counts` says how many updates were taken, and how many of them were unreadable, dropped (beyond their chat's
    allowance), failed (with an error in the log) or hung.
    """

    def __init__(
        self,
        bot: Bot,
        dispatcher: Dispatcher,
        *,
        database_answers: Callable[[], Awaitable[bool]],
        albums: OpenAlbums | None = None,
        burst: int = MESSAGE_BURST,
        per_s: float = MESSAGES_PER_S,
        handle_max_s: float = HANDLE_MAX_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.allowed_updates = dispatcher.resolve_used_update_types()
        self._bot = bot
        self._dispatcher = dispatcher
        self._database_answers = database_answers
        self._albums = albums or OpenAlbums()
        self._allowances = Allowances(burst, per_s, clock)
        self._handle_max_s = handle_max_s
        self._open: dict[int | None, Ticket] = {}
        self._finished: OrderedDict[int | None, None] = OrderedDict()
        self._last: dict[int, asyncio.Task[None]] = {}
        self._stalled = 0
        self._places: dict[Work, AbstractAsyncContextManager[None]] = {
            work: asyncio.Semaphore(count) for work, count in AT_ONCE.items()
        }

    def take(self, raw: RawUpdate) -> Ticket:
        """Begin to handle an update; the same one again, while it is open or later, is the same ticket or a finished
        one."""
        update_id = id_of(raw)
        if update_id in self._open:
            return self._open[update_id]
        ticket = Ticket(update_id)
        if update_id in self._finished:
            ticket.finished = True
            return ticket
        self.counts["taken"] += 1
        reading = read_update(raw, self._bot)
        if not reading.whole:
            self.counts["unreadable"] += 1
        if reading.update is None:
            self._close(ticket)
        else:
            self._admit(reading.update, ticket)
        return ticket

    async def finish(self, patience_s: float) -> None:
        """Wait until nothing is open, but not while the database is away; then cancel the rest."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience_s
        while self._tasks() and not self._stalled and clock() < deadline:
            await asyncio.wait(self._tasks(), timeout=min(WATCH_S, max(0.0, deadline - clock())))
        tasks = self._tasks()
        self.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def cancel(self) -> None:
        for task in self._tasks():
            task.cancel()

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {ticket.task for ticket in self._open.values() if ticket.task is not None and not ticket.task.done()}

    def _admit(self, update: Update, ticket: Ticket) -> None:
        chat_id, notice = chat_of(update), None
        if update.event_type in _LIMITED and not is_payment(update):
            admission = self._allowances.take(chat_id)
            if admission is not Admission.TAKEN:
                self.counts["dropped"] += 1
            if admission is Admission.DROPPED:
                self._close(ticket)
                return
            if admission is Admission.DROPPED_FIRST:
                _log.warning("a chat sends too fast, its updates are dropped", chat=chat_id)
                notice = "error-too-fast"
        self._open[ticket.update_id] = ticket
        self._albums.begin(album_of(update))
        in_order = not keeps_no_order(update)
        before = self._last.get(chat_id) if in_order else None
        ticket.task = task = asyncio.create_task(self._handle_in_turn(update, ticket, before, notice))
        if in_order:
            self._last[chat_id] = task

        def end(done: asyncio.Task[None]) -> None:
            self._open.pop(ticket.update_id, None)
            self._albums.end(album_of(update))
            if self._last.get(chat_id) is done:
                del self._last[chat_id]

        task.add_done_callback(end)

    def _close(self, ticket: Ticket) -> None:
        ticket.finished = True
        self._finished[ticket.update_id] = None
        while len(self._finished) > FINISHED_KEPT:
            self._finished.popitem(last=False)

    async def _handle_in_turn(
        self, update: Update, ticket: Ticket, before: asyncio.Task[None] | None, notice: str | None
    ) -> None:
        """The edge of the process: an update that fails is logged and done with. All log records about it, of every
        module, carry its id: it has a task, and so a context, of its own."""
        bind_contextvars(update=update.update_id)
        if before is not None:
            await asyncio.wait({before})
        work = Work.QUICK if notice else work_of(update)
        stubborn = floods = absences = 0
        while True:
            try:
                async with self._places.get(work, nullcontext()):
                    await self._handle(update, notice)
                break
            except Exception as error:
                wait_s = flood_wait_s(error)
                if wait_s is not None and wait_s <= FLOOD_WAIT_MAX_S and floods < FLOODS_MAX:
                    floods += 1
                    await self._wait_for_flood(ticket, wait_s)
                    continue
                if is_absence(error) and absences < ABSENCES_MAX:
                    absences += 1
                    _log.warning("Telegram is away, an update waits", update=update.update_id)
                    await asyncio.sleep(ABSENCE_PAUSE_S)
                    continue
                if wait_s is not None or is_absence(error) or not is_outage(error) or stubborn >= STUBBORN_MAX:
                    self.counts["failed"] += 1
                    _log.exception("an update failed", update=update.update_id)
                    if is_outage(error) or is_absence(error):
                        await self._apologise(update)
                    break
                full = cannot_write(error)
            _log.warning("the database is away, an update waits", update=update.update_id)
            stubborn = 0 if await self._database_was_away() or full else stubborn + 1
        self._close(ticket)

    async def _handle(self, update: Update, notice: str | None) -> None:
        """Cancels a handler that hangs; its user gets an apology."""
        try:
            async with asyncio.timeout(self._handle_max_s) as limit:
                await self._feed(update, notice)
        except TimeoutError:
            if not limit.expired():
                raise
            self.counts["hung"] += 1
            _log.error("a handler hung and was ended", update=update.update_id, after_s=self._handle_max_s)
            async with asyncio.timeout(self._handle_max_s):
                await self._feed(update, "error-unexpected")

    async def _apologise(self, update: Update) -> None:
        """The middlewares, which expect the update to be handled again, have not."""
        try:
            async with asyncio.timeout(self._handle_max_s):
                await self._feed(update, "error-unexpected")
        except Exception as error:
            _log.warning("the sender of a failed update got no answer", error=type(error).__name__)

    async def _feed(self, update: Update, notice: str | None) -> None:
        """`notice` is the key of a text that replaces the handling, see `bot.telegram.middlewares.SendNotice`."""
        response = await self._dispatcher.feed_update(self._bot, update, notice=notice)
        if isinstance(response, TelegramMethod):
            await self._dispatcher.silent_call_request(self._bot, response)

    async def _wait_for_flood(self, ticket: Ticket, wait_s: float) -> None:
        ticket.waits_for_flood = True
        try:
            await asyncio.sleep(wait_s)
        finally:
            ticket.waits_for_flood = False

    async def _database_was_away(self) -> bool:
        """Waits until the database answers; whether it had to wait."""
        was_away = False
        self._stalled += 1
        try:
            await asyncio.sleep(OUTAGE_PAUSE_S)
            while not await self._database_answers():
                was_away = True
                await asyncio.sleep(OUTAGE_PAUSE_S)
        finally:
            self._stalled -= 1
        return was_away
