"""Files that are named wrongly, cut, or expensive to decode: each gets an answer, and delays no other user."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib

import pytest
from PIL import Image

from bot.local.botapi import ANNA_ID, Person
from bot.telegram import photo_fetching


@pytest.fixture(autouse=True)
def decoder() -> None:
    """The real decoder, with a process per photo."""


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def with_many_scans() -> bytes:
    """A small grey progressive JPEG whose many scans of empty blocks take long to decode."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    table = bytes([1] + [0] * 15) + bytes([0])
    start = segment(0xDB, b"\x00" + bytes([16] * 64))
    start += segment(0xC2, struct.pack(">BHHB", 8, 1024, 1024, 1) + bytes([1, 0x11, 0]))
    start += segment(0xC4, b"\x00" + table) + segment(0xC4, b"\x10" + table)
    scans = [segment(0xDA, bytes([1, 1, 0x00, *band, 0x00])) + bytes(2048) for band in ((0, 0), (1, 63))]
    return b"\xff\xd8" + start + scans[0] + scans[1] * 4000 + b"\xff\xd9"


def bomb() -> bytes:
    """A PNG of few bytes whose header claims 30,000 x 30,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def huge_grey_png() -> bytes:
    """A 16-bit grey PNG of 79 megapixels, for which Pillow would allocate 600 MB."""
    data = bytearray(bomb())
    data[16:29] = struct.pack(">IIBBBBB", 8900, 8900, 16, 0, 0, 0, 0)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def huge_webp() -> bytes:
    """A lossless WebP of some tens of bytes whose header claims 79 megapixels."""
    data = bytearray(encoded(Image.new("RGB", (100, 100), "red"), "WEBP", lossless=True))
    sides = struct.unpack_from("<I", data, 21)[0]
    struct.pack_into("<I", data, 21, sides >> 28 << 28 | 8899 << 14 | 8899)
    return bytes(data)


HOSTILE = {
    "progressive jpeg of 4,000 scans": (with_many_scans, "a.jpg", "слишком долго открывается"),
    "16-bit grey of 79 MP": (huge_grey_png, "a.png", "слишком много пикселей"),
    "webp of 79 MP": (huge_webp, "a.webp", "слишком много пикселей"),
    "jpeg 2000": (lambda: encoded(Image.new("RGB", (900, 900)), "JPEG2000"), "a.jp2", "Это не фото"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "a.jpg", "Это не фото"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_gets_a_clear_answer(chat, says, name):
    make, file_name, answer = HOSTILE[name]
    await chat.grant(chat.anna, photos=0)
    await chat.anna.send_document(make(), name=file_name)
    await chat.anna.wait_for(says(answer))
    assert await chat.stored_bytes() == [0]


@pytest.mark.parametrize("name", ["IMG_1234", "1000012345", "x.mpo", "report.pdf"])
async def test_the_bytes_of_a_file_decide_not_its_name(chat, says, jpeg, name):
    await chat.grant(chat.anna, photos=0)
    await chat.anna.send_document(jpeg(), name=name)
    await chat.anna.wait_for(says("✅"))


async def test_a_jpeg_without_its_last_two_bytes_is_accepted(chat, says, jpeg):
    await chat.grant(chat.anna, photos=0)
    await chat.anna.send_document(jpeg()[:-2], name="a.jpg")
    await chat.anna.wait_for(says("✅"))


async def test_while_photos_are_decoded_others_are_answered_and_no_more_than_two_are_decoded(
    chat, says, jpeg, monkeypatch
):
    """The decoders of three photos are blocked, so that the order of answers, and no time, decides."""
    gate, begun, both = asyncio.Event(), [], asyncio.Event()
    real = photo_fetching.normalise

    async def held(data):
        begun.append(data)
        if len(begun) == 2:
            both.set()
        await gate.wait()
        return await real(data)

    monkeypatch.setattr(photo_fetching, "normalise", held)
    for person in (chat.anna, chat.ben, chat.boss):
        await chat.consent(person)
    for seed, person in enumerate((chat.anna, chat.ben, chat.boss)):
        await person.send_photo(jpeg(seed))
    await both.wait()
    async with Person(chat.api.url, ANNA_ID) as stranger:
        await stranger.send_text("/help")
        await stranger.wait_for(says("/photos"))
    assert len(begun) == 2 and await chat.references() == []
    gate.set()
    for person in (chat.anna, chat.ben, chat.boss):
        await person.wait_for(says("✅"))
    assert len(begun) == 3
