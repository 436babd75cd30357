"""Joints of a pose as a backbone reads them, and the share of them that a reader finds at their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.metrics import Floats, pck

NOSE, LEFT_EYE, RIGHT_EYE = 0, 1, 2
FACE_TURN_MAX: Final = 1.0
"""On a face towards the camera, the nose lies at most this far from the middle of the eyes, in half distances of the
eyes."""


def pose_of(keypoints: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """keypoints [17, 3] px and visibility on a photo of width x height `size` -> the joints that show on it, as
    `GenerationInput.pose`: float32 [17, 3] in 0..1."""
    pose = keypoints / np.array([*size, 1], np.float32)
    pose[:, 2] *= ((pose[:, :2] >= 0) & (pose[:, :2] <= 1)).all(1)
    return pose.astype(np.float32)


def faces_camera(pose: NDArray[np.float32]) -> bool:
    """Whether a pose [17, 3] in 0..1 shows an upright face: nose and eyes in the picture, the nose below the eyes and
    between them."""
    if not (pose[[NOSE, LEFT_EYE, RIGHT_EYE], 2] > 0).all():
        return False
    left, right = pose[LEFT_EYE, :2], pose[RIGHT_EYE, :2]
    middle, half = (left + right) / 2, abs(float(left[0] - right[0])) / 2
    nose_offset = abs(float(pose[NOSE, 0] - middle[0]))
    level = abs(float(left[1] - right[1])) < 2 * half
    return level and float(pose[NOSE, 1]) > float(middle[1]) and nose_offset <= FACE_TURN_MAX * half


def shares_right(joints: Floats, poses: Sequence[NDArray[np.float32]], size: tuple[int, int]) -> Floats:
    """joints [n, 17, 2] px (infinite where nobody was found) on pictures of width x height `size`, poses [n][17, 3] in
    0..1 -> PCK@0.1 of each picture [n], relative to the longer side of the box of the pose's visible joints.

    NaN where the pose shows no joint."""
    shares = []
    for keypoints, pose in zip(joints, poses, strict=True):
        target = pose[:, :2].astype(np.float64) * size
        shares.append(pck(keypoints, target, pose[:, 2] > 0))
    return np.array(shares)
