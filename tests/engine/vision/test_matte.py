"""The matte of salient objects on a photo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.vision.matte import Matte


@pytest.fixture(scope="module")
def matte(fetched: Callable[[str], Path]) -> Matte:
    return Matte(fetched("u2netp"))


def test_the_person_is_foreground_and_the_flag_is_not(matte: Matte, astronaut: Image.Image) -> None:
    mask = matte.mask(astronaut)
    assert mask.shape == (512, 512) and mask.dtype == np.float32
    assert mask[90:170, 190:255].min() > 0.9 and mask[300:450, 100:250].mean() > 0.9
    assert mask[10:130, 10:130].max() < 0.2 and mask.min() >= 0 and mask.max() <= 1


def test_plain_and_tiny_pictures_can_be_read(matte: Matte) -> None:
    for size in ((1, 1), (700, 30)):
        assert np.isfinite(matte.mask(Image.new("RGB", size))).all()
