"""Tells inactive users that their data will be deleted, some days before, in the leading process.

No user gets the notice twice per period of inactivity, even with several or killed processes: the database notes it
before it is sent, and the note is removed only where it was certainly not sent. Any act of the user ends the period
(`bot.db.users`).
"""

from __future__ import annotations

import asyncio

import structlog
from aiogram import Bot
from aiogram.enums import ParseMode

from bot.db import users
from bot.db.session import Sessions, is_outage
from bot.domain import RetentionTerms
from bot.role import Role
from bot.telegram.refusals import NotNow, TooFast
from bot.telegram.sent_once import SendOutcome, send_once
from bot.translator import Translator

IDLE_S = 600.0
ABSENCE_PAUSE_S = 5.0
_log = structlog.get_logger(__name__)


class RetentionNotices:
    """Sends notices before the deletion of inactive users: call `run`. `per_s`: messages per second."""

    def __init__(
        self,
        bot: Bot,
        sessions: Sessions,
        translator: Translator,
        terms: RetentionTerms,
        per_s: float,
        *,
        idle_s: float = IDLE_S,
        absence_pause_s: float = ABSENCE_PAUSE_S,
    ) -> None:
        self._bot = bot
        self._sessions = sessions
        self._translator = translator
        self._terms = terms
        self._interval_s = 1 / per_s
        self._idle_s = idle_s
        self._absence_pause_s = absence_pause_s

    async def run(self, role: Role) -> None:
        """Sends notices until cancelled, while this process leads."""
        while True:
            await role.leads.wait()
            pause_s = self._idle_s
            try:
                if await self.step():
                    pause_s = self._interval_s
            except TooFast as refusal:
                pause_s = refusal.retry_after_s
            except NotNow:
                pause_s = self._absence_pause_s
            except Exception as error:  # the edge of a loop that must go on
                if not is_outage(error):
                    _log.exception("the notices of deletion could not be sent")
            await asyncio.sleep(pause_s)

    async def step(self) -> bool:
        """Send one notice; `False` when none is due. Raises TooFast and NotNow; the notice is due again then."""
        async with self._sessions.begin() as session:
            user = await users.take_retention_notice(session, self._terms)
        if user is None:
            return False
        text = self._translator("retention-notice", user.language, days=self._terms.notice_days)
        try:
            outcome = await send_once(self._bot.send_message(user.id, text, parse_mode=ParseMode.HTML))
        except (TooFast, NotNow) as refusal:
            async with self._sessions.begin() as session:
                await users.give_back_retention_notice(session, user.id)
            _log.warning("a notice of deletion waits for Telegram", reason=str(refusal)[:200])
            raise
        if outcome is SendOutcome.UNREACHABLE:
            async with self._sessions.begin() as session:
                await users.set_blocked(session, user.id, True)
        _log.info("sent a notice of deletion", user=user.id, outcome=outcome.name.lower())
        return True
