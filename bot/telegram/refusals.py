"""The refusals of Telegram. aiogram has one class for many of them: only the description distinguishes them.

TelegramRefusal
├── Unmodified     the message shows exactly this already
├── WithoutText    the message is a photo: its text is a caption
├── MessageGone    the message was deleted, or can no longer be edited
├── ChatGone       the user blocked the bot, or the chat no longer exists
├── ChatMoved      the group became a supergroup with another id
├── QueryExpired   the button was pressed too long ago to be answered
├── TooFast        flood control: wait `retry_after_s` in this chat
├── NotNow         the network or Telegram is down: try again later
├── RefundedBefore the Stars of this payment went back earlier
└── ApiRefusal     Telegram will never accept this request
    └── FileTooBig
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiohttp import ClientConnectorError, ConnectionTimeoutError
from pydantic import ValidationError


class TelegramRefusal(Exception):
    """The root; the message is Telegram's own."""


class Unmodified(TelegramRefusal):
    """The message shows exactly this already."""


class WithoutText(TelegramRefusal):
    """The message is a photo: its text is a caption."""


class MessageGone(TelegramRefusal):
    """The message was deleted, or can no longer be edited."""


class ChatGone(TelegramRefusal):
    """The bot may no longer write there."""


class ChatMoved(TelegramRefusal):
    """The group became a supergroup; `chat_id` is the new one."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"the chat is {chat_id} now")
        self.chat_id = chat_id


class QueryExpired(TelegramRefusal):
    """The button was pressed too long ago to be answered."""


class TooFast(TelegramRefusal):
    """Flood control."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class NotNow(TelegramRefusal):
    """The network or Telegram is down."""


class RefundedBefore(TelegramRefusal):
    """The Stars of this payment went back earlier."""


class ApiRefusal(TelegramRefusal):
    """Telegram will never accept this request."""


class FileTooBig(ApiRefusal):
    """The file is too large for Telegram to send or to receive."""


_BY_DESCRIPTION: tuple[tuple[type[TelegramRefusal], tuple[str, ...]], ...] = (
    (Unmodified, ("message is not modified",)),
    (WithoutText, ("there is no text in the message",)),
    (
        MessageGone,
        (
            "message to edit not found",
            "message to be edited not found",
            "message can't be edited",
            "message to delete not found",
            "message_id_invalid",
        ),
    ),
    (
        ChatGone,
        ("chat not found", "peer_id_invalid", "user is deactivated", "chat_write_forbidden", "not enough rights"),
    ),
    (QueryExpired, ("query is too old", "query id is invalid", "query_id_invalid")),
    (RefundedBefore, ("charge_already_refunded",)),
    (FileTooBig, ("file is too big",)),
)
"""Parts of the descriptions of "400 Bad Request", in lower case."""


class GatewayFailed(TelegramServerError):
    """A 502 or 504: a gateway got no answer to the call, which may be done all the same."""


class GatewayTimedOut(GatewayFailed):
    """A 504: Telegram had the call, and did not answer in time."""


def refusal_of(error: TelegramAPIError | ClientDecodeError) -> TelegramRefusal:
    """The refusal that an exception of aiogram means."""
    match error:
        case TelegramRetryAfter():
            return TooFast(error.retry_after)
        case TelegramMigrateToChat():
            return ChatMoved(error.migrate_to_chat_id)
        case TelegramForbiddenError():
            return ChatGone(str(error))
        case TelegramEntityTooLarge():
            return FileTooBig(str(error))
        case ClientDecodeError():  # its text repeats what could not be read: users' words
            return NotNow(f"an answer that cannot be read ({type(error.original).__name__})")
        case TelegramNetworkError() | TelegramServerError():
            return NotNow(str(error))
        case TelegramBadRequest():
            description = error.message.lower()
            for kind, parts in _BY_DESCRIPTION:
                if any(part in description for part in parts):
                    return kind(str(error))
    return ApiRefusal(str(error))


def flood_wait_s(error: Exception) -> float | None:
    """The seconds that flood control asks to wait; None for any other error."""
    refusal = refusal_of(error) if isinstance(error, TelegramRetryAfter) else error
    return refusal.retry_after_s if isinstance(refusal, TooFast) else None


def is_absence(error: Exception) -> bool:
    """Whether Telegram or the network is away, so that the same call may succeed later. An answer that was read and
    does not fit aiogram's types is none: the call is done."""
    if isinstance(error, ClientDecodeError) and isinstance(error.original, ValidationError):
        return False
    refusal = refusal_of(error) if isinstance(error, TelegramAPIError | ClientDecodeError) else error
    return isinstance(refusal, NotNow)


def may_be_done(refusal: NotNow) -> bool:
    """Whether Telegram may have executed the call. It has not if no connection was established, or if Telegram itself
    reported a failure. A gateway's error leaves it open."""
    error = refusal.__cause__
    if isinstance(error, TelegramNetworkError):
        return not isinstance(error.__cause__, ClientConnectorError | ConnectionTimeoutError)
    return isinstance(error, GatewayFailed) or not isinstance(error, TelegramServerError)


def has_timed_out(error: Exception) -> bool:
    """Whether the call was sent and no answer came, so that it was most likely executed. `False` if the connection
    broke, as an idle one does on reuse, or if a 502 reports that the call reached nobody."""
    if isinstance(error, TelegramNetworkError):
        return isinstance(error.__cause__, TimeoutError) and not isinstance(error.__cause__, ConnectionTimeoutError)
    return isinstance(error, GatewayTimedOut)


@contextmanager
def refusals() -> Iterator[None]:
    """In this block, aiogram's exceptions for a call are raised as a TelegramRefusal."""
    try:
        yield
    except (TelegramAPIError, ClientDecodeError) as error:
        raise refusal_of(error) from error


@contextmanager
def suppress_refusals(*kinds: type[TelegramRefusal]) -> Iterator[None]:
    """In this block, refusals of these kinds are suppressed; aiogram's other exceptions pass unchanged."""
    try:
        yield
    except (TelegramAPIError, ClientDecodeError) as error:
        if not isinstance(refusal_of(error), kinds):
            raise
