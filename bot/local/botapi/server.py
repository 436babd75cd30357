"""The local Bot API server: the bot's side, the person's side and the chat page on one loopback port."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from aiohttp import web

from bot.local.botapi.bot_routes import BotRoutes
from bot.local.botapi.errors import PersonError
from bot.local.botapi.faults import FaultPlan
from bot.local.botapi.people import People
from bot.local.botapi.person_routes import PersonRoutes
from bot.local.botapi.storage import Storage
from bot.local.botapi.webhook import WebhookSender
from bot.local.botapi.world import World
from bot.local.defaults import DEFAULT_TOKEN, HOST

CALLBACK_LIFETIME_S = 15.0
BODY_MAX_BYTES = 256 * 1024 * 1024
SHUTDOWN_PATIENCE_S = 1.0
PAGE = Path(__file__).parent / "page"
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

logger = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalBotAPI:
    """Started with `start()` or `async with`, after which `url` is known. Without a data_dir all goes with `stop()`.

    `callback_lifetime_s` is the time that a pressed button waits for answerCallbackQuery; `clock` gives Unix seconds.
    Raises StorageError when the data folder is in use, OSError when the port is.
    """

    def __init__(
        self,
        port: int = 0,
        data_dir: Path | None = None,
        *,
        token: str = DEFAULT_TOKEN,
        callback_lifetime_s: float = CALLBACK_LIFETIME_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not token.partition(":")[0].isdecimal() or not token.partition(":")[2]:
            raise ValueError("a token looks like 123456:letters")
        self.token = token
        self.faults = FaultPlan()
        self._port = port
        self._data_dir = data_dir
        self._callback_lifetime_s = callback_lifetime_s
        self._clock = clock
        self._storage: Storage | None = None
        self._world: World | None = None
        self._runner: web.AppRunner | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    async def start(self) -> None:
        self._storage = Storage(self._data_dir)
        try:
            self._world = World(self._storage, self.token, clock=self._clock)
            self._runner = web.AppRunner(
                self._application(self._world),
                access_log=None,
                shutdown_timeout=SHUTDOWN_PATIENCE_S,
            )
            await self._runner.setup()
            site = web.TCPSite(self._runner, HOST, self._port)
            await site.start()
        except BaseException:
            await self.stop()
            raise
        self._port = int(self._runner.addresses[0][1])
        self._sending = asyncio.create_task(WebhookSender(self._world).run())

    async def stop(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if self._world is not None:
            self._world.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._storage is not None:
            self._storage.close()
        self._runner = self._world = self._storage = self._sending = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    def _application(self, world: World) -> web.Application:
        bot_routes = BotRoutes(world, self.token, self.faults)
        people = People(world, callback_lifetime_s=self._callback_lifetime_s)
        person_routes = PersonRoutes(world, people, bot_routes, self.faults)
        application = web.Application(middlewares=[_only_from_here, _person_errors], client_max_size=BODY_MAX_BYTES)
        application.add_routes(bot_routes.routes())
        application.add_routes(person_routes.routes())
        application.add_routes([web.get("/", _page), web.get("/page/{name:[a-z]+[.](?:css|js|svg)}", _page)])
        return application


async def _page(request: web.Request) -> web.StreamResponse:
    path = PAGE / request.match_info.get("name", "index.html")
    if not path.is_file():
        raise PersonError("no such page", status=404)
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


@web.middleware
async def _only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Other web sites open in the same browser must neither read nor write here (rebinding, cross-site requests).

    Browsers say in Sec-Fetch-Site which site a request comes from; another one may link to the chat page, no more.
    """
    host = urlsplit(f"//{request.host}").hostname
    origin = request.headers.get("Origin")
    foreign = request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and request.path != "/"
    if host not in LOCAL_NAMES or foreign or (origin is not None and origin != f"http://{request.host}"):
        return web.json_response({"error": "only pages of this server may ask"}, status=403)
    response = await handler(request)
    if not response.prepared:
        response.headers.update(PAGE_HEADERS)
    return response


@web.middleware
async def _person_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error of a request with JSON, so that the server survives it."""
    try:
        return await handler(request)
    except PersonError as error:
        return web.json_response({"error": str(error)}, status=error.status)
    except web.HTTPException as error:
        if request.path.startswith("/bot"):
            body = {"ok": False, "error_code": error.status, "description": error.reason}
            return web.json_response(body, status=error.status)
        return web.json_response({"error": error.reason}, status=error.status)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return web.json_response({"error": "internal error, see the server's log"}, status=500)
