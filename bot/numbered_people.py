"""A photo with a numbered box around each person, from which the user chooses one. Pure."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080")
LINE = 1 / 150
LABEL = 1 / 16
"""The width of the boxes' lines, as a share of the photo's longer side."""


def numbered(photo: bytes, boxes: Sequence[Sequence[float]]) -> bytes:
    """A JPEG of the photo with boxes (left, top, right, bottom in 0..1), numbered from 1."""
    with Image.open(io.BytesIO(photo), formats=("JPEG",)) as opened:
        picture = opened.convert("RGB")
    brush, longest = ImageDraw.Draw(picture), max(picture.size)
    width, label = max(round(longest * LINE), 2), max(longest * LABEL, 10.0)
    font = ImageFont.load_default(label)
    for number, (left, top, right, bottom) in enumerate(boxes, 1):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        x0, y0, x1, y1 = left * picture.width, top * picture.height, right * picture.width, bottom * picture.height
        brush.rectangle((x0, y0, x1, y1), outline=colour, width=width)
        side = label + 2 * width  # in the lower left corner: heads are above
        brush.rectangle((x0, y1 - side, x0 + side, y1), fill=colour)
        brush.text((x0 + side / 2, y1 - side / 2), str(number), fill="white", font=font, anchor="mm")
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=88)
    return written.getvalue()
