"""True photos with an artificial flaw that a reader of pictures must find."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.gates.cases import TruePhoto
from trainer.synthetic.parts import Part

SEAMS: Final = 4
"""Blocks of the person that are moved."""
BLOCK: Final = 0.3
"""Side of a block, in sides of the person's box."""
SHIFT: Final = (0.02, 0.05)
"""The range of the distance by which a block is moved, in heights of the picture."""
HEAD: Final = (Part.HAIR, Part.FACE)
MARGIN: Final = 0.15


def with_second_head(photo: TruePhoto) -> NDArray[np.uint8]:
    """The photo [H, W, 3] with a copy of its head beside the head; where the picture has no room there, at half the
    size in a lower corner.

    Unchanged where neither hair nor a face shows.
    """
    box = _box(np.isin(photo.parts, HEAD))
    if box is None:
        return photo.image.copy()
    height, width = photo.parts.shape
    top, left, bottom, right = _widened(box, MARGIN, height, width)
    rows, columns = bottom - top, right - left
    picture, head = photo.image.copy(), photo.image[top:bottom, left:right]
    copy_left = right if right + columns <= width else left - columns
    if copy_left >= 0:
        picture[top:bottom, copy_left : copy_left + columns] = head
        return picture
    rows, columns = max(rows // 2, 1), max(columns // 2, 1)
    small = cv2.resize(head, (columns, rows), interpolation=cv2.INTER_AREA)
    to_left = width - columns if width - right >= left else 0
    picture[height - rows :, to_left : to_left + columns] = small
    return picture


def with_seams(photo: TruePhoto, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The photo [H, W, 3] with blocks of the person cut out and pasted a few pixels away."""
    box = _box(photo.parts != Part.BACKGROUND)
    picture = photo.image.copy()
    if box is None:
        return picture
    height, width = photo.parts.shape
    top, left, bottom, right = box
    rows, columns = max(int(BLOCK * (bottom - top)), 4), max(int(BLOCK * (right - left)), 4)
    for _ in range(SEAMS):
        y = int(rng.integers(top, max(bottom - rows, top) + 1))
        x = int(rng.integers(left, max(right - columns, left) + 1))
        block = picture[y : y + rows, x : x + columns].copy()
        shift = rng.uniform(*SHIFT, 2) * height * rng.choice((-1, 1), 2)
        to_y = int(np.clip(y + shift[0], 0, height - block.shape[0]))
        to_x = int(np.clip(x + shift[1], 0, width - block.shape[1]))
        picture[to_y : to_y + block.shape[0], to_x : to_x + block.shape[1]] = block
    return picture


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """The first and last rows and columns of a mask: top, left, bottom, right."""
    if not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _widened(box: tuple[int, int, int, int], margin: float, height: int, width: int) -> tuple[int, int, int, int]:
    top, left, bottom, right = box
    y, x = int(margin * (bottom - top)), int(margin * (right - left))
    return max(top - y, 0), max(left - x, 0), min(bottom + y, height), min(right + x, width)
