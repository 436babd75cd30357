"""Decodes the outputs of a single-shot detector: anchors, boxes, suppression of duplicates.

Liu et al., SSD: Single Shot MultiBox Detector, 2016; Bazarevsky et al., BlazeFace, 2019 (one anchor size; duplicates
are averaged by score in place of being dropped).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.observation import Box
from engine.vision.litert import sigmoid
from engine.vision.square import Square

DUPLICATE: Final = 0.3
"""Intersection over union above which two boxes show the same thing."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detection:
    """One detection: score 0 to 1, box px, points float32 [K, 2] px."""

    score: float
    box: Box
    points: Floats


def anchor_centres(size: int, layers: Sequence[tuple[int, int]]) -> Floats:
    """float32 [N, 2] x, y in px of an input of `size` px; of each layer the stride px and the anchors per cell."""
    centres = []
    for stride, count in layers:
        line = (np.arange(size // stride, dtype=np.float32) + 0.5) * stride
        y, x = np.meshgrid(line, line, indexing="ij")
        centres.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), count, 0))
    return np.concatenate(centres)


def detections(
    raw: Floats, logits: Floats, anchors: Floats, size: int, square: Square, score_min: float
) -> list[Detection]:
    """The detections with a score of `score_min` or more, by falling score, in px of the picture that `square` was cut
    from.

    `raw` [N, 4 + 2K]: centre x, y from the anchor, width, height, then K points from the anchor, in px of the input of
    `size`; `logits` [N, 1]. The square is upright."""
    scores = sigmoid(logits[:, 0])
    sure = np.flatnonzero(scores >= score_min)
    sure = sure[np.argsort(-scores[sure], kind="stable")]
    values, centres = raw[sure], anchors[sure]
    middle, half = values[:, :2] + centres, values[:, 2:4] / 2
    points = values[:, 4:].reshape(len(sure), (raw.shape[1] - 4) // 2, 2) + centres[:, None]
    corners = np.concatenate([(middle - half)[:, None], (middle + half)[:, None], points], 1)
    placed = square.on_picture((corners / size).astype(np.float32))
    return [
        Detection(score, (float(both[0, 0]), float(both[0, 1]), float(both[1, 0]), float(both[1, 1])), both[2:])
        for score, both in _without_duplicates(placed, scores[sure])
    ]


def _without_duplicates(found: Floats, scores: Floats) -> list[tuple[float, Floats]]:
    """`found` [N, 2 + K, 2] by falling score: each averaged, weighted by score, with the later ones that overlap it."""
    merged: list[tuple[float, Floats]] = []
    while len(found):
        same = overlaps(found[0, :2], found[:, :2]) > DUPLICATE
        same[0] = True
        merged.append((float(scores[0]), np.average(found[same], 0, scores[same]).astype(np.float32)))
        found, scores = found[~same], scores[~same]
    return merged


def overlaps(box: Floats, others: Floats) -> Floats:
    """Intersection over union of a box [2, 2] (upper left, lower right) with others [N, 2, 2]."""
    shared = np.minimum(box[1], others[:, 1]) - np.maximum(box[0], others[:, 0])
    both = shared.clip(0).prod(1)
    areas = (others[:, 1] - others[:, 0]).clip(0).prod(1) + (box[1] - box[0]).clip(0).prod()
    return np.asarray(both / np.maximum(areas - both, 1e-9), np.float32)
