"""The second pass redraws small heads alone, and its paste leaves no seam."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.backbones.head_pass import FEATHER, blend_head, feather, square_around, wants_pass

SIZE = (200, 300)
FACE = (90.0, 30.0, 110.0, 58.0)


def test_small_faces_are_drawn_again_and_large_or_tiny_ones_are_not() -> None:
    assert wants_pass(FACE, SIZE)
    assert not wants_pass((50, 30, 150, 150), SIZE), "a portrait"
    assert not wants_pass((90, 30, 96, 38), SIZE), "too few px to be sure of"


@pytest.mark.parametrize("face", [FACE, (0.0, 0.0, 24.0, 28.0), (176.0, 270.0, 200.0, 299.0)])
def test_the_square_lies_in_the_picture_and_holds_the_face(face: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = square_around(face, SIZE)
    assert left >= 0 and top >= 0 and right <= SIZE[0] and bottom <= SIZE[1]
    assert right - left == bottom - top
    assert left <= face[0] and top <= face[1] and face[2] <= right and face[3] <= bottom


def test_the_square_of_a_face_as_wide_as_the_picture_is_as_wide() -> None:
    left, _, right, _ = square_around((10, 20, 190, 220), SIZE)
    assert (left, right) == (0, SIZE[0])


def test_the_new_head_fades_into_the_picture() -> None:
    square = square_around(FACE, SIZE)
    picture, head = Image.new("RGB", SIZE, (40, 40, 40)), Image.new("RGB", (512, 512), (240, 240, 240))
    pasted = np.asarray(blend_head(picture, head, square), int)[..., 0]
    left, top, right, bottom = square
    outside = np.ones(pasted.shape, np.bool_)
    outside[top + 1 : bottom - 1, left + 1 : right - 1] = False
    assert (pasted[outside] == 40).all(), "neither the surroundings nor the rim change"
    assert pasted[(top + bottom) // 2, (left + right) // 2] == 240
    rim = round((right - left) * FEATHER)
    steepest = max(np.abs(np.diff(pasted, axis=axis)).max() for axis in (0, 1))
    assert steepest <= 200 * 1.6 / rim, "no step is much steeper than a smooth fade over the rim"


def test_nothing_fades_towards_a_side_of_the_picture() -> None:
    at_top = feather(square_around((90.0, 0.0, 110.0, 28.0), SIZE), SIZE)
    alpha = np.asarray(at_top)
    assert alpha[0, alpha.shape[1] // 2] == 255 and alpha[-1, alpha.shape[1] // 2] == 0
