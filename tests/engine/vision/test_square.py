"""Squares of a picture: crops and points agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from engine.vision.square import Square, as_rgb, upright


def spot(x: int, y: int, height: int = 120, width: int = 200, radius: int = 4) -> np.ndarray:
    """A black picture with a white disc about the corner (x, y) between pixels."""
    rows, columns = np.indices((height, width)) + 0.5
    disc = ((columns - x) ** 2 + (rows - y) ** 2) < radius**2
    return np.repeat((disc * 255).astype(np.uint8)[..., None], 3, 2)


def middle(picture: np.ndarray) -> np.ndarray:
    """x, y of the bright pixels' centre of gravity, in sides of the picture."""
    weights = picture[..., 0].astype(float)
    rows, columns = np.indices(weights.shape) + 0.5
    x, y = (columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()
    return np.array([x / weights.shape[1], y / weights.shape[0]])


@pytest.mark.parametrize("size", [32, 50, 200])
@pytest.mark.parametrize("angle", [0.0, 0.6, -2.0])
def test_a_point_of_the_crop_comes_back_to_where_it_was(size: int, angle: float) -> None:
    square = Square(90, 65, 100, angle)
    found = middle(square.crop(spot(70, 50), size, repeat_edge=False))
    assert square.on_picture(found.astype(np.float32)) == pytest.approx([70, 50], abs=0.5)


def test_a_large_picture_is_averaged_and_keeps_its_places() -> None:
    picture = spot(700, 500, 1201, 1999, radius=150)
    square = Square.around(picture)
    cropped = square.crop(picture, 64, repeat_edge=False)
    assert cropped.max() > 0
    assert square.on_picture(middle(cropped).astype(np.float32)) == pytest.approx([700, 500], abs=4)


def test_what_lies_off_the_picture_is_black_or_the_edge() -> None:
    white = np.full((20, 40, 3), 255, np.uint8)
    square = Square.around(white)
    assert square.crop(white, 40, repeat_edge=False)[0].max() == 0
    assert square.crop(white, 40, repeat_edge=True).min() == 255


@pytest.mark.parametrize(("x", "y", "degrees"), [(0, -1, 0), (1, 0, 90), (0, 1, 180), (-1, 0, -90), (1, -1, 45)])
def test_angles_are_clockwise_from_up(x: float, y: float, degrees: float) -> None:
    assert math.degrees(upright(x, y)) == pytest.approx(degrees)


def test_the_second_point_lies_straight_above_the_first() -> None:
    start, end = np.array([50, 60], np.float32), np.array([80, 60], np.float32)
    square = Square.about(start, end, margin=1.25)
    assert square.side == 75
    assert square.on_picture(np.array([0.5, 0.1], np.float32)) == pytest.approx(end, abs=1e-3)


def test_a_mask_comes_back_to_where_it_was_cut() -> None:
    rows, columns = np.indices((120, 200)) + 0.5
    mask = (((columns - 100) / 40) ** 2 + ((rows - 60) / 20) ** 2 < 1).astype(np.uint8) * 255
    square = Square(100, 60, 160, 0.5)
    cropped = square.crop(np.repeat(mask[..., None], 3, 2), 128, repeat_edge=False)
    back = square.paste(cropped[..., 0].astype(np.float32) / 255, 120, 200)
    assert back.shape == (120, 200)
    assert np.abs(back - mask / 255).mean() < 0.01


def test_pictures_of_other_types_are_refused_or_converted() -> None:
    assert as_rgb(Image.new("RGBA", (4, 3), (10, 20, 30, 40)))[0, 0].tolist() == [10, 20, 30]
    with pytest.raises(ValueError, match="expected a picture uint8"):
        as_rgb(np.zeros((3, 4, 3), np.float32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected a picture uint8"):
        as_rgb(np.zeros((3, 4), np.uint8))
