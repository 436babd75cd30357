"""The connection to Telegram, or to another Bot API server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar, cast

import structlog
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ChatType, ParseMode
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramNotFound,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import DeleteWebhook, GetUpdates, Response, SetWebhook, TelegramMethod
from aiogram.types import Chat, Message

from bot.errors import OperatorError
from bot.telegram.refusals import (
    GatewayFailed,
    GatewayTimedOut,
    NotNow,
    TooFast,
    has_timed_out,
    is_absence,
    refusal_of,
)

Result = TypeVar("Result")
TRIES = 4
RETRY_S = 1.0
ANSWER_S = 30.0
"""Seconds after which a call without an answer fails and its connection is closed, because it may be frozen. A picture
has about 2 MB."""
UNUSABLE = 0
"""The id that Telegram gives to a message that does not exist yet; it cannot be edited."""
_OF_POLLING = frozenset({GetUpdates.__api_method__, DeleteWebhook.__api_method__, SetWebhook.__api_method__})
"""Methods without retries here, because their callers retry."""
_log = structlog.get_logger(__name__)


class Patience(BaseRequestMiddleware):
    """Retries calls for users during short outages of the network, but not during flood control, which may last a
    minute: its exception has the time, so that the caller can handle other work.

    A message whose sending timed out counts as sent, because it has most likely arrived; the caller gets an UNUSABLE
    message, or an empty album. After any other outage the message is sent again, even if it might arrive twice.
    """

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Result], bot: Bot, method: TelegramMethod[Result]
    ) -> Response[Result]:
        if method.__api_method__ in _OF_POLLING:
            return await make_request(bot, method)
        for attempt in range(1, TRIES + 1):
            try:
                return await make_request(bot, method)
            except (TelegramAPIError, ClientDecodeError) as error:
                if has_timed_out(error) and _sends(method):
                    _log.warning("a message may have arrived", method=method.__api_method__)
                    return cast("Response[Result]", _unconfirmed(method))
                if not is_absence(error) or attempt == TRIES:
                    raise
                words = str(refusal_of(error))[:200]
                _log.warning("Telegram is away, trying again", method=method.__api_method__, error=words)
            await asyncio.sleep(0.5 * 2**attempt)
        raise AssertionError("unreachable: the last try returns or raises")


def _sends(method: TelegramMethod[Any]) -> bool:
    return method.__returning__ in (Message, list[Message])


def _unconfirmed(method: TelegramMethod[Any]) -> Message | list[Message]:
    """A substitute for Telegram's answer to a sending call."""
    if method.__returning__ is not Message:
        return []
    chat_id = getattr(method, "chat_id", 0)
    chat = Chat(id=chat_id if isinstance(chat_id, int) else 0, type=ChatType.PRIVATE)
    return Message(message_id=UNUSABLE, date=datetime.fromtimestamp(0, UTC), chat=chat)


ObserveCall = Callable[[str, str], None]
"""Gets the method and the outcome of each call of the Bot API, see CountCalls."""


class CountCalls(BaseRequestMiddleware):
    """Reports each try of a call: "ok", "flood_control" (429), "unavailable" (network, 5xx) or "refused"."""

    def __init__(self, observe: ObserveCall) -> None:
        self._observe = observe

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Result], bot: Bot, method: TelegramMethod[Result]
    ) -> Response[Result]:
        try:
            response = await make_request(bot, method)
        except (TelegramAPIError, ClientDecodeError) as error:
            refusal = refusal_of(error)
            outcome = next((outcome for kind, outcome in _OUTCOMES if isinstance(refusal, kind)), "refused")
            self._observe(method.__api_method__, outcome)
            raise
        self._observe(method.__api_method__, "ok")
        return response


class KeptTypesSession(AiohttpSession):
    """aiogram's session, which asks pydantic for the type of each answer. Pydantic keeps such types weakly and builds
    one that was collected again: five milliseconds during which nothing else runs, at most calls. Here they stay.

    Raises GatewayFailed for a 502, which aiogram does not tell from a failure of Telegram's own, and GatewayTimedOut
    for a 504, also one that is no JSON.
    """

    def check_response(self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str) -> Response[Any]:
        _answer_type(method.__returning__)
        if status_code == HTTPStatus.GATEWAY_TIMEOUT:
            raise GatewayTimedOut(method=method, message="Gateway Timeout")
        try:
            return super().check_response(bot, method, status_code, content)
        except TelegramServerError as error:
            if status_code == HTTPStatus.BAD_GATEWAY:
                raise GatewayFailed(method=error.method, message=error.message) from None
            raise


@cache
def _answer_type(result: type) -> type:
    return Response[result]  # type: ignore[valid-type]


_OUTCOMES = ((TooFast, "flood_control"), (NotNow, "unavailable"))


def open_bot(token: str, api_url: str, *, patient: bool, observe: ObserveCall | None = None) -> Bot:
    """A bot with connections of its own. The impatient one is for callers that react to a refusal instead of waiting.
    `observe` is called with each try of a call.

    A reply to a message that its sender has deleted is sent as a plain message.
    """
    session = KeptTypesSession(api=TelegramAPIServer.from_base(api_url), timeout=ANSWER_S)
    if patient:
        session.middleware(Patience())
    if observe is not None:
        session.middleware(CountCalls(observe))
    defaults = DefaultBotProperties(parse_mode=ParseMode.HTML, allow_sending_without_reply=True)
    return Bot(token, session=session, default=defaults)


async def wait_for_telegram(bot: Bot, patience_s: float, clock: Callable[[], float]) -> str:
    """Waits for Telegram; returns the bot's user name. Raises OperatorError for a wrong token or no answer."""
    deadline = clock() + patience_s
    while True:
        try:
            return (await bot.me()).username or str(bot.id)
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise OperatorError("BOT_TOKEN is not known to the Bot API: get one from @BotFather") from None
        except TelegramAPIError as error:
            if clock() > deadline:
                raise OperatorError(
                    f"no Bot API at BOT_API_URL after {patience_s:.0f} s ({type(error).__name__}): "
                    "check the network or the address"
                ) from None
            _log.warning("waiting for the Bot API", error=str(error)[:200])
        await asyncio.sleep(RETRY_S)
