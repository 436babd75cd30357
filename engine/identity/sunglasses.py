"""Detection of sunglasses by the brightness of the eyes relative to the cheeks."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DARK_MAX: Final = 0.45
"""The brightness of an eye relative to the cheeks: eyes with brows and lashes lie above, dark lenses below; see
docs/photos.md."""
EYE_REACH: Final = 0.17
"""Half the side of the square around each eye that is measured, in distances between the eyes."""
EYES_MIN_PX: Final = 12.0
"""The least distance between the eyes; below it lashes and lenses look the same."""
LIGHT_MIN: Final = 20.0
"""The grey level of the cheeks, 0 to 255, below which the photo is too dark to compare."""
CHEEK: Final = 0.62
"""The place of a cheek between an eye (0) and the corner of the mouth (1)."""
BRIGHT_PERCENTILE: Final = 75
"""The percentile of grey levels that stands for an eye's brightness: skin and the white of the eye are bright, a lens
is dark."""


def wears_sunglasses(image: Image.Image, landmarks: NDArray[np.float32] | None) -> bool:
    """Whether both eyes of a face with these landmarks [5, 2] px lie behind dark lenses."""
    if landmarks is None:
        return False
    darkness = eye_darkness(image, landmarks)
    return darkness is not None and max(darkness) < DARK_MAX


def eye_darkness(image: Image.Image, landmarks: NDArray[np.float32]) -> tuple[float, float] | None:
    """The brightness of either eye divided by that of the cheeks; None where it cannot be measured."""
    eyes, mouth = landmarks[:2], landmarks[3:5]
    between = float(np.hypot(*(eyes[1] - eyes[0])))
    if between < EYES_MIN_PX:
        return None
    gray = np.asarray(image.convert("L"), np.float32)
    reach = EYE_REACH * between
    about_eyes = [_square(gray, eye, reach) for eye in eyes]
    cheeks = [_square(gray, eye + CHEEK * (corner - eye), reach / 2) for eye, corner in zip(eyes, mouth, strict=True)]
    if not all(part.size for part in (*about_eyes, *cheeks)):
        return None
    skin = max(float(np.median(cheek)) for cheek in cheeks)
    if skin < LIGHT_MIN:
        return None
    left, right = (float(np.percentile(part, BRIGHT_PERCENTILE)) / skin for part in about_eyes)
    return left, right


def _square(gray: NDArray[np.float32], centre: NDArray[np.float32], reach_px: float) -> NDArray[np.float32]:
    """The pixels of the photo within `reach_px` of the centre."""
    x, y = centre
    top, bottom = max(round(float(y - reach_px)), 0), round(float(y + reach_px)) + 1
    left, right = max(round(float(x - reach_px)), 0), round(float(x + reach_px)) + 1
    return gray[top:bottom, left:right]
