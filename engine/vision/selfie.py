"""The mask of people who fill much of a photo: MediaPipe's selfie segmentation. Fast, and good on half-length photos;
on full-length ones legs are lost, and the mask of BlazePose is better. As in MediaPipe's public graph
SelfieSegmentationCpu (Apache-2.0) the picture is scaled to the network's square.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.hub.packaged import locate
from engine.identity.faces import load_opencv
from engine.vision.litert import Network
from engine.vision.square import RGB, as_rgb

WEIGHTS: Final = "selfie_segmentation.tflite"


class SelfieSegmentation:
    """Separates people from the background."""

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = Network(locate("mediapipe", WEIGHTS, state), threads)

    def mask(self, image: Image.Image | RGB) -> NDArray[np.float32]:
        """float32 [H, W] in 0 to 1: the probability that a pixel shows a person, the mean over the picture and its
        mirror image."""
        cv2, picture, size = load_opencv(), as_rgb(image), self._network.size
        height, width = picture.shape[:2]
        method = cv2.INTER_AREA if max(height, width) > size else cv2.INTER_LINEAR
        squeezed = cv2.resize(picture, (size, size), interpolation=method)
        values = squeezed.astype(np.float32) / 255.0
        (mask,), (mirrored,) = self._network(values), self._network(np.ascontiguousarray(values[:, ::-1]))
        mean = (mask[..., 0] + mirrored[:, ::-1, 0]) / 2
        return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
