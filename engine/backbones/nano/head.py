"""A second pass for small heads: the head is drawn again as a portrait and blended into the enlarged picture.

nano learns portraits as well as whole figures. The pose of a figure, enlarged about its head, is the pose of a
portrait; the same photos and words then give the same head with four times the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.backbones.nano.request import NanoRequest
from engine.identity.body import BodyPart

EARS, SHOULDERS = (3, 4), (5, 6)
EARS_AT: Final = (0.49, 0.45)
"""x and y of the middle of the ears in rendered portraits, in shares of the frame (median)."""
TRUNK_SHARE: Final = 0.497
"""Distance from the middle of the ears to the middle of the shoulders in rendered portraits, in heights of the frame
(median)."""
ENLARGED_MIN: Final = 1.6
"""The least enlargement for which a second pass is worth its time."""
ENLARGED_MAX: Final = 7.0
HEAD: Final = (BodyPart.FACE, BodyPart.HAIR, BodyPart.SKIN, BodyPart.ACCESSORY)
UPRIGHT_MIN: Final = 0.7
"""Least cosine of the angle between the neck and the vertical: there are no training portraits of people who lie."""
FADE: Final = (0.62, 0.74)
"""The range over which the portrait fades out downwards, across the neck, in heights of the frame."""
FADE_SIDE: Final = 0.06
"""The range over which the portrait fades out at either side, in widths of the frame."""
EDGE_PX: Final = 1.2


@dataclass(frozen=True)
class HeadWindow:
    """The portrait's place in the picture: left, top, right, bottom in 0..1, and how much it enlarges."""

    box: tuple[float, float, float, float]
    enlarged: float


def portrait_window(joints: NDArray[np.float32], aspect: float) -> HeadWindow | None:
    """The window of aspect 2:3 in which the head of a skeleton has the place and size that it has in portraits. joints
    [17, 3]: x and y in 0..1 of a picture of `aspect` (width / height), weight. None where an ear or a shoulder has
    weight 0, and for people who are not upright."""
    if (joints[[*EARS, *SHOULDERS], 2] <= 0).any():
        return None
    ears, shoulders = joints[list(EARS), :2].mean(0), joints[list(SHOULDERS), :2].mean(0)
    trunk = float(np.hypot((shoulders[0] - ears[0]) * aspect, shoulders[1] - ears[1]))
    if shoulders[1] - ears[1] < UPRIGHT_MIN * trunk or trunk <= 0:
        return None
    height = trunk / TRUNK_SHARE
    width = height * (2 / 3) / aspect
    left, top = float(ears[0]) - EARS_AT[0] * width, float(ears[1]) - EARS_AT[1] * height
    return HeadWindow((left, top, left + width, top + height), 1 / height)


def head_window(joints: NDArray[np.float32]) -> HeadWindow | None:
    """The `portrait_window` of a picture of nano's aspect. None outside ENLARGED_MIN to ENLARGED_MAX: for heads that
    are large enough already, and for heads of a few pixels."""
    window = portrait_window(joints, 2 / 3)
    return window if window is not None and ENLARGED_MIN <= window.enlarged <= ENLARGED_MAX else None


def portrait_of(request: NanoRequest, window: HeadWindow) -> NanoRequest:
    """The request for the portrait that the window of this request's picture shows."""
    left, top, right, bottom = window.box
    points = (request.joints[:, :2] - (left, top)) / (right - left, bottom - top)
    inside = ((points >= 0) & (points < 1)).all(1) * request.joints[:, 2]
    joints = np.concatenate([points, inside[:, None]], 1).astype(np.float32)
    return replace(request, joints=joints, attributes=request.attributes | {"framing": "portrait"})


def with_head(
    picture: NDArray[np.uint8], portrait: NDArray[np.uint8], layout: NDArray[np.int64], window: HeadWindow
) -> NDArray[np.uint8]:
    """Blends the head of a portrait into the picture at the window. picture: uint8 [H, W, 3]; portrait: uint8 [h, w,
    3]; layout: [h, w] of BodyPart, of the portrait."""
    rows, columns = layout.shape
    mask = np.isin(layout, [int(part) for part in HEAD]).astype(np.float32)
    down = np.clip((FADE[1] - np.arange(rows) / rows) / (FADE[1] - FADE[0]), 0, 1)
    x = np.arange(columns) / columns
    sides = np.clip(np.minimum(x, 1 - x) / FADE_SIDE, 0, 1)
    mask = cv2.GaussianBlur(mask, (0, 0), EDGE_PX) * down[:, None].astype(np.float32) * sides.astype(np.float32)
    height, width = picture.shape[:2]
    left, top, right, bottom = window.box
    matrix = np.array(
        [[(right - left) * width / columns, 0, left * width], [0, (bottom - top) * height / rows, top * height]],
        np.float32,
    )
    size = (width, height)
    overlay = cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    return np.asarray(np.clip(picture * (1 - share) + overlay * share + 0.5, 0, 255), np.uint8)
