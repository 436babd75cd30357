"""Messages that nobody gets twice: one that may have arrived is not sent again."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum, auto

import structlog

from bot.telegram.refusals import ChatGone, NotNow, TelegramRefusal, TooFast, is_absence, may_be_done, refusals

_log = structlog.get_logger(__name__)


class SendOutcome(Enum):
    ARRIVED = auto()
    UNKNOWN = auto()
    """The answer was lost."""
    UNREACHABLE = auto()
    """The bot may no longer write there."""
    REFUSED = auto()
    """Telegram will never accept the message."""


async def send_once(call: Awaitable[object]) -> SendOutcome:
    """Sends a message. Raises TooFast and NotNow, where the message was certainly not sent and may be sent later."""
    try:
        with refusals():
            await call
    except TooFast:
        raise
    except NotNow as refusal:
        if isinstance(refusal.__cause__, Exception) and not is_absence(refusal.__cause__):
            return SendOutcome.ARRIVED  # only Telegram's answer could not be read
        if may_be_done(refusal):
            _log.warning("a message may have arrived", reason=str(refusal)[:200])
            return SendOutcome.UNKNOWN
        raise
    except ChatGone:
        return SendOutcome.UNREACHABLE
    except TelegramRefusal as refusal:
        _log.warning("a message was refused", reason=str(refusal)[:200])
        return SendOutcome.REFUSED
    return SendOutcome.ARRIVED
