"""Real photos: the colours of a photo are nearer to itself than to another person's photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from engine.contract import Settings
from engine.vision.blazepose import DetectedPose
from trainer.gates.drawing import Studio
from trainer.gates.people_reader import PeopleReader
from trainer.gates.real import PUBLIC, SCENES, RealPerson, measure_real, real_people, regions_of
from trainer.synthetic.parts import Part

COLOURS = ((200, 40, 40), (40, 60, 200))


def standing() -> DetectedPose:
    """A person of 160 x 240 px who fills the picture's middle."""
    landmarks = np.zeros((33, 5), np.float32)
    places = {3: (90, 40), 6: (70, 40), 9: (86, 56), 10: (74, 56), 11: (110, 80), 12: (50, 80), 23: (100, 150)}
    for number, place in (places | {24: (60, 150)}).items():
        landmarks[number, :2] = place
    return DetectedPose(landmarks, np.ones((240, 160), np.float32), 1.0)


class Standing:
    def pose(self, picture: np.ndarray) -> DetectedPose | None:
        return standing()


def test_regions_lie_where_face_hair_and_top_are() -> None:
    photo = np.zeros((240, 160, 3), np.uint8)
    regions = regions_of(photo, standing())
    assert regions[110, 80] == Part.TOP and regions[48, 80] == Part.SKIN and regions[18, 80] == Part.HAIR
    assert regions[200, 80] == regions[110, 5] == Part.BACKGROUND
    assert not regions_of(photo, None).any()


@pytest.mark.parametrize(("swapped", "expected"), [(False, 1.0), (True, 0.0)])
def test_the_right_photo_wins_by_its_colours(
    swapped: bool, expected: float, tmp_path: Path, no_faces: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [np.full((240, 160, 3), colour, np.uint8) for colour in COLOURS]
    people = [RealPerson(str(k), photo, regions_of(photo, standing())) for k, photo in enumerate(photos)]
    drawn = np.repeat(np.stack(photos[::-1] if swapped else photos), len(SCENES), axis=0)
    monkeypatch.setattr(Studio, "draw", lambda self, what, requests: drawn)
    studio = Studio(None, "", no_faces, None, tmp_path)  # type: ignore[arg-type]
    result = measure_real(studio, people, Standing(), Settings())  # type: ignore[arg-type]
    assert result.figures["real_reference_wins"].value == expected
    assert (result.figures["top_de2000"].value < 1) == (not swapped)
    assert result.of("1")[1].shape == (len(SCENES), 240, 160, 3)


def test_the_photos_of_the_public_domain_have_all_regions(mediapipe: PeopleReader, no_faces: object) -> None:
    people = real_people(mediapipe, no_faces)  # type: ignore[arg-type]
    assert [person.name for person in people] == list(PUBLIC)
    assert (people[0].photo == skimage.data.astronaut()).all()
    for person in people:
        assert {Part.SKIN, Part.HAIR, Part.TOP} <= {Part(value) for value in np.unique(person.regions)}
