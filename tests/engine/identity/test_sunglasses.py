"""Sunglasses are detected on a real face in daylight and in the dark; uncovered eyes are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from engine.identity.sunglasses import wears_sunglasses
from engine.vision.centerface import CenterFace


@pytest.fixture(scope="module")
def finder(fetched: Callable[[str], Path]) -> CenterFace:
    return CenterFace(fetched("centerface"))


def test_eyes_that_are_seen_are_no_sunglasses(
    finder: CenterFace, astronaut: Image.Image, group_photo: Image.Image
) -> None:
    for photo in (astronaut, group_photo):
        assert not any(wears_sunglasses(photo, face.landmarks) for face in finder.find(photo))


@pytest.mark.parametrize(
    "change",
    [lambda photo: photo, ImageOps.mirror, lambda photo: ImageEnhance.Brightness(photo).enhance(0.4),
     lambda photo: photo.rotate(15), lambda photo: photo.resize((200, 200))],
    ids=["as it is", "mirrored", "dark", "tilted", "small"],
)  # fmt: skip
def test_sunglasses_on_a_real_face_are_noticed(
    finder: CenterFace,
    astronaut: Image.Image,
    with_sunglasses: Callable[..., Image.Image],
    change: Callable[[Image.Image], Image.Image],
) -> None:
    photo = change(with_sunglasses(astronaut, finder.find(astronaut)[0]))
    assert wears_sunglasses(photo, finder.find(photo)[0].landmarks)


def test_nothing_is_reported_of_a_black_photo_and_of_a_face_without_landmarks(astronaut: Image.Image) -> None:
    landmarks = np.array(((100, 100), (140, 100), (120, 120), (105, 145), (135, 145)), np.float32)
    assert not wears_sunglasses(Image.new("RGB", (300, 300)), landmarks)
    assert not wears_sunglasses(astronaut, None)
