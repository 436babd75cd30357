"""Degrades rendered photos for nano's training, as cameras and messengers degrade photos and as parsers err on them."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.synthetic.parts import Part

NO_FEATURES: Final = 0.5
"""Share of the references whose eyes and mouth are no part of their own: parsers of real photos do not give them."""
WRONG_HAIR: Final = 0.3
"""Share of the references whose hair is taken for skin on one side of a line through the head."""
EDGE_BLUR_PX: Final = 0.7
"""The blur of the mask that joins person and background: a hard mask would leave the renderer's smooth edges jagged."""
BACKGROUND_BLUR_PX: Final = 1.5
"""Standard deviation of the blur behind the person, of 160 px width: about the detail of the coarse backgrounds that
the denoiser is given, one pixel of which has PLACE_PX of the picture's."""
SOFTER_MAX: Final = 1.0
"""Standard deviation in pixels of a coarse background, at most, by which it is blurred in training: those of
`BackgroundDenoiser` lack the finest detail."""


def wrong_parts(parts: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A part map [H, W] with the errors of a parser of real photos: see NO_FEATURES and WRONG_HAIR."""
    result = parts.copy()
    if rng.random() < NO_FEATURES:
        result[result == Part.FACE] = Part.SKIN
    rows, columns = np.nonzero(result == Part.HAIR)
    if len(rows) and rng.random() < WRONG_HAIR:
        angle = rng.uniform(0, 2 * np.pi)
        along = np.cos(angle) * columns + np.sin(angle) * rows
        beyond = along > np.quantile(along, rng.uniform(0.2, 0.9))
        result[rows[beyond], columns[beyond]] = Part.SKIN
    return result


def softer(place: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A coarse background [h, w, 3] blurred by up to SOFTER_MAX."""
    return np.asarray(cv2.GaussianBlur(place, (0, 0), rng.uniform(0.05, SOFTER_MAX)), np.uint8)


def out_of_focus(image: NDArray[np.uint8], person: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """image [H, W, 3] with its background blurred by BACKGROUND_BLUR_PX and the person [H, W] left as it is. Pixels of
    the person do not run into the background."""
    around = (~person).astype(np.float32)
    size = (image.shape[1] // 2, image.shape[0] // 2)  # nothing finer is left, and half the size costs a quarter
    halves = np.dstack([image * around[..., None], around])
    soft = cv2.GaussianBlur(cv2.resize(halves, size, interpolation=cv2.INTER_AREA), (0, 0), BACKGROUND_BLUR_PX / 2)
    background = cv2.resize(soft[..., :3] / np.maximum(soft[..., 3:], 1e-3), image.shape[1::-1])
    near = cv2.GaussianBlur(1 - around, (0, 0), EDGE_BLUR_PX)[..., None]
    return np.asarray(np.clip(image * near + background * (1 - near), 0, 255) + 0.5).astype(np.uint8)


def occluder(person: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A rectangle [H, W] over up to a third of the person's box: a table, another person, the edge of a crop."""
    height, width = person.shape
    tall, wide = (int(rng.uniform(0.08, 0.33) * side) for side in (height, width))
    top, left = int(rng.integers(height - tall)), int(rng.integers(width - wide))
    mask = np.zeros_like(person)
    mask[top : top + tall, left : left + wide] = True
    return mask


def degraded(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The photo as cameras and messengers give it: light, colour cast, blur or enlargement, noise, JPEG."""
    gains = rng.uniform(0.75, 1.2) * rng.uniform(0.92, 1.08, 3)
    values = image * gains.astype(np.float32)
    if rng.random() < 0.4:
        height, width = image.shape[:2]
        share = rng.uniform(0.35, 1.0)
        small = cv2.resize(values, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        values = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.3:
        values = values + rng.normal(0, rng.uniform(2, 8), image.shape).astype(np.float32)
    result = np.clip(values, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, content = cv2.imencode(".jpg", result, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))))
        result = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
    return result
