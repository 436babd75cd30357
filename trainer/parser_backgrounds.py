"""Backgrounds of the person parser's training crops, none with people: rendered places, free photos of scikit-image,
clouds of colour, and dead leaves (Lee, Mumford and Huang, 2001), whose edges and colours are distributed as in photos.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.faces import load_opencv

PHOTOS: Final = ("brick", "grass", "gravel", "clock")
"""Photos of scikit-image in the public domain, by CC0 or by their author. Its colour photos are left to the tests."""
KINDS: Final = {"place": 0.4, "photo": 0.15, "clouds": 0.15, "leaves": 0.3}
"""The share of each kind of background."""
OUT_OF_FOCUS: Final = 0.4
BLUR_MAX_PX: Final = 4.0
LEAVES: Final = (30, 100)
LEAF_MIN: Final = 0.06
"""The radius of the smallest leaf, in heights of the crop; larger radii have probabilities proportional to r^-3."""
LEAF_MAX: Final = 0.6

RGB = NDArray[np.uint8]


class Backgrounds:
    """Draws backgrounds of `width` x `height` px; places uint8 [n, H, W, 3] are photos without their people."""

    def __init__(self, places: NDArray[np.uint8], width: int, height: int) -> None:
        self._places = places
        self._width, self._height = width, height
        self._photos = _free_photos()

    def draw(self, rng: np.random.Generator) -> RGB:
        """uint8 [height, width, 3]."""
        kind = rng.choice(list(KINDS), p=list(KINDS.values()))
        if kind == "clouds":
            drawn = _clouds(self._width, self._height, rng)
        elif kind == "leaves":
            drawn = self._leaves(rng)
        else:
            drawn = self._piece(self._places if kind == "place" else self._photos, rng)
        if rng.random() < OUT_OF_FOCUS:
            drawn = load_opencv().GaussianBlur(drawn, (0, 0), float(rng.uniform(0.5, BLUR_MAX_PX)))
        return drawn

    def _piece(self, images: NDArray[np.uint8] | list[RGB], rng: np.random.Generator) -> RGB:
        return _random_piece(images[int(rng.integers(len(images)))], self._width, self._height, rng)

    def _leaves(self, rng: np.random.Generator) -> RGB:
        """Shapes that occlude each other, in colours of one place, each with some of a photo's texture."""
        cv2 = load_opencv()
        drawn, palette = self._piece(self._places, rng), self._piece(self._places, rng).reshape(-1, 3)
        texture = self._piece(self._photos if rng.random() < 0.5 else self._places, rng).astype(np.float32)
        texture -= texture.mean((0, 1))
        for _ in range(int(rng.integers(*LEAVES))):
            # the inverse of the cumulative distribution of r^-3 between the smallest and the largest radius
            share = rng.random()
            radius = self._height * (LEAF_MIN**-2 * (1 - share) + LEAF_MAX**-2 * share) ** -0.5
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 10))))
            corners = rng.uniform((0, 0), (self._width, self._height)) + radius * np.stack(
                [np.cos(angles), rng.uniform(0.3, 1.0) * np.sin(angles)], 1
            )
            leaf = np.zeros(drawn.shape[:2], np.uint8)
            cv2.fillPoly(leaf, [corners.round().astype(np.int32)], 1)
            inside = leaf > 0
            colour = palette[int(rng.integers(len(palette)))] + rng.normal(0, 12, 3)
            drawn[inside] = (colour + rng.uniform(0, 0.8) * texture[inside]).clip(0, 255)
        return drawn


def _free_photos() -> list[RGB]:
    import skimage.data

    return [np.repeat(getattr(skimage.data, name)()[..., None], 3, 2) for name in PHOTOS]


def _random_piece(image: RGB, width: int, height: int, rng: np.random.Generator) -> RGB:
    scale = float(rng.uniform(0.35, 1.0))
    h = max(int(scale * min(image.shape[0], image.shape[1] * height / width)), 8)
    w = max(h * width // height, 6)
    y, x = int(rng.integers(image.shape[0] - h + 1)), int(rng.integers(image.shape[1] - w + 1))
    cv2 = load_opencv()
    piece: RGB = cv2.resize(image[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(piece[:, ::-1]) if rng.random() < 0.5 else piece


def _clouds(width: int, height: int, rng: np.random.Generator) -> RGB:
    """Colours at four scales."""
    cv2 = load_opencv()
    total = np.full((height, width, 3), rng.uniform(0, 255, 3), np.float32)
    for cells, strength in ((2, 60), (5, 45), (16, 30), (48, 15)):
        noise = rng.normal(0, strength * rng.random(), (cells * 3 // 2, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR if rng.random() < 0.7 else 0)
    return total.clip(0, 255).astype(np.uint8)
