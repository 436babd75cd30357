from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from PIL import Image

from bot.local.botapi import ANNA_ID, BEN_ID, GROUP_ID, ApiControl, LocalBotAPI, Person

MakePicture = Callable[..., bytes]


class PromptSession(AiohttpSession):
    """aiogram's own close waits a quarter of a second for TLS, which is not used here."""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def connect(api: LocalBotAPI, token: str | None = None) -> Bot:
    return Bot(token or api.token, session=PromptSession(api=TelegramAPIServer.from_base(api.url)))


@pytest.fixture
def connect_bot() -> Callable[..., Bot]:
    return connect


@pytest.fixture
def picture() -> MakePicture:
    def make(width: int = 64, height: int = 48, *, mode: str = "RGB", form: str = "PNG", **options: object) -> bytes:
        buffer = io.BytesIO()
        image = Image.linear_gradient("L").resize((width, height)).convert(mode)
        image.save(buffer, form, **options)
        return buffer.getvalue()

    return make


@pytest.fixture
async def api() -> AsyncIterator[LocalBotAPI]:
    async with LocalBotAPI(callback_lifetime_s=5.0) as server:
        yield server


@pytest.fixture
async def bot(api: LocalBotAPI) -> AsyncIterator[Bot]:
    bot = connect(api)
    yield bot
    await bot.session.close()


@pytest.fixture
async def anna(api: LocalBotAPI) -> AsyncIterator[Person]:
    """Anna, who has already pressed Start."""
    async with Person(api.url, ANNA_ID) as person:
        await person.send_text("/start")
        yield person


@pytest.fixture
async def ben(api: LocalBotAPI) -> AsyncIterator[Person]:
    """Ben, who has not written yet."""
    async with Person(api.url, BEN_ID) as person:
        yield person


@pytest.fixture
async def anna_in_group(api: LocalBotAPI) -> AsyncIterator[Person]:
    async with Person(api.url, ANNA_ID, chat_id=GROUP_ID) as person:
        yield person


@pytest.fixture
async def control(api: LocalBotAPI) -> AsyncIterator[ApiControl]:
    async with ApiControl(api.url) as control:
        yield control
