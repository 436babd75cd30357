"""Books the ends of jobs into the ledger and pays for invitations, in the leading process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiogram import Bot

from bot.credits import CreditTerms
from bot.db.session import Sessions, is_outage
from bot.db.tables import User
from bot.role import Role
from bot.telegram.refusals import TelegramRefusal, refusals
from bot.translator import Translator
from bot.usecases.credits import SettleCredits, build_credits

INTERVAL_S = 30.0
"""Seconds between two runs. Balances do not depend on it, since each is reconciled before it is read."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ReferralNotices:
    """Tells users that an invitation earned them credits."""

    bot: Bot
    translator: Translator

    async def __call__(self, users: Sequence[User], amount: int) -> None:
        for user in users:
            try:
                with refusals():
                    text = self.translator("invitation-earned", user.language, credits=amount)
                    await self.bot.send_message(user.id, text)
            except TelegramRefusal as refusal:
                _log.info("a notice of an invitation could not be sent", user=user.id, reason=str(refusal)[:200])


async def keep_ledger(
    sessions: Sessions,
    terms: CreditTerms | None,
    notify: ReferralNotices,
    role: Role,
    *,
    interval_s: float = INTERVAL_S,
) -> None:
    """Runs until cancelled; acts while this process leads. If credits are off (`terms` is `None`), earlier reserves are
    still settled."""
    while True:
        await role.leads.wait()
        try:
            await SettleCredits(sessions)()
            if terms is not None:
                credits = build_credits(sessions, terms)
                await notify(await credits.pay_referrals(), terms.referral)
                await credits.forget_departures()
        except Exception as error:  # no error may end the loop
            if not is_outage(error):
                _log.exception("the ledger could not be kept in step")
        await asyncio.sleep(interval_s)
