"""Does a picture show the pose that was asked for? The share of joints that a reader finds where they were wanted.

The reader is the engine's observer: nano has learned nothing from it. Read beside them are pictures of the same people
and words for which no pose was asked: what the words and chance alone give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.body import BodyObserver
from trainer.people.render import Photo

PCK: Final = 0.1
"""A joint is right within this share of the wanted person's longer side."""


def pose_of_photo(photo: Photo) -> NDArray[np.float32]:
    """The joints that show on a rendered photo, as a backbone is asked for them: float32 [17, 3] in 0..1."""
    height, width = photo.image.shape[:2]
    pose = photo.keypoints / np.array([width, height, 1], np.float32)
    inside = ((pose[:, :2] >= 0) & (pose[:, :2] <= 1)).all(1)
    pose[:, 2] *= inside
    return pose.astype(np.float32)


def share_right(
    pictures: NDArray[np.uint8], poses: Sequence[NDArray[np.float32]], reader: BodyObserver
) -> tuple[float, int]:
    """pictures uint8 [n, H, W, 3], poses [n][17, 3] in 0..1 -> PCK@0.1 over the wanted joints, and their number.

    Where the reader sees nobody, every joint is wrong."""
    height, width = pictures.shape[1:3]
    right, wanted = 0, 0
    for picture, pose in zip(pictures, poses, strict=True):
        asked = pose[:, 2] > 0
        if not asked.any():
            continue
        places = pose[:, :2] * (width, height)
        low, high = places[asked].min(0), places[asked].max(0)
        wanted += int(asked.sum())
        body = reader.see(Image.fromarray(picture), (0.0, 0.0, float(width), float(height)))
        if body is not None:
            distance = np.linalg.norm(body.keypoints[:, :2] - places, axis=1)
            right += int((distance[asked] < PCK * max(high - low)).sum())
    return right / max(wanted, 1), wanted
