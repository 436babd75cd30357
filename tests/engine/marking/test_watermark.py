"""An invisible mark, read back from the pixels alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.marking.watermark import FALSE_POSITIVE_RATE, STRENGTHS, THRESHOLD, Watermark

SIZES = [(128, 192), (192, 128), (256, 384), (1024, 1024)]
WATERMARK = Watermark("a key of the tests")


def _jpeg(picture: Image.Image, quality: int = 75) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _long_side(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def pair(request: pytest.FixtureRequest, astronaut: Image.Image) -> tuple[Image.Image, Image.Image]:
    """A photo, and the same with the mark."""
    photo = astronaut.resize(request.param)
    return photo, WATERMARK.mark(photo)


def test_the_mark_is_read_after_jpeg_and_a_resize_in_either_order(pair: tuple[Image.Image, Image.Image]) -> None:
    photo, marked = pair
    for treated in (marked, _long_side(_jpeg(marked), 1280), _jpeg(_long_side(marked, 1280))):
        assert WATERMARK.found(treated)
    assert not WATERMARK.found(photo)
    assert not WATERMARK.found(_jpeg(_long_side(photo, 1280)))


def test_the_mark_is_faint(pair: tuple[Image.Image, Image.Image]) -> None:
    photo, marked = pair
    assert marked.size == photo.size and marked.mode == "RGB"
    difference = np.asarray(marked, np.float32) - np.asarray(photo, np.float32)
    assert 0 < np.sqrt((difference**2).mean()) <= STRENGTHS[-1]
    assert np.ptp(difference, axis=2).mean() < 0.2, "the colours stay, the lightness changes"


def test_another_key_reads_nothing(pair: tuple[Image.Image, Image.Image]) -> None:
    assert not Watermark("another key").found(pair[1])


def test_a_smaller_copy_of_a_large_picture_keeps_the_mark(astronaut: Image.Image) -> None:
    assert WATERMARK.found(_jpeg(_long_side(WATERMARK.mark(astronaut.resize((1024, 1024))), 640)))


def test_scores_without_the_mark_spread_as_chance_has_it(astronaut: Image.Image) -> None:
    photo = astronaut.resize((128, 192))
    scores = [Watermark(f"key {number}").score(photo) for number in range(150)]
    assert 0.7 < np.std(scores) < 1.3
    assert abs(np.mean(scores)) < 1.5, "the best of several sizes lies a little above zero"
    assert max(scores) < THRESHOLD
    assert FALSE_POSITIVE_RATE <= 1e-6


@pytest.mark.parametrize("colour", ["white", "black", (120, 130, 140)])
def test_a_plain_picture_is_not_mistaken_for_a_marked_one_and_can_be_marked(colour: str | tuple[int, int, int]) -> None:
    plain = Image.new("RGB", (128, 192), colour)
    assert not WATERMARK.found(plain)
    assert WATERMARK.found(WATERMARK.mark(plain))


@pytest.mark.parametrize("size", [(8, 8), (40, 64), (300, 30), (2000, 90)])
def test_odd_sizes_are_no_error(size: tuple[int, int]) -> None:
    assert WATERMARK.mark(Image.new("RGBA", size, "teal")).size == size


def test_the_key_is_not_shown() -> None:
    assert "a key" not in repr(WATERMARK)
