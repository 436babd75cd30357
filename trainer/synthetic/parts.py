"""The values of a part map, and the names of joints."""

from enum import IntEnum
from typing import Final


class Part(IntEnum):
    """Value of a pixel in a part map. Everything but BACKGROUND belongs to the person."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    TOP = 3
    BOTTOM = 4
    SHOES = 5
    FACE = 6
    ACCESSORY = 7


KEYPOINTS: Final = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""COCO order; left and right are the person's own."""
