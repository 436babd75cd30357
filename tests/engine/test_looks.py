"""Filters of the finished picture: each changes it clearly, in its own way, and always in the same way."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.looks import LOOKS, apply_look
from engine.looks.sheet import draw_sheet

MARGIN = 8.0
"""Mean difference of the pixels, of 255 levels."""
SIZES = [(160, 240), (321, 239), (16, 24), (1, 1)]


def _pixels(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture, np.float32)


def _difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(_pixels(one) - _pixels(other)).mean())


@pytest.fixture(scope="module")
def looks(astronaut: Image.Image) -> dict[str, Image.Image]:
    return {name: apply_look(astronaut, name, 1) for name in LOOKS}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_changes_the_picture_clearly(name: str, astronaut: Image.Image, looks: dict[str, Image.Image]) -> None:
    assert _difference(astronaut, looks[name]) > MARGIN


@pytest.mark.parametrize("pair", [*combinations(LOOKS, 2)], ids="-".join)
def test_two_looks_differ_clearly(pair: tuple[str, str], looks: dict[str, Image.Image]) -> None:
    assert _difference(looks[pair[0]], looks[pair[1]]) > MARGIN


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_keeps_size_and_mode_and_depends_on_picture_and_seed_alone(name: str, astronaut: Image.Image) -> None:
    for size in SIZES:
        picture = astronaut.resize(size)
        before = picture.copy()
        look = apply_look(picture, name, 5)
        assert (look.size, look.mode) == (size, "RGB")
        assert np.array_equal(_pixels(look), _pixels(apply_look(picture, name, 5)))
        assert np.array_equal(_pixels(picture), _pixels(before))


@pytest.mark.parametrize("name", LOOKS)
def test_a_large_picture_keeps_its_size(name: str, astronaut: Image.Image) -> None:
    assert apply_look(astronaut.resize((1280, 853)), name).size == (1280, 853)


@pytest.mark.parametrize("colour", ["black", "white", "gray"])
@pytest.mark.parametrize("name", LOOKS)
def test_a_picture_of_one_colour_is_no_obstacle(name: str, colour: str) -> None:
    assert apply_look(Image.new("RGB", (64, 96), colour), name).size == (64, 96)


@pytest.mark.parametrize("name", ["film", "sketch"])
def test_film_and_pencil_have_no_colours(name: str, looks: dict[str, Image.Image]) -> None:
    pixels = _pixels(looks[name])
    assert (pixels.max(2) - pixels.min(2)).max() <= 10


def test_pixel_art_has_few_colours_in_squares(astronaut: Image.Image) -> None:
    pixels = np.asarray(apply_look(astronaut.resize((640, 960)), "pixel"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) <= 20
    squares = pixels.reshape(120, 8, 80, 8, 3)
    assert (squares == squares[:, :1, :, :1]).all()


def test_the_seed_moves_the_grain() -> None:
    grey = Image.new("RGB", (160, 240), "gray")
    assert _difference(apply_look(grey, "film", 1), apply_look(grey, "film", 2)) > 1


def test_an_unknown_look_is_an_error(astronaut: Image.Image) -> None:
    with pytest.raises(KeyError):
        apply_look(astronaut, "baroque")


def test_the_sheet_shows_the_picture_and_every_look(astronaut: Image.Image) -> None:
    sheet = _pixels(draw_sheet(astronaut.resize((160, 240))))
    tile = sheet[8 : 8 + 480, 8 : 8 + 320]
    assert np.array_equal(tile, _pixels(astronaut.resize((160, 240)).resize((320, 480), Image.Resampling.LANCZOS)))
    rows = -(-(len(LOOKS) + 1) // 4)
    assert sheet.shape == (rows * (480 + 30 + 8) + 8, 4 * (320 + 8) + 8, 3)
