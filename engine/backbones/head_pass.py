"""Geometry of the second pass: the square of a picture that holds the head, and its return without a seam.

A head of a full-length picture is some 100 px of a model's 1000, too few latents for a face. Drawn again as a square of
the model's own size, then made small and pasted, it has the detail of a portrait.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.crops import head_box
from engine.identity.observation import Box

FACE_SHARE_MAX: Final = 0.18
"""Of the picture's height: larger faces have latents enough. A face is about a tenth of a full-length picture."""
FACE_MIN_PX: Final = 16
"""Smaller ones are too often no faces."""
SURROUNDINGS: Final = 1.4
"""Side of the square that is drawn anew, in sides of the head's: the seam lies in hair and background."""
STRENGTH: Final = 0.5
"""Share of the steps that are taken again: less keeps the blur, more loses pose and light."""
FEATHER: Final = 1 / 8
"""Of the square's side, over which the new head fades into the old picture."""
_SOLID: Final = 255


def wants_pass(face: Box, size: tuple[int, int]) -> bool:
    """Whether a face of this size in a picture of width x height px is drawn again."""
    height = face[3] - face[1]
    return FACE_MIN_PX <= height <= FACE_SHARE_MAX * size[1]


def square_around(face: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The square about the head, whole px, moved and shrunk until it lies in the picture of width x height px."""
    x0, y0, x1, y1 = head_box(face)
    side = min(round((x1 - x0) * SURROUNDINGS), *size)
    left = min(max(round((x0 + x1) / 2 - side / 2), 0), size[0] - side)
    top = min(max(round((y0 + y1) / 2 - side / 2), 0), size[1] - side)
    return left, top, left + side, top + side


def laid_back(picture: Image.Image, head: Image.Image, square: tuple[int, int, int, int]) -> Image.Image:
    """`picture` with `head` in `square`, fading towards its sides; px at the sides and outside are unchanged, but
    towards a side of the picture itself nothing fades."""
    side = square[2] - square[0]
    small = head.resize((side, side), Image.Resampling.LANCZOS)
    whole = picture.copy()
    whole.paste(small, square[:2], feather(square, picture.size))
    return whole


def feather(square: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    """Mode L of the square's size: 0 at its sides, 255 from FEATHER on."""
    left, top, right, bottom = square
    side = right - left
    rim = max(round(side * FEATHER), 1)

    def ramp(at_start: bool, at_end: bool) -> NDArray[np.float64]:
        distance = np.full(side, float(rim))
        if not at_start:
            distance = np.minimum(distance, np.arange(side))
        if not at_end:
            distance = np.minimum(distance, np.arange(side)[::-1])
        return distance / rim

    across, down = ramp(left == 0, right == size[0]), ramp(top == 0, bottom == size[1])
    linear = np.minimum(across[None, :], down[:, None])
    smooth = linear * linear * (3 - 2 * linear)
    return Image.fromarray((smooth * _SOLID).round().astype(np.uint8))
