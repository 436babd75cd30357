"""Photos as Telegram keeps them: decoded, turned upright, re-encoded as JPEG without metadata, in several sizes."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

SIZES_PX = (90, 320, 800, 1280)
"""Longest sides of the sizes kept; sizes above the original are left out."""
THUMBNAIL_PX = 320
UPLOAD_MAX_BYTES = 10 * 1024 * 1024
SIDES_MAX_PX = 10_000
RATIO_MAX = 20
CLIENT_MAX_PIXELS = 100_000_000
"""A person's own Telegram scales huge photos down before sending; beyond this it gives up."""
THUMBNAIL_MAX_PIXELS = 30_000_000
JPEG_QUALITY = 87
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""The formats that are decoded. The decoders of others must not start: Pillow's for EPS would start Ghostscript."""


class PhotoRefused(Exception):
    """Telegram's own code: IMAGE_PROCESS_FAILED or PHOTO_INVALID_DIMENSIONS."""


@dataclass(frozen=True)
class EncodedImage:
    jpeg: bytes
    width: int
    height: int


def encode_photo(content: bytes, *, sides_max_px: int | None = SIDES_MAX_PX) -> list[EncodedImage]:
    """The sizes of an uploaded photo, smallest first.

    `sides_max_px` bounds width + height; None is a person's client, which shrinks instead.
    Raises PhotoRefused.
    """
    with _open(content) as image:
        width, height = image.size
        if sides_max_px is not None and width + height > sides_max_px:
            raise PhotoRefused("PHOTO_INVALID_DIMENSIONS")
        if max(width, height) > RATIO_MAX * min(width, height) or width * height > CLIENT_MAX_PIXELS:
            raise PhotoRefused("PHOTO_INVALID_DIMENSIONS")
        upright = _upright_rgb(image)
    longest = max(upright.size)
    sides = [side for side in SIZES_PX if side < longest] + [min(longest, SIZES_PX[-1])]
    return [_encode(upright, side) for side in dict.fromkeys(sides)]


def encode_thumbnail(content: bytes) -> EncodedImage | None:
    """A small preview of a document; None where it is no image, broken, or too large to be worth decoding."""
    try:
        with _open(content) as image:
            if image.width * image.height > THUMBNAIL_MAX_PIXELS:
                return None
            return _encode(_upright_rgb(image), THUMBNAIL_PX)
    except PhotoRefused:
        return None


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoRefused("PHOTO_INVALID_DIMENSIONS") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PhotoRefused("IMAGE_PROCESS_FAILED") from error


def _upright_rgb(image: Image.Image) -> Image.Image:
    """Decodes fully; transparency becomes white, 16 bits become 8."""
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):
            return upright.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
        if upright.has_transparency_data:
            layered = upright.convert("RGBA")
            white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
            return Image.alpha_composite(white, layered).convert("RGB")
        return upright.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, EOFError) as error:
        raise PhotoRefused("IMAGE_PROCESS_FAILED") from error


def _encode(image: Image.Image, longest_px: int) -> EncodedImage:
    scale = min(1.0, longest_px / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    resized = image.copy() if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    resized.info.clear()  # Pillow would write comments and XMP found there
    buffer = io.BytesIO()
    resized.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return EncodedImage(buffer.getvalue(), *size)
