"""Reads the markers of a JPEG file before it is decoded. https://www.w3.org/Graphics/JPEG/itu-t81.pdf (annex B)"""

from __future__ import annotations

import io
import re
import struct

from PIL import Image, ImageChops

START = b"\xff\xd8"
END = b"\xff\xd9"
LOST_MAX = 0.01
"""Share of the pixels that may depend on missing bytes."""
PROBE_SIDE_PX = 256
BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, RuntimeError,
    struct.error,
)  # fmt: skip
"""The errors of Pillow's decoders on broken files; a RuntimeError is that of AVIF."""
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
"""In entropy-coded data ff is followed by 00 (a stuffed byte) or by a restart marker d0-d7."""
_SOS, _EOI = 0xDA, 0xD9
_ALONE = frozenset({0x01, 0xD8})
"""Markers without a segment (beside restarts and the end)."""


def count_scans(data: bytes, enough: int) -> int:
    """The number of scans of the first image in the file, at most `enough`. Segments, such as EXIF thumbnails, are
    skipped."""
    scans, position = 0, len(START)
    while scans < enough and (marker := _MARKER.search(data, position)):
        kind, position = marker.group(1)[0], marker.end()
        if kind == _EOI:
            break
        scans += kind == _SOS
        if kind not in _ALONE:
            position += int.from_bytes(data[position : position + 2], "big")
    return scans


def mend_end(data: bytes) -> bytes | None:
    """The JPEG with its missing end replaced; None where more than LOST_MAX of its pixels are missing, or it is no
    JPEG.

    The file is continued in two ways: pixels that differ depend on the missing bytes.
    """
    if not data.startswith(START):
        return None
    mended = data + END
    noise = bytes(value * 73 % 251 for value in range(4096)) * (16 + len(data) // 16_384)  # no ff, so no marker
    images = [_probe(candidate) for candidate in (mended, data + noise + END)]
    first, second = images
    if first is None or second is None or first.size != second.size:
        return None
    differing = ImageChops.difference(first, second).point(lambda level: 255 if level else 0)
    return mended if differing.histogram()[255] <= LOST_MAX * first.width * first.height else None


def _probe(data: bytes) -> Image.Image | None:
    """The image in grey, decoded at an eighth of its size where it is large."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            image.draft("L", (PROBE_SIDE_PX, PROBE_SIDE_PX))
            return image.convert("L")
    except BROKEN:
        return None
