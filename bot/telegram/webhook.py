"""Takes updates that Telegram posts, instead of polling; the same intake handles them.

Telegram counts an update as confirmed when its post is answered with 200, and otherwise posts it again. So the answer
waits until the update is finished. It must not wait long, because Telegram has at most CONNECTIONS_MAX posts open, and
a command would wait behind as many prompts. Therefore an update is stored in the database and confirmed if it takes
longer than PATIENCE_S, or if CROWD updates wait. A process claims the stored updates that it handles. If it is killed,
another process, or the next one, takes them when their claims have ended, after CLAIM_S.

The server speaks plain HTTP: the reverse proxy in front of it has the certificate.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from aiogram import Bot
from aiogram.methods import SetWebhook
from aiohttp import web

from bot.errors import OperatorError
from bot.stopping import finishes_before
from bot.telegram.intake import Intake, Ticket
from bot.telegram.refusals import ApiRefusal, NotNow, TooFast, refusals
from bot.telegram.spool import SPOOLED_MAX, UpdateSpool, stored, true_after
from bot.telegram.updates import RawUpdate, id_of

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
CONNECTIONS_MAX = 100
"""Updates that Telegram posts at a time; it allows no more."""
BODY_MAX_BYTES = 1 << 20
RETRY_S = 5.0
PATIENCE_S = 1.0
"""The seconds until an unfinished update is stored. Most commands take a few hundredths of a second, so only prompts
and photos are stored."""
CROWD = CONNECTIONS_MAX // 2
"""The number of waiting answers from which all are stored; half of Telegram's connections remain free."""
LOOK_S = 0.25
CLAIM_S = 60.0
CLAIM_EVERY_S = 15.0
"""A claim is renewed four times before it ends: a slow database loses none."""
STOP_S = 4.0
_log = structlog.get_logger(__name__)


def derive_secret(token: str) -> str:
    """A secret for the webhook, the same in every process with this token; it does not reveal the token."""
    return hmac.new(token.encode(), b"webhook secret", hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class PostedUpdate:
    """An update whose answer waits. `kept` is set when the database has it."""

    raw: RawUpdate
    ticket: Ticket
    since: float
    kept: asyncio.Event


class Webhook:
    """Takes posted updates: call `run`. `url` is the public address, `listen` the (host, port) to which the proxy
    forwards. Without a `spool`, every answer waits until its update is finished.

    Several processes may serve one address; then the order of a chat's messages depends on the proxy.
    """

    def __init__(
        self,
        bot: Bot,
        intake: Intake,
        *,
        url: str,
        secret: str,
        listen: tuple[str, int],
        spool: UpdateSpool | None = None,
    ) -> None:
        self._bot = bot
        self._spool = spool
        self._posted: dict[int, PostedUpdate] = {}
        self._spooled: dict[int, Ticket] = {}
        self._look = asyncio.Event()
        self._intake = intake
        self._url = url
        self._secret = secret
        self._listen = listen
        self._stopping = False

    async def run(self, stop: asyncio.Event) -> None:
        """Takes updates until `stop` is set. Raises OperatorError if the port is in use, or if Telegram does not accept
        `url`."""
        application = web.Application(client_max_size=BODY_MAX_BYTES)
        application.add_routes([web.post(urlsplit(self._url).path or "/", self._receive)])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        if self._spool is not None:  # before anything is posted, so that each chat keeps its order
            await self._claim(self._spool)
        try:
            try:
                await web.TCPSite(runner, *self._listen).start()
            except OSError as error:
                raise OperatorError(f"WEBHOOK_LISTEN: cannot listen at {self._listen}: {error.strerror}") from None
            keeping = asyncio.create_task(self._keep_slow())
            try:
                await self._register(stop)
                await stop.wait()
            finally:
                keeping.cancel()
                await asyncio.wait({keeping})
            self._stopping = True
            await self._intake.finish(STOP_S)
            await self._leave()
            _log.info("the webhook ended", **self._intake.counts)
        finally:
            self._intake.cancel()
            await runner.cleanup()

    async def _keep_slow(self) -> None:
        """Stores updates that are not finished soon, and takes those that other processes left; runs until
        cancelled."""
        if self._spool is None:
            return
        claim_at = time.monotonic() + CLAIM_EVERY_S
        while True:
            if time.monotonic() >= claim_at:
                await self._claim(self._spool)
                claim_at = time.monotonic() + CLAIM_EVERY_S
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()
            self._look.clear()
            await self._forget_finished(self._spool)
            await self._keep(self._spool)

    async def _keep(self, spool: UpdateSpool) -> None:
        crowded, before = len(self._posted) >= CROWD, time.monotonic() - PATIENCE_S
        slow = {update_id: post for update_id, post in self._posted.items() if crowded or post.since <= before}
        if not slow or len(self._spooled) + len(slow) > SPOOLED_MAX:
            return
        raws = {update_id: post.raw for update_id, post in slow.items()}
        if await stored(true_after(spool.keep(raws, CLAIM_S))):
            for update_id, post in slow.items():
                self._spooled[update_id] = post.ticket
                post.kept.set()

    async def _claim(self, spool: UpdateSpool) -> None:
        if self._spooled:
            await stored(spool.claim(list(self._spooled), CLAIM_S))
        room = SPOOLED_MAX - len(self._spooled)
        for raw in await stored(spool.claim_abandoned(CLAIM_S, room)) or ():
            update_id = id_of(raw)
            if update_id is not None:
                self._spooled[update_id] = self._intake.take(raw)

    async def _forget_finished(self, spool: UpdateSpool) -> None:
        finished = [update_id for update_id, ticket in self._spooled.items() if ticket.finished]
        if not finished:
            return
        if await stored(true_after(spool.forget(finished))):
            for update_id in finished:
                del self._spooled[update_id]

    async def _leave(self) -> None:
        """Ends the claims of this process, so that the next process need not wait for them."""
        if self._spool is not None and self._spooled:
            await self._forget_finished(self._spool)
            await stored(self._spool.claim(list(self._spooled), 0.0))

    async def _register(self, stop: asyncio.Event) -> None:
        """Registers the address at Telegram; repeats it until Telegram accepts."""
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
        """Answers a post with 200 for a finished or stored update, 503 for one that Telegram shall post again."""
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
        if ticket.task is None:
            return web.Response(status=200 if ticket.finished else 503)
        return web.Response(status=200 if await self._is_done(raw, ticket, ticket.task) else 503)

    async def _is_done(self, raw: RawUpdate, ticket: Ticket, task: asyncio.Task[None]) -> bool:
        """Whether the update is finished, or the database has it."""
        update_id = id_of(raw)
        assert update_id is not None
        post = self._posted.setdefault(update_id, PostedUpdate(raw, ticket, time.monotonic(), asyncio.Event()))
        if len(self._posted) >= CROWD:
            self._look.set()
        saved = asyncio.create_task(post.kept.wait())
        try:
            await asyncio.wait({task, saved}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            saved.cancel()
            self._posted.pop(update_id, None)
        return ticket.finished or post.kept.is_set()
