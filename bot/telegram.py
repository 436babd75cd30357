"""The connection to Telegram, or to a Bot API server of one's own."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import structlog
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    TelegramEntityTooLarge,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import GetUpdates, Response, TelegramMethod

Result = TypeVar("Result")
TRIES = 4
RETRY_AFTER_MAX_S = 60
_log = structlog.get_logger(__name__)


class Patience(BaseRequestMiddleware):
    """Calls made while answering a user wait out flood control and short outages of the network.

    After an outage it is unknown whether a message was sent; it is better said twice than never.
    """

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Result], bot: Bot, method: TelegramMethod[Result]
    ) -> Response[Result]:
        if method.__api_method__ == GetUpdates.__api_method__:  # polling has a patience of its own
            return await make_request(bot, method)
        for attempt in range(1, TRIES):
            try:
                return await make_request(bot, method)
            except TelegramRetryAfter as error:
                if error.retry_after > RETRY_AFTER_MAX_S:
                    raise
                pause_s = float(error.retry_after)
            except TelegramEntityTooLarge:
                raise
            except (TelegramNetworkError, TelegramServerError) as error:
                pause_s = 0.5 * 2**attempt
                _log.warning("Telegram is away, trying again", method=method.__api_method__, error=str(error)[:200])
            await asyncio.sleep(pause_s)
        return await make_request(bot, method)


def open_bot(token: str, api_url: str, *, patient: bool) -> Bot:
    """A bot of its own connections. The impatient one is for whoever has a better use for a refusal than waiting.

    A reply to a message that its sender has deleted is sent as a plain message.
    """
    session = AiohttpSession(api=TelegramAPIServer.from_base(api_url))
    if patient:
        session.middleware(Patience())
    defaults = DefaultBotProperties(parse_mode=ParseMode.HTML, allow_sending_without_reply=True)
    return Bot(token, session=session, default=defaults)
