"""Photo bytes become a picture, or a clear refusal."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from engine.contract import REFERENCE_MAX_SIDE_PX
from engine.errors import BadReference
from engine.identity.photo import read_photo


def _bytes(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_usual_formats_are_read(format_name: str) -> None:
    photo = read_photo(_bytes(Image.new("RGB", (40, 60), (200, 30, 90)), format_name))
    assert (photo.mode, photo.size) == ("RGB", (40, 60))
    assert np.abs(np.asarray(photo).mean(axis=(0, 1)) - (200, 30, 90)).max() < 6


def test_the_turn_in_exif_is_applied() -> None:
    photo = Image.new("RGB", (40, 20), "white")
    photo.paste((255, 0, 0), (0, 0, 10, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = read_photo(_bytes(photo, "PNG", exif=exif))
    assert turned.size == (20, 40)
    assert turned.getpixel((10, 2)) == (255, 0, 0)


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    photo = read_photo(_bytes(Image.new("CMYK", (30, 30), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = photo.getpixel((15, 15))  # type: ignore[misc]
    assert red > 200 and green < 60 and blue < 60


def test_a_16_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    levels = np.asarray(read_photo(_bytes(Image.fromarray(ramp), "PNG")))[:, :, 0]
    assert levels.min() == 0 and levels.max() == 255
    assert len(np.unique(levels)) == 64


def test_transparency_is_laid_on_white() -> None:
    assert read_photo(_bytes(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG")).getpixel((4, 4)) == (255, 255, 255)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = _bytes(frames[0], "WEBP", lossless=True, save_all=True, append_images=frames[1:])
    assert read_photo(data).getpixel((5, 5)) == (255, 0, 0)


def test_a_large_photo_is_made_smaller_in_proportion() -> None:
    photo = read_photo(_bytes(Image.new("RGB", (4000, 1000)), "JPEG"))
    assert photo.size == (REFERENCE_MAX_SIDE_PX, REFERENCE_MAX_SIDE_PX // 4)


def test_a_line_of_pixels_is_read() -> None:
    assert read_photo(_bytes(Image.new("RGB", (20000, 10)), "PNG")).height >= 1


def test_a_truncated_jpeg_is_refused(astronaut_jpeg: bytes) -> None:
    with pytest.raises(BadReference, match="whole photo"):
        read_photo(astronaut_jpeg[: len(astronaut_jpeg) // 2])


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff", b"<svg/>", b"%PDF-1.4"], ids=repr)
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    with pytest.raises(BadReference, match="expected a whole photo"):
        read_photo(data)


@pytest.mark.parametrize("side", [9_000, 100_000])
def test_a_decompression_bomb_is_refused_before_it_unpacks(side: int) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(BadReference, match="pixels"):
        read_photo(bomb)
