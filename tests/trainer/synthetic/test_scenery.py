"""Backgrounds and styles: each differs from the others."""

import itertools

import numpy as np
import pytest

from trainer.synthetic import BACKGROUNDS, STYLES
from trainer.synthetic.backgrounds import paint
from trainer.synthetic.styles import apply_style, style_phrase


def test_backgrounds_differ_from_each_other_and_from_draw_to_draw() -> None:
    means = {}
    for name in BACKGROUNDS:
        first, second = (paint(name, seed, 96, 64, 45.0, 0.004) for seed in (1, 2))
        assert first.shape == (96, 64, 3) and first.min() >= 0 and first.max() <= 1
        assert np.abs(first - second).mean() > 0.001
        means[name] = first.reshape(4, 24, 64, 3).mean(axis=(1, 2)).ravel()
    for a, b in itertools.combinations(BACKGROUNDS, 2):
        assert np.abs(means[a] - means[b]).mean() > 0.02, (a, b)


def test_the_same_seed_paints_the_same_background() -> None:
    assert np.array_equal(paint("forest", 7, 48, 32, 20.0, 0.0), paint("forest", 7, 48, 32, 20.0, 0.0))


@pytest.mark.parametrize("name", STYLES)
def test_a_style_keeps_the_shape_and_changes_the_picture(name: str) -> None:
    image = (paint("street", 1, 96, 64, 45.0, 0.0) * 255).astype(np.uint8)
    drawn = apply_style(image, name)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert np.abs(drawn.astype(int) - image).mean() > 4
    assert style_phrase(name, "en") and style_phrase(name, "ru")


@pytest.mark.parametrize("name", ["pencil sketch", "black and white film"])
def test_colourless_styles_have_no_colour(name: str) -> None:
    image = (paint("flowers", 1, 96, 64, 45.0, 0.0) * 255).astype(np.uint8)
    drawn = apply_style(image, name)
    assert np.array_equal(drawn[:, :, 0], drawn[:, :, 2])
