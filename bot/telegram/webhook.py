"""Takes updates as Telegram posts them, in place of polling; they are handled by the same intake.

Telegram counts an update as confirmed when it is answered with 200, and posts it again otherwise. So the answer waits
until the update is finished, as polling's offset does. The server speaks plain HTTP: the certificate belongs to the
reverse proxy in front of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from urllib.parse import urlsplit

import structlog
from aiogram import Bot
from aiogram.methods import SetWebhook
from aiohttp import web

from bot.errors import OperatorError
from bot.stopping import finishes_before
from bot.telegram.intake import Intake
from bot.telegram.refusals import ApiRefusal, NotNow, TooFast, refusals
from bot.telegram.updates import id_of

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
CONNECTIONS_MAX = 100
"""Updates that Telegram posts at a time; it allows no more."""
BODY_MAX_BYTES = 1 << 20
RETRY_S = 5.0
STOP_S = 4.0
_log = structlog.get_logger(__name__)


def derive_secret(token: str) -> str:
    """A secret for the webhook, the same in every process with this token; it does not reveal the token."""
    return hmac.new(token.encode(), b"webhook secret", hashlib.sha256).hexdigest()


class Webhook:
    """`run` until `stop` is set. `url` is the public address, `listen` (host, port) where the proxy passes it on to.

    Several processes may serve one address; the order of a chat's messages then depends on the proxy.
    """

    def __init__(self, bot: Bot, intake: Intake, *, url: str, secret: str, listen: tuple[str, int]) -> None:
        self._bot = bot
        self._intake = intake
        self._url = url
        self._secret = secret
        self._listen = listen
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Raises OperatorError: the address to listen at is taken, or Telegram does not accept `url`."""
        application = web.Application(client_max_size=BODY_MAX_BYTES)
        application.add_routes([web.post(urlsplit(self._url).path or "/", self._receive)])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, *self._listen).start()
            except OSError as error:
                raise OperatorError(f"WEBHOOK_LISTEN: cannot listen at {self._listen}: {error.strerror}") from None
            await self._register(stop)
            await stop.wait()
            self._stopping = True
            await self._intake.finish(STOP_S)
            _log.info("the webhook ended", **self._intake.counts)
        finally:
            self._intake.cancel()
            await runner.cleanup()

    async def _register(self, stop: asyncio.Event) -> None:
        """Tell Telegram the address, as often as it takes."""
        while not stop.is_set():
            pause_s = RETRY_S
            try:
                with refusals():
                    await self._bot(
                        SetWebhook(
                            url=self._url,
                            secret_token=self._secret,
                            max_connections=CONNECTIONS_MAX,
                            allowed_updates=self._intake.allowed_updates,
                        )
                    )
                _log.info("webhook", url=self._url)
                return
            except ApiRefusal as refused:
                raise OperatorError(f"WEBHOOK_URL is not accepted by Telegram: {refused}") from None
            except TooFast as too_fast:
                pause_s = too_fast.retry_after_s
            except NotNow as error:
                _log.warning("the webhook could not be set, trying again", error=str(error)[:200])
            await finishes_before(stop, asyncio.create_task(asyncio.sleep(pause_s)))

    async def _receive(self, request: web.Request) -> web.Response:
        """200 for what is finished, 503 for what is to come again."""
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            return web.Response(status=401)
        if self._stopping:
            return web.Response(status=503)
        try:
            raw = json.loads(await request.read())
        except (ValueError, RecursionError):
            raw = None
        if not isinstance(raw, dict) or id_of(raw) is None:
            _log.error("the webhook was given what is no update", type=type(raw).__name__)
            return web.Response()
        ticket = self._intake.take(raw)
        if ticket.task is not None:
            await asyncio.wait({ticket.task})
        return web.Response(status=200 if ticket.finished else 503)
