"""Nose, eyes and ears from the face's mesh, which is several times as exact as a pose network on a head.

nano moves the head of a photo onto the head of the asked pose by these five points: where a pose network places the
ears too near to the nose, the head is drawn too large.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.head_parts import CHIN, FOREHEAD, LEFT_EYE, RIGHT_EYE
from engine.identity.skeleton import Keypoints
from engine.vision.face_mesh import Mesh

NOSE_TIP, LEFT_SIDE, RIGHT_SIDE = 1, 454, 234
"""Of the mesh's 468 points: the tip of the nose, and the outline of the face before the ears."""
WIDTH_MIN_PX: Final = 14.0
"""Of the face: in a smaller one the mesh is no more exact than the pose."""
NOSE_OFFSET: Final = (0.0, 0.0, -0.05)
EAR_OFFSET: Final = (0.11, 0.04, -0.21)
"""From the mesh's points to the joints, outwards, up and forwards, in widths of the face: least squares over 596 and
346 renders. Median errors, in widths of the face: nose .03, eyes .02, ears .08; of the pose network .12, .07, .24."""


def with_head_joints(keypoints: Keypoints, mesh: Mesh) -> Keypoints:
    """The joints [17, 3] px, with the places of nose, eyes and ears by `mesh`, in px of the same picture; their
    confidences stay, and so do the joints of a face below WIDTH_MIN_PX."""
    points = mesh.points
    across = points[LEFT_SIDE] - points[RIGHT_SIDE]
    width = float(np.linalg.norm(across))
    if width < WIDTH_MIN_PX:
        return keypoints
    outwards = across / width
    up = points[FOREHEAD] - points[CHIN]
    up = up - (up @ outwards) * outwards
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    forwards = np.cross(outwards, up)

    def moved(point: NDArray[np.float32], offset: tuple[float, float, float], side: int) -> NDArray[np.float32]:
        outward, upward, forward = offset
        shift = side * outward * outwards + upward * up + forward * forwards
        return np.asarray((point + width * shift)[:2], np.float32)

    joints = keypoints.copy()
    joints[0, :2] = moved(points[NOSE_TIP], NOSE_OFFSET, 1)
    joints[1, :2], joints[2, :2] = points[list(LEFT_EYE), :2].mean(0), points[list(RIGHT_EYE), :2].mean(0)
    joints[3, :2], joints[4, :2] = moved(points[LEFT_SIDE], EAR_OFFSET, 1), moved(points[RIGHT_SIDE], EAR_OFFSET, -1)
    return joints
