"""The Bot API over HTTP: /bot<token>/<method> and /file/bot<token>/<path>. https://core.telegram.org/bots/api#making-requests"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import deque
from contextlib import suppress

from aiohttp import web
from pydantic import JsonValue

from bot.local.botapi.errors import (
    BotAPIError,
    EntityTooLarge,
    GatewayTimeout,
    NotFound,
    PostNeeded,
    ServerFailure,
    TooManyRequests,
    Unauthorized,
)
from bot.local.botapi.faults import Fault, FaultPlan
from bot.local.botapi.methods import Method, method_table
from bot.local.botapi.methods.receiving import DOWNLOAD_MAX_BYTES
from bot.local.botapi.parameters import Parameters, read_parameters
from bot.local.botapi.records import JsonObject
from bot.local.botapi.views import CallView
from bot.local.botapi.world import World

CALLS_KEPT = 10_000
DROPPED = 0

logger = logging.getLogger(__name__)


class BotRoutes:
    """Answers the bot, lets planned faults happen, and remembers what it called."""

    def __init__(self, world: World, token: str, faults: FaultPlan) -> None:
        self._world = world
        self._token = token
        self._faults = faults
        self._methods: dict[str, Method] = method_table(world)
        self.calls: deque[CallView] = deque(maxlen=CALLS_KEPT)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/bot{token:[^/]+}/{method:[^/]+}", self.call),
            web.get("/file/bot{token:[^/]+}/{path:.+}", self.download),
        ]

    async def call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        started_at = self._world.clock()
        fault = self._faults.take(method) if self._knows(request) else None
        parameters = Parameters({})
        try:
            self._authorise(request)
            if request.method != "POST" and not _only_reads(method):
                raise PostNeeded()
            parameters = await read_parameters(request)
            response = await self._answer(request, method, parameters, fault)
        except web.HTTPRequestEntityTooLarge:
            response = _refusal(EntityTooLarge())
        except BotAPIError as error:
            response = _refusal(error)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            logger.exception("method %s failed", method)
            response = _refusal(ServerFailure())
        self._remember(method, parameters, started_at, response)
        return response

    async def download(self, request: web.Request) -> web.StreamResponse:
        try:
            self._authorise(request)
        except BotAPIError as error:
            return _refusal(error)
        file = self._world.library.by_path(request.match_info["path"])
        if file is None or file.size > DOWNLOAD_MAX_BYTES:
            return _refusal(NotFound())
        return web.Response(body=await self._world.library.read(file), content_type="application/octet-stream")

    async def _answer(
        self, request: web.Request, method: str, parameters: Parameters, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is not None:
            if fault.delay_s:
                await asyncio.sleep(fault.delay_s)
            match fault.kind:
                case "flood":
                    raise TooManyRequests(fault.retry_after)
                case "server_error":
                    raise ServerFailure()
                case "bad_gateway":
                    return web.Response(
                        status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html"
                    )
                case "drop":
                    return _drop(request)
                case "drop_after" | "gateway_timeout" | "latency":
                    pass
        handler = self._methods.get(method.lower())
        if handler is None:
            raise NotFound()
        result = await handler(parameters)
        if fault is not None and fault.kind == "drop_after":
            return _drop(request)
        if fault is not None and fault.kind == "gateway_timeout":
            raise GatewayTimeout()
        return _json({"ok": True, "result": result})

    def _knows(self, request: web.Request) -> bool:
        return hmac.compare_digest(request.match_info["token"].encode(), self._token.encode())

    def _authorise(self, request: web.Request) -> None:
        if not self._knows(request):
            raise Unauthorized()

    def _remember(self, method: str, parameters: Parameters, started_at: float, response: web.StreamResponse) -> None:
        chat_id = None
        with suppress(ValueError, BotAPIError):
            chat_id = int(parameters.text("chat_id"))
        description = response.reason if response.status != 200 else ""
        if isinstance(response, _Refused):
            description = response.description
        status = DROPPED if isinstance(response, _Dropped) else response.status
        self.calls.append(
            CallView(method=method, chat_id=chat_id, at=started_at, status=status, description=description or "")
        )


def _only_reads(method: str) -> bool:
    """Whether the method changes nothing. getUpdates does, since it confirms updates."""
    return method.lower().startswith("get") and method.lower() != "getupdates"


class _Refused(web.Response):
    description = ""


class _Dropped(web.Response):
    """An answer that is never read: the connection is closed."""


def _drop(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return _Dropped()


def _json(body: dict[str, JsonValue], status: int = 200) -> web.Response:
    return web.json_response(body, status=status)


def _refusal(error: BotAPIError) -> web.Response:
    body: JsonObject = {"ok": False, "error_code": error.code, "description": error.description}
    headers = {}
    if error.retry_after is not None:
        body["parameters"] = {"retry_after": error.retry_after}
        headers["Retry-After"] = str(error.retry_after)
    refused = _Refused(
        text=web.json_response(body).text, status=error.code, headers=headers, content_type="application/json"
    )
    refused.description = error.description
    return refused
