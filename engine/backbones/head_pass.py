"""Geometry of the second pass: the square around the head of a picture, and blending it back without a seam.

The head of a full-length picture is about 100 of a model's 1000 px high: too few latents for a face. Redrawn as a
square of the model's size, then reduced and pasted, it has the detail of a portrait.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.crops import head_box
from engine.identity.observation import Box

FACE_SHARE_MAX: Final = 0.18
"""The largest height of a face that is redrawn, as a share of the picture's height: larger faces have enough latents. A
face is about a tenth of a full-length picture."""
FACE_MIN_PX: Final = 16
"""The smallest height of a face that is redrawn: smaller detections are too often false."""
SURROUNDINGS: Final = 1.4
"""Side of the square that is redrawn, in sides of the head's square: the seam lies in hair and background."""
STRENGTH: Final = 0.5
"""Share of the steps that are repeated: fewer keep the blur, more lose pose and light."""
FEATHER: Final = 1 / 8
"""The width over which the new head fades into the old picture, as a share of the square's side."""
_SOLID: Final = 255


def wants_pass(face: Box, size: tuple[int, int]) -> bool:
    """Whether a face of this size in a picture of width x height px is redrawn."""
    height = face[3] - face[1]
    return FACE_MIN_PX <= height <= FACE_SHARE_MAX * size[1]


def square_around(face: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The square around the head, in whole px, moved and reduced to lie within the picture of width x height px."""
    x0, y0, x1, y1 = head_box(face)
    side = min(round((x1 - x0) * SURROUNDINGS), *size)
    left = min(max(round((x0 + x1) / 2 - side / 2), 0), size[0] - side)
    top = min(max(round((y0 + y1) / 2 - side / 2), 0), size[1] - side)
    return left, top, left + side, top + side


def blend_head(picture: Image.Image, head: Image.Image, square: tuple[int, int, int, int]) -> Image.Image:
    """`picture` with `head` blended into `square`: fully in the middle, not at all at the sides of the square, except
    sides on the picture's edge, where nothing fades."""
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
