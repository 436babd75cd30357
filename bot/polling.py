"""Fetches updates and has them handled. An update is confirmed to Telegram only after it was handled.

aiogram's own polling confirms a batch as soon as it asks for the next one, handled or not: a crash, or a database that
is away, would lose what users said. Here a batch is handled first, chats side by side and in order within a chat, and
updates that met an outage of the database are handled again when it is back. Whatever was not confirmed comes again
after a restart, so handlers must be safe to repeat; they are, by keys made of chat, message and button ids.

One slow handler must not hold up everyone else for long: after `hold_s` the batch is confirmed and the handler goes on
by itself. While the database is away there is nobody to hold up, and nothing is confirmed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramAPIError, TelegramConflictError, TelegramUnauthorizedError
from aiogram.methods import TelegramMethod
from aiogram.types import Update

from bot.db.session import is_outage
from bot.errors import OperatorError
from bot.stopping import finishes_before

POLL_S = 25
BACKOFF_MAX_S = 15.0
OUTAGE_PAUSE_S = 0.5
STUBBORN_MAX = 3
"""How often an update may meet an "outage" of a database that answers: then the fault is in the update."""
STOP_S = 10.0
WATCH_S = 0.2
_log = structlog.get_logger(__name__)


class Polling:
    """`run` until `stop` is set."""

    def __init__(
        self,
        bot: Bot,
        dispatcher: Dispatcher,
        *,
        database_answers: Callable[[], Awaitable[bool]],
        hold_s: float = 10.0,
    ) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._database_answers = database_answers
        self._hold_s = hold_s
        self._allowed = dispatcher.resolve_used_update_types()
        self._offset: int | None = None
        self._last: dict[int, asyncio.Task[None]] = {}
        self._stalled = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Raises OperatorError when the token is revoked. What is not handled within STOP_S of the stop comes again."""
        try:
            while not stop.is_set():
                updates = await self._fetch(stop)
                if await self._handled({self._start(update) for update in updates}, stop) and updates:
                    self._offset = updates[-1].update_id + 1
            await self._confirm()
        finally:
            for task in set(self._last.values()):
                task.cancel()

    async def _fetch(self, stop: asyncio.Event) -> list[Update]:
        """The next updates, which confirms the ones before; an empty list when told to stop."""
        failures = 0
        while not stop.is_set():
            call = asyncio.create_task(
                self._bot.get_updates(
                    offset=self._offset, timeout=POLL_S, allowed_updates=self._allowed, request_timeout=POLL_S + 15
                )
            )
            try:
                return call.result() if await finishes_before(stop, call) else []
            except TelegramUnauthorizedError:
                raise OperatorError("BOT_TOKEN is not valid any more: get a new one from @BotFather") from None
            except TelegramConflictError as error:
                _log.error("another program uses this token, or a webhook is set: stop it", error=error.message)
            except TelegramAPIError as error:
                _log.warning("cannot fetch updates, trying again", error=str(error)[:200])
            except Exception:  # the edge of the process: whatever it was, polling goes on
                _log.exception("cannot fetch updates, trying again")
            failures += 1
            pause = asyncio.create_task(asyncio.sleep(min(0.25 * 2**failures, BACKOFF_MAX_S)))
            await finishes_before(stop, pause)
        return []

    def _start(self, update: Update) -> asyncio.Task[None]:
        """Handle the update after those before it in the same chat."""
        chat_id = chat_of(update)
        task = asyncio.create_task(self._handle(update, self._last.get(chat_id)))
        self._last[chat_id] = task

        def forget(done: asyncio.Task[None]) -> None:
            if self._last.get(chat_id) is done:
                del self._last[chat_id]

        task.add_done_callback(forget)
        return task

    async def _handled(self, batch: set[asyncio.Task[None]], stop: asyncio.Event) -> bool:
        """Wait for the batch. `False`: told to stop while something was not handled, so nothing is to be confirmed."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._hold_s
        stop_deadline: float | None = None
        while batch:
            _, batch = await asyncio.wait(batch, timeout=WATCH_S)
            if stop.is_set():
                stop_deadline = stop_deadline or clock() + STOP_S
                if self._stalled or clock() > stop_deadline:
                    return not batch
            elif not self._stalled and clock() > deadline:
                break
        return True

    async def _handle(self, update: Update, before: asyncio.Task[None] | None) -> None:
        """The edge of the process: an update that fails is logged and done with, unless the database was away."""
        if before is not None:
            await asyncio.wait({before})
        stubborn = 0
        while True:
            try:
                await self._feed(update)
                return
            except Exception as error:
                if not is_outage(error) or stubborn >= STUBBORN_MAX:
                    _log.exception("an update failed", update=update.update_id)
                    return
            _log.warning("the database is away, an update waits", update=update.update_id)
            stubborn = 0 if await self._database_was_away() else stubborn + 1

    async def _database_was_away(self) -> bool:
        """Returns when the database answers; whether it did not at first."""
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

    async def _feed(self, update: Update) -> None:
        response = await self._dispatcher.feed_update(self._bot, update)
        if isinstance(response, TelegramMethod):
            await self._dispatcher.silent_call_request(self._bot, response)

    async def _confirm(self) -> None:
        """What was handled last is not to come again."""
        if self._offset is None:
            return
        try:
            await self._bot.get_updates(offset=self._offset, limit=1, timeout=0, allowed_updates=self._allowed)
        except TelegramAPIError as error:
            _log.info("the last updates could not be confirmed and will come again", error=str(error)[:200])


def chat_of(update: Update) -> int:
    """The chat whose order matters, or who sent it where there is no chat."""
    event = update.event
    message = getattr(event, "message", None)
    chat = getattr(event, "chat", None) or getattr(message, "chat", None)
    sender = getattr(event, "from_user", None)
    return chat.id if chat is not None else sender.id if sender is not None else 0
