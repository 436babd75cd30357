"""Gaussian weighting of a photo around the joints, which damps the background (for the body encoder).

w_i(x, y) = exp(-((x - x_i)^2 + (y - y_i)^2) / (2 sigma^2)); W = max_i w_i, divided by its largest value; the picture is
multiplied by alpha + (1 - alpha) W. Pixels far from every joint are damped, not erased.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.skeleton import CONFIDENCE_MIN, Keypoints

SIGMA: Final = 0.08
"""Standard deviation of the Gaussians, in picture heights."""
ALPHA: Final = 0.25


def keypoint_weights(
    keypoints: Keypoints, width: int, height: int, sigma: float = SIGMA, alpha: float = ALPHA
) -> NDArray[np.float32]:
    """The factors for a picture of `width` x `height` px: float32 [height, width] in [alpha, 1].

    1 everywhere without a visible joint: the body's place is unknown then."""
    visible = keypoints[keypoints[:, 2] >= CONFIDENCE_MIN]
    if not len(visible):
        return np.ones((height, width), np.float32)
    spread = 2 * (sigma * height) ** 2
    # a two-dimensional Gaussian is the product of two one-dimensional ones
    across = np.exp(-((np.arange(width) + 0.5 - visible[:, :1]) ** 2) / spread)
    down = np.exp(-((np.arange(height) + 0.5 - visible[:, 1:2]) ** 2) / spread)
    nearest = (down[:, :, None] * across[:, None, :]).max(0)
    largest = float(nearest.max())
    if largest <= 0:
        return np.ones((height, width), np.float32)
    weights: NDArray[np.float32] = (alpha + (1 - alpha) * nearest / largest).astype(np.float32)
    return weights


def weighted(image: Image.Image, keypoints: Keypoints, sigma: float = SIGMA, alpha: float = ALPHA) -> Image.Image:
    """The RGB image, darkened far from the joints."""
    weights = keypoint_weights(keypoints, image.width, image.height, sigma, alpha)
    return Image.fromarray((np.asarray(image, np.float32) * weights[..., None]).round().astype(np.uint8))
