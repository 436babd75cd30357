"""Finds photos that carry a mark of the site they come from, in two ways without any trained network.

- SharedOverlay: what stands at the same place on unrelated photos is laid over them. Gradients of corners and of the
  middle are averaged over photos (Dekel et al. 2017, "On the Effectiveness of Visible Watermarks", take medians of the
  same); where their mean is far beyond chance there is a mark, and a photo carries it if its own gradients follow.
- CornerText: characters of one height in a line, close to the photo's edge.

Neither sees a mark that is tiled or moved from photo to photo. Measured on 150 crops of scikit-image's pictures with
a white line of 15 characters, half transparent, on half of them: the first finds 68 of 73 and takes 4 of 77 clean ones,
the second 43 of 73 and 1 of 77. With the line on a fifth the first finds none, the second 19 of 27.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.faces import load_opencv

Plane = NDArray[np.float32]

PHOTOS_MIN: Final = 12
"""The least number of photos that can distinguish a mark from chance."""
LONG_SIDE_PX: Final = 1024
"""The longest side of reduced copies, on which marks are found that scale with the photo."""
WINDOW_PX: Final = (320, 160)
_CLIP_LEVELS: Final = 32.0
"""The largest gradient in grey levels, so that a hard edge of one photo does not dominate the mean."""
_DEVIATIONS_MIN: Final = 6.0
_LEVELS_MIN: Final = 1.5
_PIXELS_MIN: Final = 80
MARGIN_PX: Final = 8
"""The margin around a mark that is cut off."""
FOLLOWS_MIN: Final = 0.5
"""The least correlation of a photo's gradients with those of the mark."""


@dataclass(frozen=True)
class FoundMark:
    """A mark on a photo. words: which mark, and where. clean: the largest part of the photo that it does not touch, x0,
    y0, x1, y1 in px."""

    words: str
    clean: tuple[int, int, int, int]


class WatermarkDetector(Protocol):
    """Learns from some photos of a site, then examines photos one by one."""

    @property
    def version(self) -> str:
        """A name that changes whenever the same photo may get another result."""
        ...

    def learn(self, photos: Iterable[Image.Image]) -> None: ...

    def find(self, photo: Image.Image) -> FoundMark | None:
        """The mark on an RGB photo; None where there is none."""
        ...


@dataclass(frozen=True, eq=False)
class _Mark:
    """The mean gradients [2, h, w] of a window; zero where they are within chance."""

    mean: Plane

    def correlation(self, gradients: Plane) -> float:
        inside = self.mean != 0
        mine, theirs = gradients[inside], self.mean[inside]
        return float(mine @ theirs / (np.linalg.norm(mine) * np.linalg.norm(theirs) + 1e-6))


class SharedOverlay:
    """Marks at a fixed distance from a corner, an edge's middle or the centre, in pixels or in shares of the photo."""

    def __init__(self) -> None:
        self._marks: dict[str, _Mark] = {}
        self._digest = hashlib.sha256(b"nothing")

    @property
    def version(self) -> str:
        return f"overlay1-{self._digest.hexdigest()[:12]}"

    @property
    def places(self) -> list[str]:
        """The names of the places with a mark."""
        return sorted(self._marks)

    def learn(self, photos: Iterable[Image.Image]) -> None:
        sums: dict[str, Plane] = {}
        squares: dict[str, Plane] = {}
        count = 0
        for count, photo in enumerate(photos, start=1):  # noqa: B007
            for place, gradients in _windows(photo):
                sums[place] = sums.get(place, np.float32(0)) + gradients
                squares[place] = squares.get(place, np.float32(0)) + gradients**2
        self._marks = {}
        if count >= PHOTOS_MIN:
            found = {place: _mark(sums[place], squares[place], count) for place in sums}
            self._marks = {place: mark for place, mark in found.items() if mark is not None}
        self._digest = hashlib.sha256(b"".join(p.encode() + self._marks[p].mean.tobytes() for p in self.places))

    def find(self, photo: Image.Image) -> FoundMark | None:
        if not self._marks:
            return None
        scores = {
            place: self._marks[place].correlation(gradients)
            for place, gradients in _windows(photo)
            if place in self._marks
        }
        place = max(scores, key=lambda name: scores[name])
        if scores[place] < FOLLOWS_MIN:
            return None
        return FoundMark(f"overlay at {place} ({scores[place]:.2f})", self._clean(place, photo))

    def _clean(self, place: str, photo: Image.Image) -> tuple[int, int, int, int]:
        name, _, scaled = place.partition(",")
        row, column = name.split()
        scale = LONG_SIDE_PX / max(photo.size) if scaled else 1.0
        rows, columns = (np.flatnonzero((self._marks[place].mean != 0).any((0, axis))) for axis in (2, 1))
        starts = {"top": 0.0, "left": 0.0, "middle": 0.5, "centre": 0.5, "bottom": 1.0, "right": 1.0}
        down = starts[row] * max(photo.height * scale - WINDOW_PX[1], 0)
        across = starts[column] * max(photo.width * scale - WINDOW_PX[0], 0)
        x0, x1 = ((across + edge) / scale for edge in (columns[0] - MARGIN_PX, columns[-1] + 1 + MARGIN_PX))
        y0, y1 = ((down + edge) / scale for edge in (rows[0] - MARGIN_PX, rows[-1] + 1 + MARGIN_PX))
        return largest_beside((x0, y0, x1, y1), photo.width, photo.height)


def largest_beside(mark: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
    """The largest of the strips left of, right of, above and below a mark, in whole pixels."""
    x0, y0 = (max(int(np.floor(edge)), 0) for edge in mark[:2])
    x1, y1 = min(int(np.ceil(mark[2])), width), min(int(np.ceil(mark[3])), height)
    strips = ((0, 0, width, y0), (0, y1, width, height), (0, 0, x0, height), (x1, 0, width, height))
    return max(strips, key=lambda strip: (strip[2] - strip[0]) * (strip[3] - strip[1]))


def _mark(total: Plane, squares: Plane, count: int) -> _Mark | None:
    mean = total / count
    # half a grey level at least: where all photos are flat, noise is no mark
    variance = np.maximum(squares / count - mean**2, 0.25)
    sure = (np.abs(mean) > _DEVIATIONS_MIN * np.sqrt(variance / count)) & (np.abs(mean) > _LEVELS_MIN)
    if int(sure.any(0).sum()) < _PIXELS_MIN:
        return None
    return _Mark(np.where(sure, mean, np.float32(0)).astype(np.float32))


def _windows(photo: Image.Image) -> Iterator[tuple[str, Plane]]:
    """(place, gradients [2, h, w] in grey levels per pixel) at two scales."""
    gray = photo.convert("L")
    scale = LONG_SIDE_PX / max(gray.size)
    scaled = gray.resize((max(round(gray.width * scale), 1), max(round(gray.height * scale), 1)))
    for name, plane in (("", gray), (", scaled", scaled)):
        for place, window in _places(np.asarray(plane, np.float32)):
            yield place + name, _gradients(window)


def _places(plane: Plane) -> Iterator[tuple[str, Plane]]:
    """Windows of WINDOW_PX; a smaller photo is padded with its edge."""
    width, height = WINDOW_PX
    down, right = max(height - plane.shape[0], 0), max(width - plane.shape[1], 0)
    plane = np.pad(plane, ((0, down), (0, right)), mode="edge")
    bottom, far = plane.shape[0] - height, plane.shape[1] - width
    for row, top in (("top", 0), ("middle", bottom // 2), ("bottom", bottom)):
        for column, left in (("left", 0), ("centre", far // 2), ("right", far)):
            yield f"{row} {column}", plane[top : top + height, left : left + width]


def _gradients(window: Plane) -> Plane:
    smooth = load_opencv().GaussianBlur(window, (3, 3), 0)
    down, across = np.gradient(smooth)
    return np.stack([across, down]).clip(-_CLIP_LEVELS, _CLIP_LEVELS).astype(np.float32)


_BAND: Final = 0.14
"""The height of the bands at the top and at the bottom that are searched for text, in heights of the photo."""
_BAND_HEIGHT_PX: Final = 160
_CHARACTERS_MIN: Final = 9
_CHARACTER_PX: Final = (8, 60)
_STANDS_OUT_LEVELS: Final = (14, 40)
"""Contrasts in grey levels: the low one finds faint marks; at the high one, the soft rims of opaque characters do not
join."""


class CornerText:
    """Finds nine or more characters in a line near the top or bottom edge, lighter or darker than their
    surroundings."""

    version = "text1"

    def learn(self, photos: Iterable[Image.Image]) -> None:
        """Does nothing: text needs no examples."""

    def find(self, photo: Image.Image) -> FoundMark | None:
        gray = photo.convert("L")
        rows = max(round(gray.height * _BAND), 1)
        for name, top in (("top", 0), ("bottom", gray.height - rows)):
            band = gray.crop((0, top, gray.width, top + rows))
            if (characters := _longest_line(band)) >= _CHARACTERS_MIN:
                strip = (0.0, float(top), float(gray.width), float(top + rows))
                clean = largest_beside(strip, gray.width, gray.height)
                return FoundMark(f"text at the {name} ({characters} characters)", clean)
        return None


def _longest_line(band: Image.Image) -> int:
    """The number of characters in the longest line of text of a strip."""
    scale = min(_BAND_HEIGHT_PX / band.height, 1.0) if band.height > _BAND_HEIGHT_PX else 1.0
    gray = np.asarray(band.resize((max(round(band.width * scale), 1), max(round(band.height * scale), 1))))
    cv2 = load_opencv()
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    best = 0
    for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        height = cv2.morphologyEx(gray, operation, kernel)
        for level in _STANDS_OUT_LEVELS:
            _, _, stats, _ = cv2.connectedComponentsWithStats((height >= level).astype(np.uint8), connectivity=8)
            best = max(best, _line_length(_character_boxes(stats[1:])))
    return best


def _character_boxes(stats: NDArray[np.int32]) -> NDArray[np.int32]:
    """Those components (x, y, width, height, area) that have a character's shape, from left to right."""
    _, _, width, height, area = stats.T
    low, high = _CHARACTER_PX
    fill = area / (width * height)
    fits = (height >= low) & (height <= high) & (width <= 1.6 * height) & (fill > 0.15) & (fill < 0.9)
    chosen: NDArray[np.int32] = stats[fits]
    ordered: NDArray[np.int32] = chosen[np.argsort(chosen[:, 0], kind="stable")]
    return ordered


def _line_length(boxes: NDArray[np.int32]) -> int:
    """The largest number of characters on one line without a gap wider than one and a half of them."""
    best = 0
    for start in range(len(boxes)):
        x, y, width, height, _ = boxes[start]
        right, count = x + width, 1
        for x2, y2, width2, height2, _ in boxes[start + 1 :]:
            if x2 - right > 1.5 * height:
                break
            # feet of most letters, heads of those with a tail
            aligned = min(abs(y2 + height2 - y - height), abs(y2 - y)) <= 0.15 * height
            on_line = aligned and 0.6 * height <= height2 <= 1.7 * height
            if on_line and x2 >= right - 2:
                right, count = x2 + width2, count + 1
        best = max(best, count)
    return best
