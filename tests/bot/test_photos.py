"""Photos are decoded in a child process with limits; every end of the child leads to an answer."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from bot import photos
from bot.photos import PhotoRefused, Refusal, normalise
from engine.contract import REFERENCE_MAX_SIDE_PX
from engine.photo_reader import PhotoFault, ReaderSettings


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


PHOTO = encoded(Image.radial_gradient("L").resize((3000, 2000)).convert("RGB"), "JPEG")


def settings(**limits: int) -> str:
    """The bot's own, with other limits."""
    return json.dumps({**json.loads(photos._SETTINGS), **limits})


async def reason(data: bytes, **options: object) -> Refusal:
    with pytest.raises(PhotoRefused) as refused:
        await normalise(data, **options)
    return refused.value.reason


async def test_a_photo_comes_back_bounded_and_as_a_jpeg() -> None:
    photo = await normalise(PHOTO)
    assert (photo.width, photo.height) == (REFERENCE_MAX_SIDE_PX, round(REFERENCE_MAX_SIDE_PX * 2 / 3))
    with Image.open(io.BytesIO(photo.jpeg)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (photo.width, photo.height))


async def test_the_same_file_gives_the_same_hash_and_another_another() -> None:
    one, two = (encoded(Image.new("RGB", (200, 200), colour), "PNG") for colour in ("red", "blue"))
    assert (await normalise(one)).sha256 == (await normalise(one)).sha256 != (await normalise(two)).sha256


async def test_every_fault_of_the_reader_is_a_refusal_of_the_bot() -> None:
    assert {fault.value for fault in PhotoFault} <= {refusal.value for refusal in Refusal}
    assert await reason(b"hello " * 100) == Refusal.NOT_AN_IMAGE
    assert await reason(PHOTO[: len(PHOTO) // 2]) == Refusal.TRUNCATED


async def test_a_file_beyond_what_telegram_gives_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "create_subprocess_exec", lambda *_, **__: pytest.fail("started"))
    assert await reason(bytes(photos.FILE_MAX_BYTES + 1)) == Refusal.FILE_TOO_BIG


async def test_the_settings_are_what_the_child_understands() -> None:
    read = ReaderSettings.from_json(photos._SETTINGS)
    assert ReaderSettings.from_json(read.to_json()) == read
    assert (read.memory_max_bytes, read.cpu_max_s) == (photos.MEMORY_MAX_BYTES, photos.CPU_MAX_S)


def plain_png(side: int) -> bytes:
    """A PNG of one colour, made without holding its pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer, row = zlib.compressobj(1), b"\0" + b"\x80\x40\x20\x7f" * side
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def test_a_photo_that_needs_more_memory_than_it_may_have_is_refused() -> None:
    data = plain_png(5000)
    assert await reason(data, settings=settings(memory_max_bytes=220 << 20)) == Refusal.TOO_COSTLY


async def test_a_photo_that_takes_more_processor_time_than_it_may_have_is_refused() -> None:
    data = encoded(Image.effect_noise((5000, 5000), 90).convert("RGB"), "PNG", compress_level=1)[
        : photos.FILE_MAX_BYTES
    ]
    assert await reason(data, settings=settings(cpu_max_s=0)) == Refusal.TOO_COSTLY


async def test_a_photo_that_takes_too_long_by_the_clock_is_refused_and_its_process_is_gone() -> None:
    assert await reason(plain_png(5000), decode_max_s=0.001) == Refusal.TOO_COSTLY
    assert decoders() == []


async def test_a_cancelled_wait_ends_the_process(eventually: Any) -> None:
    waiting = asyncio.create_task(normalise(plain_png(5000)))
    await eventually(decoders)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert decoders() == []


async def test_a_decoder_that_crashes_is_a_refusal_and_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reader = tmp_path / "engine" / "photo_reader.py"
    reader.parent.mkdir()
    reader.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setattr(photos, "_ROOT", tmp_path)
    assert await reason(PHOTO) == Refusal.UNREADABLE


async def test_the_decoder_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", "123456:secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:secret@h/d")
    assert "secret" not in str(photos._environment())


async def test_the_event_loop_turns_while_a_photo_is_decoded() -> None:
    """Not a time, which a loaded machine would spoil: the loop makes many turns before the photo is there."""
    decoding = asyncio.create_task(normalise(plain_png(4000)))
    turns = 0
    while not decoding.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await decoding).width == REFERENCE_MAX_SIDE_PX
    assert turns > 20


def decoders() -> list[psutil.Process]:
    """The running decoders among the children of this process."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "engine.photo_reader" in child.cmdline()
    ]
