"""Checks the bytes of a picture: format and size, or the reason for a refusal."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from trainer.crawl.outcome import Outcome

FORMATS = ("JPEG", "PNG", "WEBP")
EXTENSIONS = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}
"""File extensions by Pillow's names of formats; MPO is a JPEG that contains further pictures."""


@dataclass(frozen=True)
class Picture:
    """A picture's extension (with its dot) and size in px."""

    extension: str
    width_px: int
    height_px: int


def inspect(content: bytes) -> Picture | Outcome:
    """Decodes the whole picture, so that a truncated file is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                image.load()
                return Picture(EXTENSIONS[image.format or ""], image.width, image.height)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return Outcome.TOO_LARGE
    except (OSError, SyntaxError, ValueError, KeyError):
        # Pillow raises these for other formats and for damaged files.
        return Outcome.NOT_AN_IMAGE
