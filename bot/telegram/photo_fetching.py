"""Downloads the photo of a message and normalises it, a few photos at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO

from aiogram import Bot
from aiogram.types import Document, PhotoSize
from aiohttp import ClientError

from bot.photos import FILE_MAX_BYTES, NormalPhoto, PhotoRefused, Refusal, normalise
from bot.telegram.refusals import FileTooBig, TelegramRefusal, TooFast, refusals

DOWNLOADS_AT_ONCE = 8
"""The number of concurrent downloads, each of which holds up to FILE_MAX_BYTES in memory."""
DECODES_AT_ONCE = 2
"""The number of concurrent decodings, each of which may take a core and bot.photos.MEMORY_MAX_BYTES."""
FETCH_TIMEOUT_S = 60


@dataclass(frozen=True)
class PhotoFetcher:
    """Call it with the photo or file of a message. The bytes decide what a file is, not its name or MIME type.

    Raises TooFast where Telegram limits the rate; unusable files and network errors are returned as refusals.
    """

    observe: Callable[[str, float | None], None] = lambda outcome, decode_s: None
    """Called with "taken" or the refusal of each photo, and the seconds of its decoding."""
    _downloads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DOWNLOADS_AT_ONCE))
    _decodes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DECODES_AT_ONCE))

    async def __call__(self, bot: Bot, file: PhotoSize | Document) -> NormalPhoto | Refusal:
        photo, decode_s = await self._fetch(bot, file)
        self.observe(photo.value if isinstance(photo, Refusal) else "taken", decode_s)
        return photo

    async def _fetch(self, bot: Bot, file: PhotoSize | Document) -> tuple[NormalPhoto | Refusal, float | None]:
        """The photo, and the seconds of its decoding if it was decoded."""
        if (file.file_size or 0) > FILE_MAX_BYTES:
            return Refusal.FILE_TOO_BIG, None
        async with self._downloads:
            try:
                data = await _download(bot, file)
            except FileTooBig:
                return Refusal.FILE_TOO_BIG, None
            except TooFast:
                raise
            except (TelegramRefusal, ClientError, TimeoutError):
                return Refusal.NOT_FETCHED, None
            return await self._decode(data)

    async def decode(self, data: bytes) -> NormalPhoto | Refusal:
        """Decodes a photo that did not come from Telegram; it waits its turn with those that did."""
        photo, decode_s = await self._decode(data)
        self.observe(photo.value if isinstance(photo, Refusal) else "taken", decode_s)
        return photo

    async def _decode(self, data: bytes) -> tuple[NormalPhoto | Refusal, float]:
        async with self._decodes:
            began = time.monotonic()
            try:
                photo: NormalPhoto | Refusal = await normalise(data)
            except PhotoRefused as refused:
                photo = refused.reason
            return photo, time.monotonic() - began


async def _download(bot: Bot, file: PhotoSize | Document) -> bytes:
    buffer = BytesIO()
    async with asyncio.timeout(FETCH_TIMEOUT_S):
        with refusals():
            await bot.download(file, destination=buffer)
    return buffer.getvalue()
