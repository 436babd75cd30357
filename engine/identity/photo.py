"""Photo bytes become the RGB picture that the engine works on."""

from __future__ import annotations

from PIL import Image

from engine.contract import PHOTO_FORMATS, REFERENCE_MAX_SIDE_PX
from engine.errors import BadReference
from engine.photo_reader import CannotRead, PhotoFault, PhotoReader


def read_photo(data: bytes, max_side_px: int = REFERENCE_MAX_SIDE_PX) -> Image.Image:
    """The first frame as RGB, turned as its EXIF says, transparency on white, longest side <= `max_side_px`.

    Raises BadReference for bytes that are no picture, are incomplete, or have too many pixels."""
    try:
        return PhotoReader(PHOTO_FORMATS, max_side_px).read(data)
    except CannotRead as cannot:
        if cannot.fault in (PhotoFault.TOO_MANY_PIXELS, PhotoFault.TOO_COSTLY):
            raise BadReference(
                f"expected a photo of ordinary size in pixels, got {cannot}: send a smaller one"
            ) from cannot
        formats = ", ".join(PHOTO_FORMATS)
        raise BadReference(f"expected a whole photo ({formats}), got {len(data)} bytes: {cannot}") from cannot
