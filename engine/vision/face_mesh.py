"""468 points on a face: MediaPipe's face mesh.

Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019; margin and threshold as
in MediaPipe's public graph FaceLandmarkFrontCpu (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.hub.packaged import locate
from engine.vision.blazeface import POINTS
from engine.vision.detection import Detection
from engine.vision.litert import Network, sigmoid
from engine.vision.square import RGB, Square, as_rgb, upright

WEIGHTS: Final = "face_landmark.tflite"
MARGIN: Final = 1.5
"""The side of the square over the longer side of the face's box."""
FACE_MIN: Final = 0.5
RIGHT_EYE, LEFT_EYE = POINTS.index("right_eye"), POINTS.index("left_eye")


@dataclass(frozen=True, eq=False)
class Mesh:
    """points float32 [468, 3]: x px, y px, depth px (smaller is nearer), in MediaPipe's order; score 0 to 1."""

    points: NDArray[np.float32]
    score: float


class FaceMesh:
    """Reads the mesh of a face that a detector found."""

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = Network(locate("mediapipe", WEIGHTS, state), threads)

    def see(self, image: Image.Image | RGB, face: Detection) -> Mesh | None:
        """The mesh of `face` (of BlazeFace.find); None where the network finds no face there."""
        square, size = face_square(face), self._network.size
        crop = square.crop(as_rgb(image), size, repeat_edge=True)
        values, logit = self._network(crop.astype(np.float32) / 255.0)
        score = float(sigmoid(logit).ravel()[0])
        if score < FACE_MIN:
            return None
        points = values.reshape(-1, 3) / float(size)
        return Mesh(np.concatenate([square.on_picture(points[:, :2]), points[:, 2:] * square.side], 1), score)


def face_square(face: Detection) -> Square:
    """The square around a face in which the eyes are level."""
    x0, y0, x1, y1 = face.box
    x, y = (float(value) for value in face.points[LEFT_EYE] - face.points[RIGHT_EYE])
    angle = upright(y, -x)  # up is a quarter turn counter-clockwise from the line between the eyes
    return Square((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0, 1.0) * MARGIN, angle)
