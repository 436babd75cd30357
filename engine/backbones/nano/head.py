"""A second pass over the head: a face of a few pixels is drawn again as a portrait and laid over the enlarged picture.

nano learns portraits as well as whole figures. The pose of a figure, enlarged about its head, is the pose of a
portrait; the same photos and words then give the same head with four times the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.backbones.nano.asked import Asked
from engine.identity.body import BodyPart

EARS, SHOULDERS = (3, 4), (5, 6)
EARS_AT: Final = (0.49, 0.45)
"""Of the frame: where the middle of the ears is in rendered portraits (median)."""
TRUNK_SHARE: Final = 0.497
"""Of the frame's height: from the middle of the ears to the middle of the shoulders in rendered portraits (median)."""
ENLARGED_MIN: Final = 1.6
"""A head that the portrait enlarges less is large enough already."""
ENLARGED_MAX: Final = 7.0
HEAD: Final = (BodyPart.FACE, BodyPart.HAIR, BodyPart.SKIN, BodyPart.ACCESSORY)
UPRIGHT_MIN: Final = 0.7
"""Cosine of the angle between neck and picture: people who lie have no portraits to learn from."""
FADE: Final = (0.62, 0.74)
"""Of the frame's height: the portrait fades out over the neck."""
FADE_SIDE: Final = 0.06
"""Of the frame's width: it fades out at the frame's sides."""
EDGE_PX: Final = 1.2


@dataclass(frozen=True)
class HeadWindow:
    """The portrait's place in the picture: left, top, right, bottom in 0..1, and how much it enlarges."""

    box: tuple[float, float, float, float]
    enlarged: float


def portrait_window(joints: NDArray[np.float32], aspect: float) -> HeadWindow | None:
    """The window of 2 to 3 that shows the head of a skeleton [17, 3] as a portrait does. x and y are shares of a
    picture of `aspect`, width / height. None where ears or shoulders are not seen, or the head is not above them."""
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
    """`portrait_window` of a picture of nano's aspect, where it is worth a second pass: None for heads that are large
    enough already, and for those of a few pixels."""
    window = portrait_window(joints, 2 / 3)
    return window if window is not None and ENLARGED_MIN <= window.enlarged <= ENLARGED_MAX else None


def portrait_of(asked: Asked, window: HeadWindow) -> Asked:
    """The same request for the portrait in the window."""
    left, top, right, bottom = window.box
    points = (asked.joints[:, :2] - (left, top)) / (right - left, bottom - top)
    inside = ((points >= 0) & (points < 1)).all(1) * asked.joints[:, 2]
    joints = np.concatenate([points, inside[:, None]], 1).astype(np.float32)
    return replace(asked, joints=joints, attributes=asked.attributes | {"framing": "portrait"})


def with_head(
    picture: NDArray[np.uint8], portrait: NDArray[np.uint8], layout: NDArray[np.int64], window: HeadWindow
) -> NDArray[np.uint8]:
    """picture uint8 [H, W, 3] with the head of portrait uint8 [h, w, 3] and its layout [h, w] of BodyPart laid over it
    at the window."""
    rows, columns = layout.shape
    mask = np.isin(layout, [int(part) for part in HEAD]).astype(np.float32)
    down = np.clip((FADE[1] - np.arange(rows) / rows) / (FADE[1] - FADE[0]), 0, 1)
    across = np.arange(columns) / columns
    sides = np.clip(np.minimum(across, 1 - across) / FADE_SIDE, 0, 1)
    mask = cv2.GaussianBlur(mask, (0, 0), EDGE_PX) * down[:, None].astype(np.float32) * sides.astype(np.float32)
    height, width = picture.shape[:2]
    left, top, right, bottom = window.box
    matrix = np.array(
        [[(right - left) * width / columns, 0, left * width], [0, (bottom - top) * height / rows, top * height]],
        np.float32,
    )
    size = (width, height)
    laid = cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    return np.asarray(np.clip(picture * (1 - share) + laid * share + 0.5, 0, 255), np.uint8)
