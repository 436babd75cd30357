"""Alignment of a face for ArcFace: rotated and scaled so that eyes, nose and mouth lie at fixed places."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.crops import head_box, window
from engine.identity.profile import View

TEMPLATE: Final = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""[5, 2] px of eyes, nose and mouth corners in ArcFace's picture of TEMPLATE_PX (Deng et al., 2019)."""
TEMPLATE_PX: Final = 112


def aligned_face(view: View, size: int = TEMPLATE_PX) -> Image.Image | None:
    """RGB, `size` x `size`; without landmarks the square around the face; None without a face."""
    observation = view.observation
    if observation.face_landmarks is not None:
        target = np.array(TEMPLATE, np.float32) * (size / TEMPLATE_PX)
        to_crop = np.vstack([similarity(observation.face_landmarks, target), (0, 0, 1)])
        to_photo = np.linalg.inv(to_crop)[:2]
        # landmarks count from the middle of the first pixel, Pillow from its corner
        to_photo[:, 2] += 0.5 - to_photo[:, :2].sum(1) / 2
        return view.image.transform(
            (size, size), Image.Transform.AFFINE, tuple(to_photo.ravel()), Image.Resampling.BILINEAR
        )
    if observation.face_box is not None:
        return window(view.image, head_box(observation.face_box), size, size)
    return None


def similarity(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """The similarity transform [2, 3] (rotation, scale, shift) from `source` [N, 2] to `target` [N, 2] by least squares
    (Umeyama, 1991)."""
    x, y = source.astype(np.float64), target.astype(np.float64)
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    left, sizes, right = np.linalg.svd(y.T @ x)
    signs = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = (left * signs) @ right
    scale = float((sizes * signs).sum() / max((x**2).sum(), 1e-12))
    matrix = scale * rotation
    return np.concatenate([matrix, (y_mean - matrix @ x_mean)[:, None]], 1)
