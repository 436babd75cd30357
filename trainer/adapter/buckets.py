"""Picture sizes of about equal area, and the crop of a photo to the size of the nearest aspect, without distortion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.identity.observation import Box
from engine.identity.skeleton import Keypoints

ASPECT_MAX: Final = 2.0
SHARES: Final = {"sd15": 1.5, "sdxl": 1.0}
"""The area of pictures, in squares of the UNet's training side: sd15 is served at 512 x 768."""


@dataclass(frozen=True)
class PhotoCrop:
    """size: width, height px of the picture. box: the part of the photo that it shows, px. original: width, height px
    of the photo; offset: x, y px of the picture in the scaled photo (what SDXL is conditioned on)."""

    size: tuple[int, int]
    box: Box
    original: tuple[int, int]
    offset: tuple[int, int]


def area_of(layout: str, side_px: int) -> int:
    """The area in square px of the pictures of a base whose UNet was trained at `side_px`."""
    return int(SHARES[layout] * side_px**2)


def bucket_sizes(area_px: int, step_px: int) -> list[tuple[int, int]]:
    """Widths and heights, multiples of the step, of at most this area and aspects from 1:2 to 2:1; the square first."""
    square = max(int(math.sqrt(area_px)) // step_px, 1) * step_px
    sizes = [(square, square)]
    for width in range(step_px, int(math.sqrt(area_px * ASPECT_MAX)) + 1, step_px):
        height = area_px // width // step_px * step_px
        if height and 1 / ASPECT_MAX <= width / height <= ASPECT_MAX and (width, height) not in sizes:
            sizes.append((width, height))
    return sizes


def crop_to_bucket(width: int, height: int, body: Box | None, sizes: list[tuple[int, int]]) -> PhotoCrop:
    """The crop to the size of the nearest aspect. The longer side is cut as far from the body as possible; a body that
    does not fit is cut at the feet first."""
    aspect = width / height
    size = min(sizes, key=lambda s: abs(math.log(s[0] / s[1] / aspect)))
    scale = max(size[0] / width, size[1] / height)
    shown_x, shown_y = size[0] / scale, size[1] / scale
    left = _start(shown_x, width, None if body is None else (body[0], body[2]), middle=True)
    top = _start(shown_y, height, None if body is None else (body[1], body[3]), middle=False)
    offset = (round(left * scale), round(top * scale))
    box = (left, top, min(left + shown_x, float(width)), min(top + shown_y, float(height)))
    return PhotoCrop(size, box, (width, height), offset)


def joints_in_box(keypoints: Keypoints, box: Box) -> Keypoints:
    """keypoints [17, 3] px of the photo -> x and y in 0..1 of the part in `box`, with confidence 0 beyond it."""
    x0, y0, x1, y1 = box
    joints = keypoints.astype(np.float32)
    joints[:, :2] = (joints[:, :2] - (x0, y0)) / (x1 - x0, y1 - y0)
    joints[:, 2] *= ((joints[:, :2] >= 0) & (joints[:, :2] <= 1)).all(1)
    return joints


def _start(visible: float, whole: int, body: tuple[float, float] | None, middle: bool) -> float:
    room = max(whole - visible, 0.0)
    if body is None:
        return room / 2
    begin, end = body
    start = (begin + end - visible) / 2
    if not middle and end - begin > visible:
        start = begin
    return min(max(start, 0.0), room)
