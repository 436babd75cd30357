"""The status updater over a chat of the local Bot API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bot.config import Pace
from bot.db.session import Sessions
from bot.dispatch.job_messages import UnstoredMessages
from bot.dispatch.reply_handler import Preview
from bot.dispatch.status_messenger import StatusMessenger
from bot.dispatch.status_updater import StatusUpdater
from bot.local.botapi import BEN_ID, ApiControl, LocalBotAPI, Person
from bot.styles import load_styles
from bot.telegram.connection import open_bot
from bot.translator import Translator

PACE = Pace(alive_s=8.0, edit_interval_s=3.0)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ServerClock:
    """The time of the chat's server."""

    late_s: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.late_s


@dataclass
class Stage:
    """StatusUpdater over a real chat; the test controls steps and time."""

    api: LocalBotAPI
    control: ApiControl
    person: Person
    updater: StatusUpdater
    clock: Clock
    sessions: Sessions
    open_updater: Any
    server_clock: ServerClock

    async def step(self, later_s: float = 0.0) -> None:
        """Runs one step, and waits until all its messages are written."""
        self.clock.now += later_s
        await self.updater.step()
        while writing := list(self.updater._writing.values()):  # a slow machine may take longer than finish waits
            await asyncio.wait(writing)
            await asyncio.sleep(0)

    async def said(self) -> list[Any]:
        return [message for message in await self.person.transcript() if message.from_bot]

    async def only(self) -> Any:
        [message] = await self.said()
        return message

    async def count(self, method: str) -> int:
        return len(await self.control.calls(method))

    def restart(self) -> None:
        """Replaces the updater, so that its memory is lost."""
        self.updater = self.open_updater({})

    def regain(self) -> None:
        """The leadership was lost and taken up again by the same bot."""
        self.updater = self.open_updater(self.updater._messages._unstored)


@pytest.fixture
async def stage(sessions: Sessions) -> AsyncIterator[Stage]:
    clock, previews = Clock(), dict[Any, Preview]()
    server_clock = ServerClock()
    async with (
        LocalBotAPI(clock=server_clock) as api,
        ApiControl(api.url) as control,
        Person(api.url, BEN_ID) as ben,
    ):
        bot = open_bot(api.token, api.url, patient=False)

        def open_updater(unstored: UnstoredMessages) -> StatusUpdater:
            return StatusUpdater(
                sessions,
                StatusMessenger(bot),
                Translator(),
                load_styles(),
                previews,
                PACE,
                clock,
                lambda: None,
                unstored,
            )

        await ben.send_text("hello")
        yield Stage(api, control, ben, open_updater({}), clock, sessions, open_updater, server_clock)
        await bot.session.close()


@pytest.fixture
async def ben(rows: Any) -> int:
    await rows.worker()
    return await rows.user(BEN_ID)
