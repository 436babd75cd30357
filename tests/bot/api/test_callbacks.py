"""Callbacks: signed, repeated, ended after the last pause, and never to private networks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.resolver import ThreadedResolver
from sqlalchemy import select, update

from bot.api.addresses import PublicResolver, check_callback_url, is_public
from bot.api.callbacks import Callbacks, sign
from bot.db.app_tables import AppJob
from bot.local.children import choose_port
from bot.usecases.app_calls import PAUSES_S, TakeDueCalls
from bot.usecases.apps import signing_secret

TOKEN = "7000000001:token-of-the-tests"


class Receiver:
    """An app's server, which answers with `statuses`, then with 204."""

    def __init__(self) -> None:
        self.port = choose_port()
        self.statuses: list[int] = []
        self.calls: list[tuple[dict[str, str], bytes]] = []

    async def receive(self, request: web.Request) -> web.Response:
        self.calls.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": f"http://127.0.0.1:{self.port}/elsewhere"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/{path:.*}", receiver.receive)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", receiver.port).start()
    yield receiver
    await runner.cleanup()


@asynccontextmanager
async def calling(world: Any, **options: Any) -> AsyncIterator[None]:
    callbacks = Callbacks(
        TakeDueCalls(world.sessions), world.services.styles, world.services.signals,
        lambda key_id: signing_secret(TOKEN, key_id), **options,
    )  # fmt: skip
    running = asyncio.create_task(callbacks.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})


async def ended_job(world: Any, app: Any, url: str) -> str:
    """A job that has ended, with a callback to `url`."""
    await world.accept_photo(app)
    job_id: str = (await app.order(callback_url="https://app.example.org/hook")).body["id"]
    async with world.sessions.begin() as session:
        await session.execute(update(AppJob).values(callback_url=url))
    await world.finish(job_id)
    return job_id


async def call_of(world: Any) -> AppJob:
    async with world.sessions() as session:
        return (await session.scalars(select(AppJob))).one()


async def test_the_end_of_a_job_is_posted_signed_and_once(
    world: Any, app: Any, receiver: Receiver, eventually: Any
) -> None:
    job_id = await ended_job(world, app, f"http://127.0.0.1:{receiver.port}/hook")
    async with calling(world, resolver=ThreadedResolver, tls=False):
        await eventually(lambda: receiver.calls)
        await eventually(lambda: _confirmed(world))
    [(headers, body)] = receiver.calls
    message = json.loads(body)
    assert (message["type"], message["data"]["id"], message["data"]["status"]) == ("job.ended", job_id, "succeeded")
    assert message["data"]["pictures"][0]["url"] == f"/v1/jobs/{job_id}/pictures/1"
    secret = base64.b64decode(app.key.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == job_id
    assert (await call_of(world)).call_at is None


async def _confirmed(world: Any) -> bool:
    return (await call_of(world)).called_at is not None


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_call_that_is_not_confirmed_comes_again_and_follows_no_redirect(
    world: Any, app: Any, receiver: Receiver, eventually: Any
) -> None:
    receiver.statuses = [500, 302]
    await ended_job(world, app, f"http://127.0.0.1:{receiver.port}/hook")
    async with calling(world, resolver=ThreadedResolver, tls=False):
        for tries in (1, 2, 3):
            await eventually(lambda tries=tries: len(receiver.calls) == tries)
            await eventually(lambda: _settled(world))
            async with world.sessions.begin() as session:  # the pause is over
                await session.execute(
                    update(AppJob).where(AppJob.call_at.is_not(None)).values(call_at=AppJob.created_at)
                )
            world.services.signals.wake()
        await eventually(lambda: _confirmed(world))
    assert len(receiver.calls) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1


async def _settled(world: Any) -> bool:
    """Whether the callback's result is stored: the next attempt is due after a pause of PAUSES_S, or never."""
    call = await call_of(world)
    if call.call_at is None:
        return True
    left = (call.call_at - call.created_at).total_seconds()
    return left < PAUSES_S[1] + 45 and left > PAUSES_S[0] - 5


async def test_a_call_is_given_up_in_the_end(world: Any, app: Any) -> None:
    await ended_job(world, app, "https://app.example.org/hook")
    take = TakeDueCalls(world.sessions)
    for tries in range(1, len(PAUSES_S) + 2):
        async with world.sessions.begin() as session:
            await session.execute(update(AppJob).values(call_at=AppJob.created_at))
        [due] = await take()
        assert await take() == []
        assert await take.settle(due, confirmed=False) == (tries <= len(PAUSES_S))
    assert (await call_of(world)).call_at is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_no_call_reaches_a_private_network(
    world: Any, app: Any, receiver: Receiver, eventually: Any, host: str
) -> None:
    """A name with a private address is refused, and so is such an address."""
    await ended_job(world, app, f"https://{host}:{receiver.port}/hook")
    async with calling(world):
        await eventually(lambda: _tried(world))
    assert receiver.calls == []


async def _tried(world: Any) -> bool:
    """Whether the callback has failed once: the next attempt is due after the first pause."""
    call = await call_of(world)
    return call.calls > 0 and await _settled(world)


async def test_a_name_with_a_private_address_is_not_resolved() -> None:
    resolver = PublicResolver()
    with pytest.raises(OSError, match="not public"):
        await resolver.resolve("localhost", 443)
    await resolver.close()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "192.0.2.1", "198.18.0.1", "203.0.113.9", "240.0.0.1", "255.255.255.255",
     "::", "::1", "fc00::1", "fd12::1", "fe80::1%eth0", "fec0::1", "feff::1", "ff02::1", "ff0e::1",
     "::ffff:127.0.0.1", "::ffff:a00:1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8", "::ffff:0:8.8.8.8",
     "64:ff9b::7f00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:808:808::1",
     "2001:db8::1", "3fff::1", "100::1", "5f00::1", "nonsense"],
)  # fmt: skip
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["http://a.example.org/", "https://user:x@a.example.org/", "https://127.0.0.1/", "https://[::1]/", "https://127.1/",
     "https://0x7f000001/", "https://2130706433/", "https://valkey/", "https:///x", "https://a.example.org:99999/"],
)  # fmt: skip
def test_addresses_that_can_never_be_called_are_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError):
        check_callback_url(url)


def test_a_public_https_address_is_taken() -> None:
    assert check_callback_url("https://a.example.org:8443/hook?x=1") == "https://a.example.org:8443/hook?x=1"
    assert check_callback_url(None) is None
