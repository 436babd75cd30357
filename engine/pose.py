"""Poses: the skeleton picture that pose control reads, and the presets a user can choose by name.

A pose is float32 [17, 3] in COCO order: x and y in 0..1 of the picture, confidence in 0..1 (0: not seen). The picture
is OpenPose's (Cao et al., 2019): 18 points, the 17 of COCO and the neck between the shoulders, colours going round the
colour circle. Public openpose ControlNets were trained on it, so one drawing serves every backbone.
"""

from __future__ import annotations

import colorsys
import math
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.contract import PosePreset

PRESETS: Final = Path(__file__).with_name("poses.toml")
CONFIDENCE_MIN: Final = 0.3
"""The confidence below which joints are not drawn."""
STROKE: Final = 4 / 512
"""Half the width of a limb and the radius of a joint, as a share of the longer side."""
LIMB_BRIGHTNESS: Final = 0.6
FRAME: Final = 2 / 3
"""Width over height of the picture that poses refer to."""
FRAME_TOLERANCE: Final = 0.05
"""The tolerance within which a model's size counts as 2 : 3."""
MARGIN: Final = 0.08
"""The margin between the skeleton and the sides, as a share of the picture."""
_NECK: Final = 17
_OPENPOSE: Final = (0, _NECK, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""OpenPose's order in COCO's numbers: nose, neck, right arm, left arm, right leg, left leg, eyes and ears."""
_LIMBS: Final = (
    (_NECK, 6), (_NECK, 5), (6, 8), (8, 10), (5, 7), (7, 9), (_NECK, 12), (12, 14), (14, 16),
    (_NECK, 11), (11, 13), (13, 15), (_NECK, 0), (0, 2), (2, 4), (0, 1), (1, 3),
)  # fmt: skip
_SHOULDERS: Final = (5, 6)

Pose = NDArray[np.float32]


def draw_skeleton(pose: Pose, width: int, height: int) -> Image.Image:
    """RGB, `width` x `height` px, on black; joints of too little confidence and their limbs are left out."""
    joints = _with_neck(pose)
    visible = joints[:, 2] >= CONFIDENCE_MIN
    points = joints[:, :2] * (width, height)
    radius = max(STROKE * max(width, height), 1.0)
    picture = Image.new("RGB", (width, height))
    brush = ImageDraw.Draw(picture)
    for number, (start, end) in enumerate(_LIMBS):
        if visible[start] and visible[end]:
            brush.polygon(_limb(points[start], points[end], radius), fill=_colour(number, LIMB_BRIGHTNESS))
    for number, joint in enumerate(_OPENPOSE):
        if visible[joint]:
            x, y = points[joint]
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(number, 1.0))
    return picture


@cache
def _presets() -> dict[PosePreset, Pose]:
    stated = tomllib.loads(PRESETS.read_text("utf-8"))
    return {name: np.array(stated[name], np.float32) for name in PosePreset}


def preset(name: PosePreset) -> Pose:
    """The pose of the preset, in a picture of 2 : 3."""
    return _presets()[name].copy()


def reframed(pose: Pose, width: int, height: int) -> Pose:
    """Converts a pose from a picture of 2 : 3 to one of width x height px and keeps the proportions of the body.

    The skeleton keeps its share of the height, but is reduced where it would be too wide, and enlarged where a lying
    person is drawn in a wider picture."""
    frame = width / height
    visible = pose[:, 2] >= CONFIDENCE_MIN
    if abs(frame - FRAME) < FRAME_TOLERANCE or not visible.any():
        return pose
    points = pose[:, :2] * (FRAME, 1)  # in heights of the picture
    low, high = points[visible].min(0), points[visible].max(0)
    middle, extent = (low + high) / 2, np.maximum(high - low, 1e-6)
    room = 1 - 2 * MARGIN
    scale = min(room * frame / float(extent[0]), max(room / float(extent[1]), 1.0), max(frame / FRAME, 1.0))
    half = extent * scale / 2
    moved_to = np.array([frame / 2 + (middle[0] - FRAME / 2) * scale, middle[1]])
    moved_to = np.clip(moved_to, half, np.maximum((frame, 1) - half, half))
    moved = (points - middle) * scale + moved_to
    return np.concatenate([moved / (frame, 1), pose[:, 2:]], 1).astype(np.float32)


def _with_neck(pose: Pose) -> Pose:
    """[18, 3]: the neck last, midway between the shoulders, with the lower confidence of the two."""
    left, right = pose[_SHOULDERS[0]], pose[_SHOULDERS[1]]
    neck = [*(left[:2] + right[:2]) / 2, min(left[2], right[2])]
    return np.concatenate([pose, np.array([neck], np.float32)])


def _colour(number: int, brightness: float) -> tuple[int, int, int]:
    """The colour at `number` times 20 degrees of the colour circle."""
    red, green, blue = (int(255 * channel * brightness) for channel in colorsys.hsv_to_rgb(number / 18, 1.0, 1.0))
    return red, green, blue


def _limb(start: NDArray[np.float32], end: NDArray[np.float32], half_width: float) -> list[tuple[float, float]]:
    """An ellipse along the limb, as a polygon."""
    centre, half = (start + end) / 2, (end - start) / 2
    length = float(np.hypot(*half))
    along = half / length if length > 0 else np.array([1.0, 0.0], np.float32)
    across = np.array([-along[1], along[0]])
    angles = np.arange(16) * (2 * math.pi / 16)
    rim = centre + np.outer(np.cos(angles) * max(length, 1.0), along) + np.outer(np.sin(angles) * half_width, across)
    return [(float(x), float(y)) for x, y in rim]
