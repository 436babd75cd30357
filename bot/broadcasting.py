"""Sends broadcasts, one message after another, in the leading process.

No user gets a message twice. The database notes each message before it is sent, and one that may have arrived is not
sent again: its user counts in `handled` alone, as an unknown outcome. The next message waits until Telegram answers, so
that an outage leaves one unknown outcome.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from aiogram import Bot
from aiogram.enums import ParseMode

from bot.db import broadcasts, users
from bot.db.admin_tables import Broadcast
from bot.db.broadcasts import BroadcastOutcome, BroadcastState
from bot.db.session import Sessions, is_outage
from bot.role import Role
from bot.telegram.admin_views import broadcast_view
from bot.telegram.refusals import NotNow, TelegramRefusal, TooFast, Unmodified, refusals
from bot.telegram.sent_once import SendOutcome, send_once
from bot.translator import DEFAULT_LANGUAGE, Translator

IDLE_S = 1.0
"""Seconds between two checks for messages to send."""
PROGRESS_S = 3.0
"""The least time between two edits of the message that shows the progress."""
NETWORK_PAUSE_S = 5.0
OUTCOMES = {
    SendOutcome.ARRIVED: BroadcastOutcome.DELIVERED,
    SendOutcome.UNREACHABLE: BroadcastOutcome.UNREACHABLE,
    SendOutcome.REFUSED: BroadcastOutcome.REFUSED,
    SendOutcome.UNKNOWN: None,
}
_log = structlog.get_logger(__name__)


class Broadcaster:
    """Sends broadcasts: call `run`. `per_s`: messages per second; Telegram allows a bot about thirty of all kinds."""

    def __init__(
        self,
        bot: Bot,
        sessions: Sessions,
        translator: Translator,
        per_s: float,
        clock: Callable[[], float] = time.monotonic,
        network_pause_s: float = NETWORK_PAUSE_S,
    ) -> None:
        self._bot = bot
        self._sessions = sessions
        self._translator = translator
        self._interval_s = 1 / per_s
        self._clock = clock
        self._network_pause_s = network_pause_s
        self._next_at = 0.0
        self._shown_at = 0.0

    async def run(self, role: Role) -> None:
        """Sends broadcasts until cancelled, while this process leads."""
        while True:
            await role.leads.wait()
            try:
                if await self.step():
                    continue
            except Exception as error:  # the edge of a loop that must go on
                if not is_outage(error):
                    _log.exception("a broadcast could not go on")
            await asyncio.sleep(IDLE_S)

    async def step(self) -> bool:
        """Send one message; `False` when there is nothing to send."""
        async with self._sessions.begin() as session:
            broadcast = await broadcasts.sending(session)
            if broadcast is None:
                return False
            user_id = await broadcasts.next_recipient(session, broadcast)
            if user_id is None:
                await broadcasts.move(session, broadcast.id, BroadcastState.SENT, BroadcastState.SENDING)
            else:
                await broadcasts.hand_to(session, broadcast.id, user_id)
        if user_id is None:
            _log.info("a broadcast is sent", broadcast=broadcast.id, delivered=broadcast.delivered)
            await self._show(broadcast.id, ended=True)
            return True
        outcome = await self._send(broadcast, user_id)
        if outcome is not None:
            async with self._sessions.begin() as session:
                await broadcasts.note_outcome(session, broadcast.id, outcome)
                if outcome is BroadcastOutcome.UNREACHABLE:
                    await users.set_blocked(session, user_id, True)
        if self._clock() - self._shown_at >= PROGRESS_S:
            await self._show(broadcast.id)
        return True

    async def _send(self, broadcast: Broadcast, user_id: int) -> BroadcastOutcome | None:
        """Sends one message; waits through flood control and outages; `None` where the message may have arrived."""
        while True:
            await asyncio.sleep(max(0.0, self._next_at - self._clock()))
            self._next_at = self._clock() + self._interval_s
            try:
                outcome = await send_once(send_copy(self._bot, broadcast, user_id))
                if outcome is SendOutcome.UNKNOWN:
                    await self._telegram_answers()
                return OUTCOMES[outcome]
            except TooFast as refusal:
                _log.warning("a broadcast is too fast", broadcast=broadcast.id, wait_s=refusal.retry_after_s)
                self._next_at = self._clock() + refusal.retry_after_s
            except NotNow:
                self._next_at = self._clock() + self._network_pause_s

    async def _telegram_answers(self) -> None:
        """Waits until Telegram answers."""
        while True:
            await asyncio.sleep(self._network_pause_s)
            try:
                with refusals():
                    await self._bot.get_me()
                return
            except (NotNow, TooFast):
                pass

    async def _show(self, broadcast_id: int, *, ended: bool = False) -> None:
        """The progress in the admin's chat; the end is a new message, because Telegram does not notify of edits."""
        self._shown_at = self._clock()
        async with self._sessions() as session:
            broadcast = await broadcasts.get(session, broadcast_id)
            admin = None if broadcast is None else await users.get(session, broadcast.admin_id)
        if broadcast is None:
            return
        texts = self._translator.of(admin.language if admin is not None else DEFAULT_LANGUAGE)
        view = broadcast_view(texts, broadcast)
        try:
            with refusals():
                if broadcast.progress_message_id is not None:
                    await self._bot.edit_message_text(
                        view.text,
                        chat_id=broadcast.admin_id,
                        message_id=broadcast.progress_message_id,
                        reply_markup=None if ended else view.keyboard,
                    )
        except Unmodified:
            pass
        except TelegramRefusal as refusal:
            _log.info("the progress of a broadcast could not be shown", reason=str(refusal)[:200])
        if ended:
            try:
                with refusals():
                    await self._bot.send_message(broadcast.admin_id, view.text, reply_markup=view.keyboard)
            except TelegramRefusal as refusal:
                _log.warning("the end of a broadcast could not be shown", reason=str(refusal)[:200])


async def send_copy(bot: Bot, broadcast: Broadcast, chat_id: int) -> None:
    """The message as its recipients get it."""
    html = broadcast.html or ""
    if broadcast.photo_file_id is None:
        await bot.send_message(chat_id, html, parse_mode=ParseMode.HTML)
    else:
        await bot.send_photo(chat_id, broadcast.photo_file_id, caption=html, parse_mode=ParseMode.HTML)
