"""Faces: MediaPipe's full-range detector, for faces up to about five metres away.

Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019; thresholds as in
MediaPipe's public graph FaceDetectionFullRangeCpu (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from engine.hub.packaged import locate
from engine.vision.detection import Detection, anchor_centres, detections
from engine.vision.litert import Network
from engine.vision.square import RGB, Square, as_rgb

WEIGHTS: Final = "face_detection_full_range_sparse.tflite"
LAYERS: Final = ((4, 1),)
FACE_MIN: Final = 0.6
POINTS: Final = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")
"""The detector's points in order; right and left are the person's."""


class BlazeFace:
    """Finds faces on a picture."""

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = Network(locate("mediapipe", WEIGHTS, state), threads)
        self._anchors = anchor_centres(self._network.size, LAYERS)

    def find(self, image: Image.Image | RGB, score_min: float = FACE_MIN) -> list[Detection]:
        """The faces by falling score: box from the brows to the chin, and the six POINTS."""
        picture = as_rgb(image)
        square = Square.around(picture)
        crop = square.crop(picture, self._network.size, repeat_edge=False)
        raw, logits = self._network(crop.astype(np.float32) / 127.5 - 1)
        return detections(raw, logits, self._anchors, self._network.size, square, score_min)
