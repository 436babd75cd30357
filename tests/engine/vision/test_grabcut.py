"""Masks moved to edges of colour."""

from __future__ import annotations

import numpy as np

from engine.vision.grabcut import WEIGHT, along_colours

PICTURE = np.full((120, 120, 3), (40, 90, 160), np.uint8)
PICTURE[20:100, 40:80] = (200, 60, 30)
"""A red rectangle on blue."""
SHIFTED = np.zeros((120, 120), np.float32)
SHIFTED[20:100, 46:86] = 0.6
SHIFTED[30:90, 55:70] = 1.0
"""The rectangle's mask, too far right, sure in the middle alone."""


def test_the_mask_moves_to_the_edge_of_colour() -> None:
    moved = along_colours(PICTURE, SHIFTED)
    assert moved.shape == SHIFTED.shape and moved.dtype == np.float32
    assert moved[60, 50] > SHIFTED[60, 50] and moved[60, 84] < SHIFTED[60, 84]  # red, inside; blue, outside
    assert moved[60, 84] < 0.5 < moved[60, 50]


def test_the_cut_has_a_share_of_the_mask_and_repeats_exactly() -> None:
    moved = along_colours(PICTURE, SHIFTED)
    assert np.abs(moved - SHIFTED).max() <= WEIGHT + 1e-6
    assert (along_colours(PICTURE, SHIFTED) == moved).all()


def test_a_mask_without_sure_pixels_is_unchanged() -> None:
    for value in (0.0, 0.6, 1.0):
        mask = np.full((120, 120), value, np.float32)
        assert along_colours(PICTURE, mask) is mask


def test_a_tiny_picture_can_be_cut() -> None:
    mask = np.ones((1, 1), np.float32)
    assert along_colours(np.zeros((1, 1, 3), np.uint8), mask) is mask
