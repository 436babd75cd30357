"""A bot with polling whose one handler is the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.types import Message, PreCheckoutQuery

from bot.local.botapi import ANNA_ID, BEN_ID, ApiControl, LocalBotAPI, Person
from bot.role import Role
from bot.telegram.connection import open_bot
from bot.telegram.intake import Intake
from bot.telegram.polling import Polling
from bot.telegram.spool import UpdateSpool
from tests.update_sources import running


class Stage:
    """A bot whose one handler is the test's."""

    def __init__(self, api: LocalBotAPI, control: ApiControl, anna: Person, ben: Person, bot: Bot) -> None:
        self.api, self.control, self.anna, self.ben, self.bot = api, control, anna, ben, bot
        self.handled: list[str] = []
        self.database_is_there = True
        self.handle: Callable[[str], Awaitable[None]] = self.note
        self.notices: list[tuple[int, str]] = []
        self.options: dict[str, Any] = {}
        self.role: Role | None = None
        self.spool: UpdateSpool | None = None
        self.intake: Intake | None = None

    async def nothing_pending(self) -> bool:
        return await self.control.pending_updates() == 0

    async def note(self, text: str) -> None:
        if not self.database_is_there:
            raise ConnectionRefusedError("no database")
        self.handled.append(text)

    @asynccontextmanager
    async def polling(self, *, kill: bool = False) -> AsyncIterator[None]:
        dispatcher = Dispatcher(disable_fsm=True)

        @dispatcher.message()
        async def on_message(message: Message, notice: str | None) -> None:
            if notice is None:
                await self.handle(message.text or "")
            else:
                self.notices.append((message.chat.id, notice))

        @dispatcher.pre_checkout_query()
        async def agree(query: PreCheckoutQuery) -> None:
            await query.answer(ok=True)

        async def answers() -> bool:
            return self.database_is_there

        self.intake = Intake(self.bot, dispatcher, database_answers=answers, **self.options)
        async with running(Polling(self.bot, self.intake, role=self.role, spool=self.spool), kill=kill):
            yield


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
