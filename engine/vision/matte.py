"""The matte of the salient objects on a photo: the small U2-Net.

Qin et al., U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection, 2020; weights and preparation as
in rembg (MIT). It includes every salient object, a suitcase as well as its owner: intersect the matte with a person's
mask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.hub.packaged import locate
from engine.identity.faces import load_opencv
from engine.vision.onnx import OnnxNetwork
from engine.vision.square import RGB, as_rgb

WEIGHTS: Final = "u2netp.onnx"
SIZE: Final = 320
MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION: Final = np.array([0.229, 0.224, 0.225], np.float32)


class Matte:
    """Separates foreground from background."""

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = OnnxNetwork(locate("u2netp", WEIGHTS, state), threads)

    def mask(self, image: Image.Image | RGB) -> NDArray[np.float32]:
        """float32 [H, W] in 0 to 1: the share of foreground in each pixel. The picture is scaled to a square."""
        cv2, picture = load_opencv(), as_rgb(image)
        height, width = picture.shape[:2]
        method = cv2.INTER_AREA if max(height, width) > SIZE else cv2.INTER_LINEAR
        squeezed = cv2.resize(picture, (SIZE, SIZE), interpolation=method).astype(np.float32)
        values = (squeezed / max(float(squeezed.max()), 1.0) - MEAN) / DEVIATION
        mask = self._network(values.transpose(2, 0, 1)[None].astype(np.float32))[0][0, 0]
        spread = max(float(mask.max() - mask.min()), 1e-6)
        stretched = ((mask - mask.min()) / spread).astype(np.float32)
        return np.asarray(cv2.resize(stretched, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
