"""An invisible mark in a picture, read back without the original after JPEG and resizing.

Additive spread spectrum (Cox et al., 1997) in the two-dimensional DCT of the luminance, taken at the picture's own
size: frequencies are counted per picture, not per pixel, so that a resized picture shows the same carriers in the same
places. Each carrier is +1 or -1 by a key. The carriers' frequencies depend on the size of the picture (`RADII`).
A reader does not know the size at which the picture was marked, so it tries each.

The reader whitens the coefficients by their neighbourhood and correlates. Were the picture not marked, the score would
be a normalised sum of random signs: whatever the picture, P(score > t) <= exp(-t^2 / 2) over the choice of the key
(Hoeffding), hence the false positive rate that `FALSE_POSITIVE_RATE` states.

Does not survive: cropping, rotation, mirroring; the mark can be removed with the key.
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.faces import load_opencv

Plane = NDArray[np.float32]
"""float32 [height, width]: luminance in 0..255, or DCT coefficients."""

RADII = (64, 128, 256)
"""The highest frequency of the carriers, in half periods along the shorter side; the picture's size decides which."""
INNER = 0.35
"""The lowest frequency as a fraction of the highest: below it, the picture's own energy masks the mark."""
SHORT_SIDE_PER_RADIUS = 2
"""At most a quarter period per pixel: JPEG at quality 75 removes higher frequencies."""
ASPECT_MAX = 4
THRESHOLD = 5.5
FALSE_POSITIVE_RATE = len(RADII) * math.exp(-(THRESHOLD**2) / 2)
"""An upper bound; see above."""

STRENGTHS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""Root mean squares of the mark in grey levels; the first that reaches SCORE_WANTED after JPEG is used."""
SCORE_WANTED = 8.0
JPEG_QUALITY = 75
WHITENING_WINDOW = 7
WHITENED_MAX = 2.0


@dataclass(frozen=True)
class Watermark:
    """Writes and reads the mark of one key; the mark has no payload."""

    key: str = field(repr=False)

    def mark(self, picture: Image.Image) -> Image.Image:
        """The RGB picture with the mark at the least strength that is read reliably, or at the greatest strength."""
        pixels = np.asarray(picture.convert("RGB"), dtype=np.float32)
        pattern = self._pattern(_luminance(pixels))
        for strength in STRENGTHS:
            marked = Image.fromarray(np.clip(np.rint(pixels + strength * pattern[..., None]), 0, 255).astype(np.uint8))
            if self.score(_after_jpeg(marked)) >= SCORE_WANTED:
                break
        return marked

    def score(self, picture: Image.Image) -> float:
        """The score of the mark in the picture: around 0 without it, above THRESHOLD with it."""
        luminance = _luminance(np.asarray(picture.convert("RGB"), dtype=np.float32))
        short = min(luminance.shape)
        radii = [radius for radius in RADII if radius <= short] or [RADII[0]]
        coefficients = _whitened(_transform(luminance, radii[-1]))
        return max(self._correlation(coefficients, luminance.shape, radius) for radius in radii)

    def found(self, picture: Image.Image) -> bool:
        return self.score(picture) > THRESHOLD

    def _pattern(self, luminance: Plane) -> Plane:
        """float32 [height, width] with a root mean square of 1, stronger in textured areas."""
        fitting = [radius for radius in RADII if radius * SHORT_SIDE_PER_RADIUS <= min(luminance.shape)]
        band = _band(luminance.shape, fitting[-1] if fitting else RADII[0])
        height, width = luminance.shape
        carriers = _carriers(self.key)[: band.shape[0], : band.shape[1]] * band
        pattern = _basis(height, band.shape[0]).T @ carriers @ _basis(width, band.shape[1]) * _masking(luminance)
        return np.asarray(pattern / max(float(np.sqrt((pattern**2).mean())), 1e-6), dtype=np.float32)

    def _correlation(self, coefficients: Plane, shape: tuple[int, ...], radius: int) -> float:
        band = _band(shape, radius)
        carriers = _carriers(self.key)[: band.shape[0], : band.shape[1]][band]
        values = coefficients[: band.shape[0], : band.shape[1]][band]
        norm = float(np.linalg.norm(values))
        return float(values @ carriers) / norm if norm else 0.0


@lru_cache(maxsize=4)
def _carriers(key: str) -> Plane:
    """[side, side] of +1 and -1; from a hash, so that they are the same with every version of every library."""
    side = RADII[-1] * ASPECT_MAX
    bits = np.frombuffer(hashlib.shake_256(key.encode()).digest(side * side // 8), np.uint8)
    return (np.unpackbits(bits).reshape(side, side) * 2.0 - 1.0).astype(np.float32)


@lru_cache(maxsize=16)
def _basis(length: int, count: int) -> Plane:
    """[count, length]: the first rows of the orthonormal DCT-II."""
    frequency, position = np.arange(count)[:, None], np.arange(length)[None] + 0.5
    rows = np.cos(np.pi * frequency * position / length) * math.sqrt(2 / length)
    rows[0] /= math.sqrt(2)
    return rows.astype(np.float32)


@lru_cache(maxsize=16)
def _band(shape: tuple[int, ...], radius: int) -> NDArray[np.bool_]:
    """bool: the coefficients that carry the mark, in the corner of the DCT that contains them: a ring, circular in
    periods per pixel."""
    short = min(shape)
    rows, columns = (min(math.ceil(radius * side / short), side, RADII[-1] * ASPECT_MAX) for side in shape)
    height, width = shape
    frequency = np.hypot(np.arange(rows)[:, None] / height, np.arange(columns)[None] / width) * short
    return (frequency >= INNER * radius) & (frequency < radius)


def _transform(luminance: Plane, radius: int) -> Plane:
    """The DCT coefficients up to `radius`, divided by the root of the number of pixels."""
    height, width = luminance.shape
    rows, columns = _band(luminance.shape, radius).shape
    return np.asarray(_basis(height, rows) @ luminance @ _basis(width, columns).T / math.sqrt(height * width))


def _whitened(coefficients: Plane) -> Plane:
    """Each coefficient divided by the root mean square around it, clipped, so that a few strong coefficients do not
    dominate."""
    around = _root_mean_square(coefficients, WHITENING_WINDOW)
    return np.asarray(np.clip(coefficients / (around + 1e-6), -WHITENED_MAX, WHITENED_MAX), dtype=np.float32)


def _masking(luminance: Plane) -> Plane:
    """The local strength of the mark, around 1: a texture hides more of it than a flat area."""
    fine = 2 * (min(luminance.shape) // 128) + 3
    detail = luminance - load_opencv().blur(luminance, (fine, fine))
    activity = _root_mean_square(detail, 2 * fine)
    return np.asarray(np.clip((activity + 2) / (float(activity.mean()) + 2), 0.5, 2.0), dtype=np.float32)


def _root_mean_square(plane: Plane, window: int) -> Plane:
    """The root mean square over the square window around each pixel. Negative means are set to 0: OpenCV's running sums
    can end slightly below zero."""
    cv2 = load_opencv()
    around = cv2.blur(plane * plane, (window, window), borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.sqrt(np.maximum(around, 0.0)), dtype=np.float32)


def _luminance(pixels: Plane) -> Plane:
    cv2 = load_opencv()
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def _after_jpeg(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Image.open(buffer)
