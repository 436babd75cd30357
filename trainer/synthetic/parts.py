"""The values of a part map, and the names of joints."""

from typing import Final, TypeAlias

from engine.identity.body import BodyPart

Part: TypeAlias = BodyPart
"""The value of a pixel in a part map: rendered photos have the parts that the engine reads from photos."""

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
