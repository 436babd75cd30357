"""Photo bytes become the RGB picture that the engine works on."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

from engine.contract import REFERENCE_MAX_SIDE_PX
from engine.errors import BadReference

pillow_heif.register_heif_opener()

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "TIFF", "BMP", "GIF")
PIXELS_MAX = 60_000_000
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError, struct.error)
"""What Pillow's decoders raise on broken files."""


def read_photo(data: bytes, max_side_px: int = REFERENCE_MAX_SIDE_PX) -> Image.Image:
    """The first frame as RGB, turned as its EXIF says, transparency on white, longest side <= `max_side_px`.

    Raises BadReference for what is no picture, is cut off, or would unpack into too many pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large or odd files; both are judged here
            with Image.open(io.BytesIO(data), formats=FORMATS) as photo:
                _refuse_bomb(photo)
                photo.draft("RGB", (2 * max_side_px, 2 * max_side_px))
                photo.load()
                return _small_rgb(ImageOps.exif_transpose(photo), max_side_px)
    except Image.DecompressionBombError as error:
        raise BadReference(f"expected at most {PIXELS_MAX} pixels, got far more: send a smaller photo") from error
    except UNREADABLE as error:
        raise BadReference(f"expected a whole photo ({', '.join(FORMATS)}), got {len(data)} bytes: {error}") from error


def _refuse_bomb(photo: Image.Image) -> None:
    if photo.width * photo.height > PIXELS_MAX:
        raise BadReference(
            f"expected at most {PIXELS_MAX} pixels, got {photo.width} x {photo.height}: send a smaller photo"
        )


def _small_rgb(photo: Image.Image, max_side_px: int) -> Image.Image:
    if photo.mode.startswith("I"):
        # Pillow clips 16-bit greys at 255 instead of scaling them
        photo = Image.fromarray((np.asarray(photo).clip(0, 65535) / 257).astype(np.uint8))
    if photo.has_transparency_data:
        rgba = photo.convert("RGBA")
        photo = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    rgb = photo.convert("RGB")
    rgb.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    return rgb
