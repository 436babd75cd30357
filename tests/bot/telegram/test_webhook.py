"""Updates that Telegram posts: only with the secret, answered when finished, handled as those of polling."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiogram import Bot, Dispatcher
from aiogram.types import Message

from bot.db.session import Sessions
from bot.errors import OperatorError
from bot.local.botapi import ANNA_ID, BEN_ID, ApiControl, LocalBotAPI, Person
from bot.local.children import choose_port
from bot.telegram import webhook
from bot.telegram.connection import open_bot
from bot.telegram.intake import Intake
from bot.telegram.polling import Polling
from bot.telegram.spool import UpdateSpool
from bot.telegram.webhook import SECRET_HEADER, Webhook, derive_secret
from tests.update_sources import count_spooled, hold_prompts, running

SECRET = "a-secret-of-the-test"


class Stage:
    """A bot behind a webhook, whose one handler is the test's."""

    def __init__(self, api: LocalBotAPI, control: ApiControl, anna: Person, ben: Person, bot: Bot) -> None:
        self.api, self.control, self.anna, self.ben, self.bot = api, control, anna, ben, bot
        self.handled: list[str] = []
        self.handle: Callable[[str], Awaitable[None]] = self.note
        self.spool: UpdateSpool | None = None
        self.port = choose_port()
        self.url = f"http://127.0.0.1:{self.port}/updates"

    async def note(self, text: str) -> None:
        self.handled.append(text)

    def new_intake(self) -> Intake:
        dispatcher = Dispatcher(disable_fsm=True)

        @dispatcher.message()
        async def on_message(message: Message) -> None:
            await self.handle(message.text or "")

        async def answers() -> bool:
            return True

        return Intake(self.bot, dispatcher, database_answers=answers)

    def source(self, kind: str) -> Webhook | Polling:
        if kind == "polling":
            return Polling(self.bot, self.new_intake())
        listen = ("127.0.0.1", self.port)
        return Webhook(self.bot, self.new_intake(), url=self.url, secret=SECRET, listen=listen, spool=self.spool)

    @asynccontextmanager
    async def serving(self, kind: str = "webhook", *, kill: bool = False) -> AsyncIterator[asyncio.Event]:
        async with running(self.source(kind), kill=kill) as stop:
            yield stop

    async def nothing_pending(self) -> bool:
        return await self.control.pending_updates() == 0

    async def listens(self) -> bool:
        """Whether the bot's server is there; it refuses whoever has no secret."""
        try:
            return await self.post(b"", secret=None) == 401
        except aiohttp.ClientConnectionError:
            return False

    async def post(self, body: Any, secret: str | None = SECRET) -> int:
        """The status; as whoever knows the address."""
        headers = {} if secret is None else {SECRET_HEADER: secret}
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=headers) as response:
            return response.status


def update(text: str) -> str:
    """An update as Telegram posts it."""
    message = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": text}
    return json.dumps({"update_id": 7, "message": message})


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with (
        LocalBotAPI() as api,
        ApiControl(api.url) as control,
        Person(api.url, ANNA_ID) as anna,
        Person(api.url, BEN_ID) as ben,
    ):
        bot = open_bot(api.token, api.url, patient=True)
        yield Stage(api, control, anna, ben, bot)
        await bot.session.close()


async def test_updates_come_by_webhook_and_are_confirmed_when_finished(stage: Stage, eventually: Any) -> None:
    gate = asyncio.Event()

    async def slow_for_anna(text: str) -> None:
        if text == "slow":
            await gate.wait()
        await stage.note(text)

    stage.handle = slow_for_anna
    async with stage.serving():
        await stage.anna.send_text("slow")
        await stage.ben.send_text("ben's")
        await eventually(lambda: stage.handled == ["ben's"])

        async def one_pending() -> bool:
            return await stage.control.pending_updates() == 1

        await eventually(one_pending)
        gate.set()
        await eventually(stage.nothing_pending)
    assert stage.handled == ["ben's", "slow"]


async def test_whoever_does_not_know_the_secret_is_refused(stage: Stage, eventually: Any) -> None:
    async with stage.serving():
        await eventually(stage.listens)
        for secret in (None, "", "wrong", SECRET + "x"):
            assert await stage.post(update("forged"), secret) == 401
        assert stage.handled == []
        assert await stage.post(update("genuine")) == 200
        assert stage.handled == ["genuine"]


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"{}", b'{"update_id": "x"}', b"[" * 100_000])
async def test_what_is_no_update_is_confirmed_and_changes_nothing(stage: Stage, eventually: Any, body: bytes) -> None:
    async with stage.serving():
        await eventually(stage.listens)
        assert await stage.post(body) == 200


async def test_an_unreadable_update_is_confirmed(stage: Stage, eventually: Any) -> None:
    async with stage.serving():
        await eventually(stage.listens)
        await stage.control.inject_update("brand_new_kind", {"id": "1"})
        await eventually(stage.nothing_pending)


async def test_an_update_that_is_posted_twice_is_handled_once(stage: Stage, eventually: Any) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def slow(text: str) -> None:
        begun.set()
        await gate.wait()
        await stage.note(text)

    stage.handle = slow
    async with stage.serving():
        await eventually(stage.listens)
        first = asyncio.create_task(stage.post(update("once")))
        await begun.wait()
        second = asyncio.create_task(stage.post(update("once")))
        gate.set()
        assert (await first, await second, await stage.post(update("once"))) == (200, 200, 200)
    assert stage.handled == ["once"]


async def test_what_a_stop_cannot_finish_comes_again(
    stage: Stage, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "STOP_S", 0.2)
    begun = asyncio.Event()

    async def never_ends(text: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    stage.handle = never_ends
    async with stage.serving():
        await stage.anna.send_text("precious")
        await begun.wait()
    assert await stage.control.pending_updates() == 1
    stage.handle = stage.note
    async with stage.serving():
        await eventually(lambda: stage.handled == ["precious"])


async def test_help_behind_more_prompts_than_telegram_posts_at_once(
    stage: Stage, sessions: Sessions, eventually: Any
) -> None:
    gate = hold_prompts(stage, sessions)
    texts = [f"prompt {number}" for number in range(webhook.CONNECTIONS_MAX + 7)]
    for number, text in enumerate(texts):
        person = {"id": 2000 + number, "first_name": "X"}
        message = {"message_id": 1, "date": 1, "chat": {**person, "type": "private"}, "text": text}
        await stage.control.inject_update("message", {**message, "from": {**person, "is_bot": False}})
    await stage.ben.send_text("/help")
    async with stage.serving():
        await eventually(lambda: stage.handled == ["/help"])
        await eventually(stage.nothing_pending)
        assert await count_spooled(sessions) == len(texts)
        gate.set()
        await eventually(lambda: len(stage.handled) == len(texts) + 1)

        async def forgotten() -> bool:
            return await count_spooled(sessions) == 0

        await eventually(forgotten)
    assert sorted(stage.handled) == sorted([*texts, "/help"]), "each once"


async def test_what_was_confirmed_and_not_finished_comes_again_after_a_stop(
    stage: Stage, sessions: Sessions, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "STOP_S", 0.2)
    gate = hold_prompts(stage, sessions)
    async with stage.serving():
        await stage.anna.send_text("precious")
        await eventually(stage.nothing_pending)
        assert stage.handled == []
    gate.set()
    async with stage.serving():
        await eventually(lambda: stage.handled == ["precious"])
    assert await count_spooled(sessions) == 0


async def test_an_update_of_a_killed_process_is_taken_by_another_and_one_of_a_live_process_is_not(
    stage: Stage, sessions: Sessions, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "CLAIM_S", 3.0)
    monkeypatch.setattr(webhook, "CLAIM_EVERY_S", 0.5)
    other = Stage(stage.api, stage.control, stage.anna, stage.ben, stage.bot)
    other.spool = UpdateSpool(sessions)
    hold_prompts(stage, sessions)
    async with other.serving():
        async with stage.serving(kill=True):
            await eventually(stage.listens)
            assert await stage.post(update("precious")) == 200
            await asyncio.sleep(4)
            assert other.handled == []
        await eventually(lambda: other.handled == ["precious"])
    assert stage.handled == []


async def test_polling_takes_over_from_a_webhook_and_back(stage: Stage, eventually: Any) -> None:
    for number, kind in enumerate(("webhook", "polling", "webhook")):
        async with stage.serving(kind):
            await stage.anna.send_text(str(number))
            await eventually(lambda number=number: stage.handled == [*map(str, range(number + 1))])
            await eventually(stage.nothing_pending)


async def test_an_address_that_telegram_refuses_is_one_line(stage: Stage) -> None:
    refused = Webhook(stage.bot, stage.new_intake(), url="ftp://x/y", secret=SECRET, listen=("127.0.0.1", stage.port))
    with pytest.raises(OperatorError, match="WEBHOOK_URL is not accepted"):
        await refused.run(asyncio.Event())


async def test_a_port_that_is_taken_is_one_line(stage: Stage, eventually: Any) -> None:
    async with stage.serving():
        await eventually(stage.listens)
        with pytest.raises(OperatorError, match="WEBHOOK_LISTEN"):
            await stage.source("webhook").run(asyncio.Event())


def test_the_secret_is_the_same_in_every_process_and_shows_nothing_of_the_token() -> None:
    token = "123456:ABC-DEF"
    assert derive_secret(token) == derive_secret(token) != derive_secret("123456:ABC-DEG")
    assert "123456" not in derive_secret(token) and len(derive_secret(token)) == 64
