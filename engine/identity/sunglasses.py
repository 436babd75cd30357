"""Dark glasses before the eyes, seen by their darkness beside that of the cheeks."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DARK_MAX: Final = 0.45
"""Of the cheeks' brightness: eyes with brows and lashes stay above, dark lenses below; see docs/photos.md."""
EYE_REACH: Final = 0.17
"""Of the distance of the eyes: the half side of the square about each that is looked at."""
EYES_MIN_PX: Final = 12.0
"""Between the eyes; below that lashes and lenses look alike."""
LIGHT_MIN: Final = 20.0
"""Grey level of the cheeks, 0 to 255, below which nothing is darker."""
CHEEK: Final = 0.62
"""Where a cheek is on the way from an eye to the corner of the mouth."""
BRIGHT_PERCENTILE: Final = 75
"""Of the grey levels about an eye: skin and the white of the eye make it bright, a lens leaves it dark."""


def wears_sunglasses(image: Image.Image, landmarks: NDArray[np.float32] | None) -> bool:
    """Whether both eyes of a face with these landmarks [5, 2] px lie behind dark lenses."""
    if landmarks is None:
        return False
    darkness = eye_darkness(image, landmarks)
    return darkness is not None and max(darkness) < DARK_MAX


def eye_darkness(image: Image.Image, landmarks: NDArray[np.float32]) -> tuple[float, float] | None:
    """The brightness about either eye over that of the cheeks; None where it cannot be said."""
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
    """The pixels within `reach_px` of the centre, those on the photo."""
    x, y = centre
    top, bottom = max(round(float(y - reach_px)), 0), round(float(y + reach_px)) + 1
    left, right = max(round(float(x - reach_px)), 0), round(float(x + reach_px)) + 1
    return gray[top:bottom, left:right]
