"""A file from a chat -> the photo as it is kept: upright, sRGB, bounded, without metadata; or the reason why not.

Pure and blocking: call it in a thread. Nothing is decoded before its header has been found harmless.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from engine.contract import REFERENCE_MAX_SIDE_PX

FILE_MAX_BYTES = 20 * 1024 * 1024
"""What Telegram lets a bot fetch."""
PIXELS_MAX = 80_000_000
SIDE_MIN_PX = 96
ASPECT_MAX = 5.0
JPEG_QUALITY = 95
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".jfif"}
)
_ANIMATED_FORMATS = frozenset({"GIF", "WEBP", "PNG", "AVIF"})
_DEEP_GREY_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

register_heif_opener()


class Refusal(StrEnum):
    """Why a photo is not even shown to a worker. Each has its text, as each verdict of the engine has."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    FILE_TOO_BIG = "file_too_big"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    TOO_LONG = "too_long"
    ANIMATED = "animated"
    NOT_FETCHED = "not_fetched"
    KNOWN = "known"
    TOO_MANY = "too_many"


class PhotoRefused(Exception):
    """The file cannot become a reference; `reason` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(f"expected a still photo of ordinary size, got one that is {reason}: send another photo")
        self.reason = reason


@dataclass(frozen=True)
class NormalPhoto:
    """A photo as it is kept: JPEG, RGB, upright, longest side <= REFERENCE_MAX_SIDE_PX, no metadata."""

    jpeg: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.jpeg).hexdigest()


def normalise(data: bytes) -> NormalPhoto:
    """Raises PhotoRefused."""
    if len(data) > FILE_MAX_BYTES:
        raise PhotoRefused(Refusal.FILE_TOO_BIG)
    try:
        with Image.open(io.BytesIO(data)) as opened:
            _check_header(opened)
            image = _decode(opened)
    except PhotoRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoRefused(Refusal.TOO_MANY_PIXELS) from error
    except UnidentifiedImageError as error:
        raise PhotoRefused(Refusal.NOT_AN_IMAGE) from error
    except Exception as error:  # decoders raise anything at all on hostile bytes
        raise PhotoRefused(_reason(error)) from error
    image.info.clear()  # Pillow would write comments and more of it anew
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return NormalPhoto(buffer.getvalue(), image.width, image.height)


def is_image_file(name: str | None, mime_type: str | None) -> bool:
    """Whether a document calls itself an image: by its type, or by its name where the type says nothing."""
    return (mime_type or "").startswith("image/") or PurePosixPath(name or "").suffix.lower() in IMAGE_SUFFIXES


def _check_header(image: Image.Image) -> None:
    width, height = image.size
    if min(width, height) < 1 or max(width, height) < SIDE_MIN_PX:
        raise PhotoRefused(Refusal.TOO_SMALL)
    if max(width, height) > ASPECT_MAX * min(width, height):
        raise PhotoRefused(Refusal.TOO_LONG)
    if min(width, height) < SIDE_MIN_PX:
        raise PhotoRefused(Refusal.TOO_SMALL)
    if width * height > PIXELS_MAX:
        raise PhotoRefused(Refusal.TOO_MANY_PIXELS)
    if image.format in _ANIMATED_FORMATS and getattr(image, "is_animated", False):
        raise PhotoRefused(Refusal.ANIMATED)


def _decode(image: Image.Image) -> Image.Image:
    """Upright sRGB of bounded size. A JPEG far larger than needed is decoded at a fraction of its size."""
    image.draft(image.mode, (REFERENCE_MAX_SIDE_PX, REFERENCE_MAX_SIDE_PX))
    image.load()
    profile = image.info.get("icc_profile")
    upright = _flat(ImageOps.exif_transpose(image))
    upright.thumbnail((REFERENCE_MAX_SIDE_PX, REFERENCE_MAX_SIDE_PX), Image.Resampling.LANCZOS)
    return _srgb(upright, profile)


def _flat(image: Image.Image) -> Image.Image:
    """8 bits a channel, transparency laid on white; L, RGB or CMYK."""
    if image.mode in _DEEP_GREY_MODES:
        levels = np.asarray(image).astype(np.float64)
        return Image.fromarray(np.clip(levels / 257.0, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as the embedded profile means them; a profile that does not fit the pixels is passed over."""
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _reason(error: Exception) -> Refusal:
    words = str(error).lower()
    cut_short = "truncated" in words or "broken data stream" in words or "end of file" in words or "eof" in words
    return Refusal.TRUNCATED if cut_short else Refusal.UNREADABLE
