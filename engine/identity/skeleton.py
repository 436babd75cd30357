"""Joints of one person: their order, and the least confidence of a visible joint."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Keypoints = NDArray[np.float32]
"""float32 [17, 3] in COCO order: x px, y px, confidence in 0..1."""
CONFIDENCE_MIN: Final = 0.3
"""The confidence below which a joint counts as invisible."""

NOSE, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 0, 5, 6, 11, 12
HEAD_JOINTS: Final = (0, 1, 2, 3, 4)
EYES: Final = (1, 2)
SHOULDERS: Final = (LEFT_SHOULDER, RIGHT_SHOULDER)
HIPS: Final = (LEFT_HIP, RIGHT_HIP)
KNEES: Final = (13, 14)
ANKLES: Final = (15, 16)
MIRRORED_JOINTS: Final = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""For each joint, the index of its counterpart on the other side of the body."""
