"""Damaged photo files: each is read or refused with a reason, whatever its bytes are."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine import photo_reader
from engine.contract import PHOTO_FORMATS
from engine.photo_reader import CannotRead, PhotoReader, encode_jpeg

READER = PhotoReader(PHOTO_FORMATS, side_max_px=64, side_min_px=4, aspect_max=5.0, stills_only=True)
SIZE = (24, 20)


def encoded(mode: str, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize(SIZE).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


WHOLE = [
    encoded("RGB", "JPEG"),
    encoded("L", "JPEG", progressive=True),
    encoded("CMYK", "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"),
    encoded("RGBA", "PNG"),
    encoded("P", "PNG", transparency=3),
    encoded("I;16", "PNG"),
    encoded("RGB", "WEBP"),
    encoded("RGBA", "WEBP", lossless=True),
    encoded("RGB", "AVIF"),
    encoded("RGB", "HEIF"),
    encoded("P", "GIF"),
    encoded("RGB", "TIFF"),
]


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 64))
        new = draw(st.one_of(st.binary(max_size=16), st.just(bytes(data[start : start + length]) * 2)))
        data[start : start + length] = new
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


@given(data=st.one_of(damaged_files(), st.binary(max_size=512)))
def test_a_damaged_file_is_read_or_refused(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:  # a header that names 50 megapixels would be decoded, and take long
        patch.setattr(photo_reader, "PIXELS_MAX", 1_000_000)
        patch.setattr(photo_reader, "DRAFT_PIXELS_MAX", 1_000_000)
        try:
            photo = READER.read(data)
        except CannotRead as refused:
            assert refused.fault
            return
        assert photo.mode == "RGB" and max(photo.size) <= READER.side_max_px
        assert encode_jpeg(photo)
