"""Weights around the joints of a body."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.identity.body_weighting import keypoint_weights, weighted


def _joints(*points: tuple[float, float, float]) -> np.ndarray:
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[: len(points)] = points
    return keypoints


def test_the_weight_is_the_papers_formula() -> None:
    weights = keypoint_weights(_joints((10.5, 20.5, 1.0), (30.5, 20.5, 0.9)), 40, 60, sigma=0.1, alpha=0.25)
    assert weights.shape == (60, 40) and weights[20, 10] == pytest.approx(1.0) == weights[20, 30]
    assert weights[26, 10] == pytest.approx(0.25 + 0.75 * np.exp(-0.5)), "sigma is a share of the height"
    assert weights[20, 20] == pytest.approx(0.25 + 0.75 * np.exp(-100 / 72)), "the nearer joint counts, not the sum"
    assert weights.min() >= 0.25


def test_a_joint_that_is_not_seen_weighs_nothing() -> None:
    only = keypoint_weights(_joints((10, 10, 1.0)), 40, 60)
    assert np.array_equal(only, keypoint_weights(_joints((10, 10, 1.0), (35, 50, 0.1)), 40, 60))
    assert (keypoint_weights(_joints((10, 10, 0.1)), 40, 60) == 1).all(), "nobody there: nothing is damped"
    assert (keypoint_weights(_joints((1e6, 1e6, 1.0)), 40, 60) == 1).all()


def test_what_is_far_from_the_body_is_damped_and_not_erased() -> None:
    picture = np.asarray(weighted(Image.new("RGB", (40, 60), (200, 100, 50)), _joints((8, 8, 1.0)), alpha=0.25))
    assert picture[8, 8, 0] > 190 and picture[59, 39].tolist() == [50, 25, 12]
