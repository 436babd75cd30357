"""The API over HTTP, on a real database; the tests write the reports of workers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import pytest
from aiogram import Bot
from sqlalchemy import select

from bot.api.application import build_application
from bot.api.measuring import TimedRequests
from bot.api.server import serving
from bot.api.services import ApiServices
from bot.api.start import build_services
from bot.app import build_use_cases
from bot.config import Config
from bot.db import job_states
from bot.db.session import Sessions
from bot.db.tables import Job, Reference, User
from bot.dispatch.app_results import AppResults
from bot.dispatch.signals import JobSignals
from bot.domain import CONSENT_VERSION, ApiScope, ReferenceState
from bot.local.botapi import LocalBotAPI
from bot.local.children import choose_port
from bot.monitoring.metrics import Metrics
from bot.styles import load_styles
from bot.telegram.connection import open_bot
from bot.telegram.photo_fetching import PhotoFetcher
from bot.translator import Translator
from bot.usecases.apps import NewKey
from bot.usecases.ports import new_seed
from engine.contract import Failure, FailureCode, Result, Started

OWNER = 1
TOKEN = "7000000001:token-of-the-tests"
ALL = tuple(ApiScope)


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def problem(self) -> str:
        """The name of the problem."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        assert self.body["status"] == self.status
        return self.body["type"].removeprefix("urn:bolid:problem:")


class Client:
    """An app with a key."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: NewKey | None) -> None:
        self.http, self.url, self.key = http, url, key

    async def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key.key}"
        async with self.http.request(method, self.url + path, json=json, headers=headers, **options) as response:
            is_json = "json" in response.headers.get("Content-Type", "")
            body = await response.json(content_type=None) if is_json else await response.read()
            return Answer(response.status, body, response.headers)

    async def agree(self, end_user: str = "ann") -> None:
        answer = await self("PUT", f"/v1/end-users/{end_user}", {"consent_version": CONSENT_VERSION})
        assert answer.status in (200, 201), answer.body

    async def upload(self, photo: Any, end_user: str = "ann") -> Answer:
        return await self("POST", f"/v1/end-users/{end_user}/references", data=photo)

    async def order(self, end_user: str = "ann", *, headers: dict[str, str] | None = None, **facts: Any) -> Answer:
        body = {"end_user": end_user, "prompt": "walking in a forest", **facts}
        return await self("POST", "/v1/jobs", body, headers=headers or {})


@dataclass
class World:
    """The API and its database."""

    sessions: Sessions
    services: ApiServices
    http: aiohttp.ClientSession
    url: str
    shown: dict[int, UUID] = field(default_factory=dict)
    """A picture of each user, for tests of the Mini App."""
    telegram: str = ""
    """The address of the local Bot API server, for the same."""

    async def client(self, name: str = "app", *, scopes: Sequence[ApiScope] = ALL, rate: int = 6000) -> Client:
        assert self.services.use.keys is not None
        key = await self.services.use.keys.make(OWNER, name, scopes, rate, admin_id=9)
        assert key is not None
        return Client(self.http, self.url, key)

    def anonymous(self) -> Client:
        return Client(self.http, self.url, None)

    async def accept_photo(self, client: Client, end_user: str = "ann", seed: int = 0) -> str:
        """Adds an accepted photo of an end user who has agreed; returns its id."""
        await client.agree(end_user)
        user_id = await self.user_id(end_user)
        image = hashlib.sha256(f"{end_user}{seed}".encode()).digest()
        async with self.sessions.begin() as session:
            row = Reference(
                user_id=user_id, chat_id=user_id, message_id=seed, state=ReferenceState.ACCEPTED, verdict="accepted",
                image=image, width=60, height=80, sha256=image.hex(),
            )  # fmt: skip
            session.add(row)
            await session.flush()
            return str(row.id)

    async def user_id(self, end_user: str = "ann") -> int:
        async with self.sessions() as session:
            return (await session.scalars(select(User.id).where(User.app_user == end_user))).one()

    async def pictures(self, job_id: str) -> list[Job]:
        async with self.sessions() as session:
            found = select(Job).where(Job.album_id == UUID(job_id)).order_by(Job.idempotency_key)
            return list(await session.scalars(found))

    async def finish(self, job_id: str, image: bytes = b"\x89PNG with marks") -> None:
        """Ends the job as a worker and the dispatcher would."""
        async with self.sessions.begin() as session:
            for job in await self.pictures(job_id):
                report = Result(
                    job_id=str(job.id), attempt=1, worker_id="w", image=image, width=1, height=1, seconds=0.5,
                    backbone="nano",
                )  # fmt: skip
                await job_states.finish(session, report)
        await self.settle()

    async def start(self, job_id: str, **facts: Any) -> None:
        async with self.sessions.begin() as session:
            for job in await self.pictures(job_id):
                await job_states.start(session, Started(job_id=str(job.id), attempt=1, worker_id="w", **facts), 60)

    async def fail(self, job_id: str, code: FailureCode) -> None:
        async with self.sessions.begin() as session:
            for job in await self.pictures(job_id):
                await job_states.fail_attempt(session, Failure(job_id=str(job.id), attempt=1, code=code))
        await self.settle()

    async def settle(self) -> None:
        await AppResults(self.sessions).step()
        self.services.signals.wake()


def sign_init_data(user_id: int, *, token: str = TOKEN, age_s: float = 0, language: str = "en", **changed: str) -> str:
    """Init data as Telegram signs it; `changed` replaces fields after signing."""
    user = json.dumps({"id": user_id, "first_name": "Ann", "language_code": language}, separators=(",", ":"))
    fields = {"auth_date": str(int(time.time() - age_s)), "query_id": "q", "user": user}
    check = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    return urlencode({**fields, "hash": hmac.new(secret, check.encode(), hashlib.sha256).hexdigest(), **changed})


OpenWorld = Callable[..., Awaitable[World]]


@pytest.fixture
def init_data() -> Callable[..., str]:
    return sign_init_data


@pytest.fixture
async def open_world(sessions: Sessions) -> AsyncIterator[OpenWorld]:
    """Starts the API with its own services, as in another process; options are settings of bot.config."""
    async with AsyncExitStack() as stack:

        async def start(bot: Bot | None = None, **options: Any) -> World:
            port = choose_port()
            config = Config(
                bot_token=TOKEN, database_url="postgresql://unused", broker_url="redis://unused", alive_s=3600,
                api_listen=f"127.0.0.1:{port}", _env_file=None, **options,
            )  # fmt: skip
            signals, styles = JobSignals(), load_styles()
            use = build_use_cases(config, sessions, signals, new_seed)
            metrics = Metrics()
            services = build_services(
                config, sessions, signals, use, styles, Translator(), PhotoFetcher(), metrics, bot
            )
            application = TimedRequests(build_application(services), metrics.count_request)
            await stack.enter_async_context(serving(application, ("127.0.0.1", port)))
            http = await stack.enter_async_context(aiohttp.ClientSession())
            async with sessions.begin() as session:
                await session.merge(User(id=OWNER, language="en"))  # of several processes the first adds it
            await asyncio.sleep(0)
            return World(sessions, services, http, f"http://127.0.0.1:{port}")

        yield start


@pytest.fixture
async def open_mini_app(open_world: OpenWorld) -> AsyncIterator[OpenWorld]:
    """Starts the API with the Mini App, on a local Bot API server."""
    async with LocalBotAPI(token=TOKEN) as telegram:
        bot = open_bot(TOKEN, telegram.url, patient=False)

        async def start(**options: Any) -> World:
            world = await open_world(bot, **options)
            world.telegram = telegram.url
            return world

        yield start
        await bot.session.close()


@pytest.fixture
async def world(open_world: OpenWorld) -> World:
    return await open_world()


@pytest.fixture
async def app(world: World) -> Client:
    return await world.client()
