"""Who finds a standing person whose face cannot be found: turned away, tilted, or too small in a full-length photo.

OpenCV's people detector (histograms of oriented gradients, Dalal & Triggs 2005) with its built-in weights. It takes
street lamps for people, so a find counts only if the mirrored photo shows it too and it fills much of the photo.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from engine.identity.faces import load_opencv
from engine.identity.observation import Box
from engine.identity.parts import clipped

SCORE_MIN = 1.0
"""In the weaker of the two looks. 255 crops of photos without people stay below; full-length people reach 1.1 to 4."""
HEIGHT_MIN = 0.5
"""Of the photo's height; smaller people are passers-by."""
_SIDE_PX = 320
_EDGE_PX = (16, 24)
"""Rows and columns repeated around the photo: the detector wants some surroundings."""
_MARGIN = 1 / 8
"""Share of the detector's window above the head and below the feet."""

Gray = NDArray[np.uint8]
_Hit = tuple[Box, float]


def find_bodies(image: Image.Image) -> list[Box]:
    """Boxes (px) of people standing in full length, the surest first, none twice."""
    scale = min(_SIDE_PX / image.height, 2 * _SIDE_PX / image.width)
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    small = image.convert("L").resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    plain, mirrored = _detect(np.asarray(small)), _detect(np.asarray(ImageOps.mirror(small)))
    both = _seen_twice(plain, [(_mirrored(box, small.width), score) for box, score in mirrored])
    found: list[Box] = []
    for box, _ in sorted(both, key=lambda hit: hit[1], reverse=True):
        tall_enough = box[3] - box[1] >= HEIGHT_MIN * small.height
        if tall_enough and not any(_overlap(box, other) > 0.3 for other in found):
            found.append(box)
    return [clipped(_in_photo(box, scale), image.width, image.height) for box in found]


def _detect(gray: Gray) -> list[_Hit]:
    """Hits in pixels of `gray`."""
    cv2, rows, columns = load_opencv(), *_EDGE_PX
    padded = cv2.copyMakeBorder(gray, rows, rows, columns, columns, cv2.BORDER_REPLICATE)
    if padded.shape[0] < 128 or padded.shape[1] < 64:
        return []
    found, scores = _detector().detectMultiScale(padded, winStride=(8, 8), padding=(0, 0), scale=1.03)
    return [
        ((float(x - columns), float(y - rows), float(x + width - columns), float(y + height - rows)), float(score))
        for (x, y, width, height), score in zip(found, np.ravel(scores), strict=True)
    ]


@cache
def _detector() -> Any:
    cv2 = load_opencv()
    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    return detector


def _seen_twice(hits: list[_Hit], others: list[_Hit]) -> list[_Hit]:
    """Hits that overlap one of `others`, with the lower of the two scores, if that is high enough."""
    pairs = [(box, min(score, other)) for box, score in hits for twin, other in others if _overlap(box, twin) > 0.5]
    return [(box, score) for box, score in pairs if score >= SCORE_MIN]


def _overlap(box: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    return width * height / (areas - width * height)


def _mirrored(box: Box, width: int) -> Box:
    return width - box[2], box[1], width - box[0], box[3]


def _in_photo(box: Box, scale: float) -> Box:
    """The window without its upper and lower margin, in pixels of the photo."""
    x0, y0, x1, y1 = box
    margin = _MARGIN * (y1 - y0)
    return x0 / scale, (y0 + margin) / scale, x1 / scale, (y1 - margin) / scale
