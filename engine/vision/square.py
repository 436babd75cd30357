"""Rotated squares of a picture: the inputs of networks, and the conversion of their outputs to the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.faces import load_opencv

RGB = NDArray[np.uint8]
"""uint8 [height, width, 3]."""
Matrix = NDArray[np.float64]

SHRINK_FROM: Final = 2
"""The number of picture pixels per crop pixel above which the picture is averaged first, so that sampling skips
none."""


def as_rgb(image: Image.Image | RGB) -> RGB:
    """uint8 [height, width, 3] of a Pillow image in any mode; such an array is returned unchanged.

    Raises ValueError for an array of another shape or type."""
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"expected a picture uint8 [height, width, 3], got {image.dtype} {list(image.shape)}")
    return np.ascontiguousarray(image)


@dataclass(frozen=True)
class Square:
    """Centre and side in px of the picture; the angle in radians, clockwise as seen on the screen."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, picture: RGB, margin: float = 1.0) -> Square:
        """The whole picture in the middle of an upright square of `margin` times its longer side."""
        height, width = picture.shape[:2]
        return cls(width / 2, height / 2, max(height, width) * margin)

    @classmethod
    def about(cls, start: NDArray[np.float32], end: NDArray[np.float32], margin: float) -> Square:
        """`start` px is the centre; `end` px lies on the inscribed circle, straight above it in the square.

        `margin` multiplies the side."""
        x, y = float(end[0] - start[0]), float(end[1] - start[1])
        return cls(float(start[0]), float(start[1]), max(2 * math.hypot(x, y) * margin, 1.0), upright(x, y))

    def crop(self, picture: RGB, size: int, repeat_edge: bool) -> RGB:
        """uint8 [size, size, 3]. Outside the picture its edge is repeated if `repeat_edge`, else the crop is black."""
        cv2 = load_opencv()
        height, width = picture.shape[:2]
        factor = int(self.side / size)
        small = picture
        if factor >= SHRINK_FROM:
            shape = (max(width // factor, 1), max(height // factor, 1))
            small = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
        matrix = self._matrix()
        matrix[0] *= small.shape[1] / width
        matrix[1] *= small.shape[0] / height
        cropped: RGB = cv2.warpAffine(
            small,
            _between_centres(matrix, size),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE if repeat_edge else cv2.BORDER_CONSTANT,
        )
        return cropped

    def on_picture(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points [..., 2] in sides of the square (0 to 1 inside it) -> px of the picture."""
        matrix = self._matrix()
        return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)

    def paste(self, plane: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
        """float32 [size, size] over the square -> float32 [height, width] over the picture, 0 off the square."""
        cv2 = load_opencv()
        matrix = _between_centres(self._matrix(), plane.shape[0])
        pasted: NDArray[np.float32] = cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_LINEAR)
        return pasted

    def _matrix(self) -> Matrix:
        """[2, 3]: from sides of the square to px of the picture."""
        cosine, sine = self.side * math.cos(self.angle), self.side * math.sin(self.angle)
        return np.array(
            [
                [cosine, -sine, self.x - (cosine - sine) / 2],
                [sine, cosine, self.y - (sine + cosine) / 2],
            ]
        )


def upright(x: float, y: float) -> float:
    """The angle of a square in which the direction (x, y) px points straight up, radians in -pi to pi."""
    return math.atan2(x, -y)


def _between_centres(matrix: Matrix, size: int) -> Matrix:
    """Converts a matrix between sides of the square and px into one between pixel indices of the crop and of the
    picture."""
    scaled = matrix.copy()
    scaled[:, :2] /= size
    scaled[:, 2] += scaled[:, :2].sum(1) / 2 - 0.5
    return scaled
