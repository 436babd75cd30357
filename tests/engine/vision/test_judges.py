"""Nudity and ages on real photos of adults, and on what is no photo of a person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from engine.identity.faces import Face
from engine.vision.age import FACE_MIN_PX, AgeNetwork, face_chip
from engine.vision.centerface import CenterFace
from engine.vision.nudity import NudityNetwork


@pytest.fixture(scope="module")
def ages(fetched: Callable[[str], Path]) -> AgeNetwork:
    return AgeNetwork(fetched("age"))


@pytest.fixture(scope="module")
def centerface(fetched: Callable[[str], Path]) -> CenterFace:
    return CenterFace(fetched("centerface"))


def test_adults_are_adults(
    ages: AgeNetwork, centerface: CenterFace, astronaut: Image.Image, group_photo: Image.Image
) -> None:
    for photo in (astronaut, group_photo):
        for face in centerface.find(photo):
            years = float((ages.distribution(photo, face) * np.arange(81)).sum())
            assert 22 < years < 50 and ages.minor_probability(photo, face) < 0.1


def test_on_a_turned_photo_an_adult_stays_one(ages: AgeNetwork, centerface: CenterFace, astronaut: Image.Image) -> None:
    for degrees in (-30, -15, 15, 30):
        turned = astronaut.rotate(degrees, Image.Resampling.BICUBIC)
        (face,) = centerface.find(turned)
        years = float((ages.distribution(turned, face) * np.arange(81)).sum())
        assert 25 < years < 50 and ages.minor_probability(turned, face) < 0.1


def test_a_face_is_cut_out_by_its_box_where_it_has_no_landmarks(centerface: CenterFace, astronaut: Image.Image) -> None:
    (face,) = centerface.find(astronaut)
    by_landmarks, by_box = (face_chip(astronaut, found).astype(float) for found in (face, Face(face.box)))
    assert by_landmarks.shape == by_box.shape == (64, 64, 3)
    assert np.abs(by_landmarks - by_box).mean() < 45


def test_small_faces_are_not_judged(ages: AgeNetwork, astronaut: Image.Image) -> None:
    assert ages.minor_probability(astronaut, Face((200, 100, 200 + FACE_MIN_PX - 1, 100 + FACE_MIN_PX - 1))) == 0


def test_clothed_people_and_things_show_no_nudity(
    fetched: Callable[[str], Path], astronaut: Image.Image, group_photo: Image.Image
) -> None:
    nudity = NudityNetwork(fetched("nudity"))
    things = [Image.fromarray(getattr(skimage.data, name)()) for name in ("coffee", "chelsea", "rocket")]
    for photo in (astronaut, group_photo, group_photo.crop((0, 0, 1280, 300)), *things):
        assert 0 <= nudity.probability(photo) < 0.2
