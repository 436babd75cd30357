"""Faces of one person are near each other, those of two people are not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from engine.identity.faces import Face
from engine.vision.centerface import CenterFace
from engine.vision.face_descriptor import FACE_MIN_PX, SIZE, FaceDescriptor, _parameters


@pytest.fixture(scope="module")
def faces(fetched: Callable[[str], Path]) -> Callable[[Image.Image], list[NDArray[np.float32] | None]]:
    """The numbers of all faces on a photo, the largest first."""
    descriptor, finder = FaceDescriptor(fetched("same_person")), CenterFace(fetched("centerface"))
    return lambda image: [descriptor.describe(image, face) for face in finder.find(image)]


@pytest.mark.parametrize(
    "change",
    [ImageOps.mirror, lambda image: image.rotate(20), ImageOps.grayscale, lambda image: image.resize((300, 300)),
     lambda image: ImageEnhance.Brightness(image).enhance(0.4)],
    ids=["mirrored", "tilted", "grey", "small", "dark"],
)  # fmt: skip
def test_a_changed_photo_shows_the_same_person(
    faces: Callable[..., list[NDArray[np.float32]]],
    astronaut: Image.Image,
    change: Callable[[Image.Image], Image.Image],
) -> None:
    ((face,), (other,)) = faces(astronaut), faces(change(astronaut).convert("RGB"))
    assert face.shape == (SIZE,) and np.linalg.norm(face - other) < 0.9


def test_the_people_of_a_group_and_another_one_are_all_different(
    faces: Callable[..., list[NDArray[np.float32]]], astronaut: Image.Image, group_photo: Image.Image
) -> None:
    everybody = [*faces(group_photo), *faces(astronaut)]
    assert len(everybody) == 7
    assert min(float(np.linalg.norm(one - other)) for one, other in combinations(everybody, 2)) > 1


def test_nothing_is_said_of_small_faces_and_of_those_without_landmarks(
    fetched: Callable[[str], Path], astronaut: Image.Image
) -> None:
    descriptor = FaceDescriptor(fetched("same_person"))
    landmarks = np.array(((10, 10), (20, 10), (15, 15), (10, 20), (20, 20)), np.float32)
    assert descriptor.describe(astronaut, Face((0, 0, FACE_MIN_PX - 1, FACE_MIN_PX - 1), landmarks)) is None
    assert descriptor.describe(astronaut, Face((180, 70, 290, 200))) is None


def test_another_file_is_no_network() -> None:
    with pytest.raises(ValueError, match="0 convolutions of 29"):
        _parameters(b"\x01\x0212 another network")
