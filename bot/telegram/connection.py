"""The connection to Telegram, or to a Bot API server of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

import structlog
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramNotFound,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import DeleteWebhook, GetUpdates, Response, SetWebhook, TelegramMethod

from bot.errors import OperatorError
from bot.telegram.refusals import GatewayFailed, NotNow, TooFast, is_absence, refusal_of

Result = TypeVar("Result")
TRIES = 4
RETRY_S = 1.0
ANSWER_S = 30.0
"""A call without an answer fails then and its connection is closed: it may be frozen. A picture has about 2 MB."""
_OF_POLLING = frozenset({GetUpdates.__api_method__, DeleteWebhook.__api_method__, SetWebhook.__api_method__})
"""The callers of these methods repeat them."""
_log = structlog.get_logger(__name__)


class Patience(BaseRequestMiddleware):
    """Calls made while answering a user wait out short outages of the network, and never flood control: it may last a
    minute, and its exception says how long, so that the caller can do something else meanwhile.

    After an outage it is unknown whether a message was sent; a message sent twice is better than none.
    """

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Result], bot: Bot, method: TelegramMethod[Result]
    ) -> Response[Result]:
        if method.__api_method__ in _OF_POLLING:
            return await make_request(bot, method)
        for attempt in range(1, TRIES):
            try:
                return await make_request(bot, method)
            except (TelegramAPIError, ClientDecodeError) as error:
                if not is_absence(error):
                    raise
                words = str(refusal_of(error))[:200]
                _log.warning("Telegram is away, trying again", method=method.__api_method__, error=words)
            await asyncio.sleep(0.5 * 2**attempt)
        return await make_request(bot, method)


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

    Raises GatewayFailed for a 502 or 504, which aiogram does not tell from a failure of Telegram's own.
    """

    def check_response(self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str) -> Response[Any]:
        _answer_type(method.__returning__)
        try:
            return super().check_response(bot, method, status_code, content)
        except TelegramServerError as error:
            if status_code in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT):
                raise GatewayFailed(method=error.method, message=error.message) from None
            raise


@cache
def _answer_type(result: type) -> type:
    return Response[result]  # type: ignore[valid-type]


_OUTCOMES = ((TooFast, "flood_control"), (NotNow, "unavailable"))


def open_bot(token: str, api_url: str, *, patient: bool, observe: ObserveCall | None = None) -> Bot:
    """A bot of its own connections. The impatient one is for callers that react to a refusal instead of waiting.
    `observe` gets each try of a call.

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
    """The bot's user name. Raises OperatorError: the token is wrong, or there is no answer."""
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
