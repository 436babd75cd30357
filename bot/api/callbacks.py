"""Calls apps back when their jobs have ended: signed by Standard Webhooks, repeated with growing pauses.

Only public addresses are called, and no redirect is followed (bot.api.addresses).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver

from bot.api.addresses import PublicResolver, is_literal, is_public
from bot.api.schemas import JobEnded, view_of
from bot.db.session import is_outage
from bot.dispatch.signals import JobSignals
from bot.styles import Styles
from bot.usecases.app_calls import TakeDueCalls
from bot.usecases.app_jobs import AppPictures

ANSWER_S = 15.0
TICK_S = 2.0
CALLS_AT_ONCE = 5
_log = structlog.get_logger(__name__)


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of webhook-signature."""
    signed = hmac.new(secret, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


class Callbacks:
    """Makes the calls that are due; call `run`, which ends when it is cancelled. `secret_of`: key id -> secret."""

    def __init__(
        self,
        take_due: TakeDueCalls,
        styles: Styles,
        signals: JobSignals,
        secret_of: Callable[[str], bytes],
        *,
        resolver: Callable[[], AbstractResolver] = PublicResolver,
        tls: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`tls=False` and another resolver are for tests, which call a local server."""
        self._take_due = take_due
        self._styles = styles
        self._signals = signals
        self._secret_of = secret_of
        self._resolver = resolver
        self._tls = tls
        self._clock = clock
        self._turns = asyncio.Semaphore(CALLS_AT_ONCE)

    async def run(self) -> None:
        woken = self._signals.listen()
        connector = aiohttp.TCPConnector(resolver=self._resolver(), force_close=True)
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        try:
            jar = aiohttp.DummyCookieJar()  # receivers of one domain must not set cookies for each other
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as http:
                while True:
                    woken.clear()
                    await self._step(http)
                    try:
                        async with asyncio.timeout(TICK_S):
                            await woken.wait()
                    except TimeoutError:
                        pass
        finally:
            self._signals.leave(woken)

    async def _step(self, http: aiohttp.ClientSession) -> None:
        """Makes the calls that are due. Errors are logged, because the loop must continue."""
        try:
            due = await self._take_due()
            await asyncio.gather(*(self._call(http, call) for call in due))
        except Exception as error:
            if not is_outage(error):
                _log.exception("apps could not be called")

    async def _call(self, http: aiohttp.ClientSession, call: AppPictures) -> None:
        async with self._turns:
            fault = await self._post(http, call)
        repeated = await self._take_due.settle(call, confirmed=fault is None)
        if fault is not None:
            _log.warning("an app did not confirm a call", job=str(call.job.id), reason=fault, repeated=repeated)

    async def _post(self, http: aiohttp.ClientSession, call: AppPictures) -> str | None:
        """The reason why the call was not confirmed, or `None`."""
        url = call.job.callback_url or ""
        host, scheme = urlsplit(url).hostname or "", urlsplit(url).scheme
        if self._tls and (scheme != "https" or (is_literal(host) and not is_public(host))):
            return "the address is not public"
        now = self._clock()
        body = JobEnded(timestamp=call.job.ended_at, data=view_of(call, self._styles)).model_dump_json().encode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(call.job.id),
            "webhook-timestamp": str(int(now)),
            "webhook-signature": sign(self._secret_of(call.job.key_id), str(call.job.id), int(now), body),
        }
        try:
            async with http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return None if 200 <= answer.status < 300 else f"answer {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return repr(error)[:200]
