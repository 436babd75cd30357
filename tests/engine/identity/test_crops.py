"""The crops of the person and of the head."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.identity.crops import body_box_from_face, body_crop, clipped, edge_colour, head_box, head_crop

GREEN, RED = (10, 200, 30), (220, 20, 40)


def _photo(width: int, height: int, box: tuple[int, int, int, int]) -> Image.Image:
    """Green, with a red rectangle."""
    photo = Image.new("RGB", (width, height), GREEN)
    photo.paste(RED, box)
    return photo


def _red_box(picture: Image.Image) -> tuple[int, int, int, int]:
    red = np.asarray(picture)[:, :, 0] > 115
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_a_whole_photo_of_the_right_size_is_not_touched(astronaut: Image.Image) -> None:
    photo = astronaut.crop((0, 0, 128, 192))
    assert np.array_equal(np.asarray(body_crop(photo, None)), np.asarray(photo))


def test_the_body_is_centred_and_nothing_is_stretched() -> None:
    crop = body_crop(_photo(400, 300, (180, 100, 220, 200)), (180, 100, 220, 200))
    left, top, right, bottom = _red_box(crop)
    assert crop.size == (128, 192)
    assert abs((left + right) / 2 - 64) <= 1 and abs((top + bottom) / 2 - 96) <= 1
    assert (bottom - top) / (right - left) == pytest.approx(100 / 40, rel=0.05)


def test_the_body_fills_the_crop_but_for_a_margin() -> None:
    _, top, _, bottom = _red_box(body_crop(_photo(400, 300, (180, 100, 220, 200)), (180, 100, 220, 200)))
    assert (bottom - top) / 192 == pytest.approx(1 / 1.1, abs=0.02)


def test_a_body_in_the_corner_stays_centred_on_the_colour_of_the_edge() -> None:
    crop = body_crop(_photo(300, 300, (0, 0, 40, 100)), (0, 0, 40, 100))
    left, top, right, bottom = _red_box(crop)
    assert abs((left + right) / 2 - 64) <= 1 and abs((top + bottom) / 2 - 96) <= 1
    outside = np.asarray(crop)[96, 0]
    assert outside[1] > 120 > outside[0]


def test_a_wide_photo_keeps_its_full_width() -> None:
    crop = body_crop(_photo(300, 100, (0, 0, 300, 100)), None)
    assert _red_box(crop) == (0, 75, 128, 117) or _red_box(crop)[2] - _red_box(crop)[0] == 128


def test_the_head_window_takes_in_hair_and_chin() -> None:
    x0, y0, x1, y1 = head_box((100, 100, 140, 150))
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert (x1 - x0) > 1.8 * 50
    assert 100 - y0 > y1 - 150 > 0
    assert (x0 + x1) / 2 == pytest.approx(120)


def test_the_head_is_cut_where_the_face_is() -> None:
    face = (100, 80, 140, 130)
    left, top, right, bottom = _red_box(head_crop(_photo(300, 300, face), face, 32))
    assert abs((left + right) / 2 - 16) <= 1
    assert (top + bottom) / 2 > 16
    assert (bottom - top) == pytest.approx(32 / 1.9, abs=1.5)


def test_shrinking_averages_over_the_area() -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (960, 640, 3), np.uint8))
    crop = np.asarray(body_crop(noise, None, 64, 96), np.float64)
    assert crop.mean() == pytest.approx(127.5, abs=2)
    assert crop.std() < 15


@pytest.mark.parametrize("box", [(-50, -50, 20, 20), (290, 290, 400, 500), (10, 10, 10, 10), (500, 500, 600, 600)])
def test_any_box_gives_a_picture_of_the_asked_size(box: tuple[int, int, int, int]) -> None:
    photo = _photo(300, 300, (0, 0, 10, 10))
    assert body_crop(photo, box, 40, 60).size == (40, 60)
    assert head_crop(photo, box, 32).size == (32, 32)


def test_a_grey_photo_gives_an_rgb_crop() -> None:
    assert body_crop(Image.new("L", (50, 90), 40), None).mode == "RGB"


def test_the_edge_colour_is_the_mean_of_the_four_edges() -> None:
    photo = Image.new("RGB", (10, 10), (0, 0, 0))
    photo.paste((200, 100, 40), (0, 0, 10, 1))
    red, green, blue = edge_colour(photo)
    assert (red, green, blue) == (60, 30, 12)


def test_an_upright_body_hangs_below_its_face_inside_the_photo() -> None:
    x0, y0, x1, y1 = body_box_from_face((95, 40, 109, 57), 200, 400)
    assert y0 < 40 and y1 > 40 + 9 * 17
    assert x0 < 95 and x1 > 109
    assert body_box_from_face((95, 40, 109, 57), 200, 100)[3] == 100


def test_clipping_leaves_at_least_a_pixel() -> None:
    x0, y0, x1, y1 = clipped((500, -20, 600, -10), 100, 80)
    assert 0 <= x0 < x1 <= 100 and 0 <= y0 < y1 <= 80
