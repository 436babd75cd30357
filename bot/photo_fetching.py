"""A photo of a chat -> the normalised photo, off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from io import BytesIO

from aiogram import Bot
from aiogram.types import Document, PhotoSize
from aiohttp import ClientError

from bot.photos import FILE_MAX_BYTES, NormalPhoto, PhotoRefused, Refusal, is_image_file, normalise
from bot.refusals import FileTooBig, TelegramRefusal, refusals

AT_ONCE = 2
"""Photos decoded at a time: each may need some hundred megabytes."""
FETCH_TIMEOUT_S = 60


@dataclass(frozen=True)
class PhotoFetcher:
    """Call it with what a message holds; it never raises for what the file or the network is like."""

    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def __call__(self, bot: Bot, file: PhotoSize | Document) -> NormalPhoto | Refusal:
        if isinstance(file, Document) and not is_image_file(file.file_name, file.mime_type):
            return Refusal.NOT_AN_IMAGE
        if (file.file_size or 0) > FILE_MAX_BYTES:
            return Refusal.FILE_TOO_BIG
        async with self._places:
            try:
                data = await _download(bot, file)
            except FileTooBig:
                return Refusal.FILE_TOO_BIG
            except (TelegramRefusal, ClientError, TimeoutError):
                return Refusal.NOT_FETCHED
            try:
                return await asyncio.to_thread(normalise, data)
            except PhotoRefused as refused:
                return refused.reason


async def _download(bot: Bot, file: PhotoSize | Document) -> bytes:
    buffer = BytesIO()
    async with asyncio.timeout(FETCH_TIMEOUT_S):
        with refusals():
            await bot.download(file, destination=buffer)
    return buffer.getvalue()
