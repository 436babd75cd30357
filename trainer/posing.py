"""Does a picture show the pose that was asked for? The share of joints that a reader finds where they were wanted.

The reader is the engine's observer: nano has learned nothing from it. Read beside them are pictures of the same people
and words for which no pose was asked: what the words and chance alone give.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.body import BodyObserver
from trainer.evaluation.metrics import Floats, pck


def pose_of(keypoints: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """keypoints [17, 3] px and visibility on a photo of width x height `size` -> the joints that show on it, as a
    backbone is asked for them: float32 [17, 3] in 0..1."""
    pose = keypoints / np.array([*size, 1], np.float32)
    pose[:, 2] *= ((pose[:, :2] >= 0) & (pose[:, :2] <= 1)).all(1)
    return pose.astype(np.float32)


def shares_right(pictures: NDArray[np.uint8], poses: Sequence[NDArray[np.float32]], reader: BodyObserver) -> Floats:
    """pictures uint8 [n, H, W, 3], poses [n][17, 3] in 0..1 -> PCK@0.1 over the joints wanted in each picture [n].

    0 where the reader sees nobody, NaN where no joint is wanted."""
    height, width = pictures.shape[1:3]
    shares = []
    for picture, pose in zip(pictures, poses, strict=True):
        wanted, asked = pose[:, :2].astype(np.float64) * (width, height), pose[:, 2] > 0
        body = reader.see(Image.fromarray(picture), (0.0, 0.0, float(width), float(height)))
        found = np.full((len(pose), 2), np.inf) if body is None else body.keypoints[:, :2].astype(np.float64)
        shares.append(pck(found, wanted, asked))
    return np.array(shares)
