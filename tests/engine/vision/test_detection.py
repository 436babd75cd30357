"""Raw outputs of a detector become boxes and points in pixels of the picture."""

from __future__ import annotations

import numpy as np
import pytest

from engine.vision.detection import anchor_centres, detections, overlaps
from engine.vision.square import Square

SIZE = 64
ANCHORS = anchor_centres(SIZE, ((16, 1), (32, 2)))


def raw_of(finds: dict[int, tuple[list[float], float]]) -> tuple[np.ndarray, np.ndarray]:
    """The raw output for anchor -> (values, logit); all other anchors have low scores."""
    raw, logits = np.zeros((len(ANCHORS), 6), np.float32), np.full((len(ANCHORS), 1), -1000, np.float32)
    for anchor, (values, logit) in finds.items():
        raw[anchor], logits[anchor] = values, logit
    return raw, logits


def test_anchors_lie_in_the_middle_of_their_cells() -> None:
    assert ANCHORS.shape == (16 + 8, 2)
    assert ANCHORS[:2].tolist() == [[8, 8], [24, 8]] and ANCHORS[16:19].tolist() == [[16, 16], [16, 16], [48, 16]]


def test_the_detectors_have_as_many_anchors_as_their_networks_have_outputs() -> None:
    from engine.vision import blazeface, blazepose

    assert len(anchor_centres(224, blazepose.LAYERS)) == 2254 and len(anchor_centres(192, blazeface.LAYERS)) == 2304


def test_boxes_and_points_count_from_the_anchor_in_pixels_of_the_picture() -> None:
    raw, logits = raw_of({5: ([4, 0, 16, 8, 0, -8], 2.0)})  # the anchor at (24, 24)
    square = Square(100, 50, 128)  # the upper left corner at (36, -14), two pixels per pixel of the input
    (found,) = detections(raw, logits, ANCHORS, SIZE, square, 0.5)
    assert found.box == pytest.approx((36 + 2 * 20, -14 + 2 * 20, 36 + 2 * 36, -14 + 2 * 28))
    assert found.points.tolist() == [[36 + 2 * 24, -14 + 2 * 16]]
    assert found.score == pytest.approx(0.8808, abs=1e-4)


def test_duplicates_are_averaged_by_score_and_others_stay() -> None:
    same, other = [0, 0, 20, 20, 0, 0], [0, 0, 10, 10, 0, 0]
    raw, logits = raw_of({0: (other, 3.0), 10: (same, 0.0), 20: ([8, -8, 20, 20, 0, 0], 1.0)})
    raw[20, :2] = ANCHORS[10] + (2, 0) - ANCHORS[20]  # two pixels to the right of the other
    found = detections(raw, logits, ANCHORS, SIZE, Square(32, 32, 64), 0.4)
    assert [round(find.score, 3) for find in found] == [0.953, 0.731]
    weight = 0.731 / (0.731 + 0.5)
    assert found[1].box[0] == pytest.approx(ANCHORS[10][0] - 10 + 2 * weight, abs=0.01)


def test_nothing_is_found_where_nothing_is_sure() -> None:
    raw, logits = raw_of({})
    assert detections(raw, logits, ANCHORS, SIZE, Square(32, 32, 64), 0.5) == []


def test_overlap_is_intersection_over_union() -> None:
    box = np.array([[0, 0], [2, 2]], np.float32)
    others = np.array([[[0, 0], [2, 2]], [[1, 0], [3, 2]], [[5, 5], [6, 6]], [[1, 1], [1, 1]]], np.float32)
    assert overlaps(box, others) == pytest.approx([1, 1 / 3, 0, 0])
