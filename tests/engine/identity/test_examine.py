"""The examination of reference photos, on real ones."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageEnhance, ImageFilter

from engine.contract import Verdict
from engine.identity.body import Body, DetectedPerson
from engine.identity.examine import ReferenceFindings, examine, observe
from engine.identity.faces import Face, FaceFinder, InsightFaceFinder
from engine.identity.person_parser import ShippedParser
from engine.identity.profile import Box, Observation


class _Blind:
    """Finds no face, as on a photo from behind."""

    name = "blind"

    def find(self, image: Image.Image) -> list[Face]:
        return []


class _Knowing:
    """Finds the faces that the test gives."""

    name = "knowing"

    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes

    def find(self, image: Image.Image) -> list[Face]:
        return sorted(map(Face, self._boxes), key=lambda face: face.side_px, reverse=True)


def _on_canvas(photo: Image.Image, size: tuple[int, int], *places: tuple[int, int, int]) -> Image.Image:
    """Copies of a square `photo`, each as (x, y, side), on grey."""
    canvas = Image.new("RGB", size, (128, 128, 128))
    for x, y, side in places:
        canvas.paste(photo.resize((side, side)), (x, y))
    return canvas


def test_a_portrait_is_accepted_with_what_was_seen(astronaut: Image.Image, finder: FaceFinder) -> None:
    look = examine(astronaut, finder)
    observation = look.observation
    assert (look.verdict, len(look.people)) == (Verdict.ACCEPTED, 1)
    assert observation is not None and observation.face_box is not None and observation.body_box is not None
    assert (observation.width, observation.height) == (512, 512)
    assert observation.body_box[3] == 512 and observation.body_box[1] < observation.face_box[1]
    assert observation.quality > 0.8


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_a_photo_without_a_person_is_refused(name: str, finder: FaceFinder) -> None:
    photo = Image.fromarray(getattr(skimage.data, name)())
    assert examine(photo, finder) == ReferenceFindings(Verdict.NO_PERSON)


def test_a_group_photo_is_refused(group_photo: Image.Image, finder: FaceFinder) -> None:
    look = examine(group_photo, finder)
    assert look.verdict is Verdict.SEVERAL_PEOPLE and len(look.people) >= 5 and look.observation is None


def test_a_person_standing_in_full_length_counts_without_a_face(standing: Image.Image, shipped: ShippedParser) -> None:
    look = examine(standing, _Blind(), shipped)
    assert (look.verdict, len(look.people)) == (Verdict.ACCEPTED, 1)
    observation = look.observation
    assert observation is not None and observation.face_box is None and observation.body_box is not None
    x0, y0, x1, y1 = observation.body_box
    assert x0 < 60 and x1 > 95 and y0 < 40 and y1 > 150


def test_the_small_face_of_a_full_length_photo_is_found(standing: Image.Image, finder: FaceFinder) -> None:
    look = examine(standing, finder)
    observation = look.observation
    assert (look.verdict, len(look.people)) == (Verdict.ACCEPTED, 1)
    assert observation is not None and observation.face_box is not None and observation.body_box is not None
    _, top, _, bottom = observation.face_box
    assert 8 < bottom - top < 32 and bottom < 45
    assert observation.body_box[3] > 160


def test_two_people_alike_in_size_are_refused(astronaut: Image.Image, finder: FaceFinder) -> None:
    pair = _on_canvas(astronaut, (1000, 512), (0, 0, 500), (500, 60, 400))
    look = examine(pair, finder)
    assert look.verdict is Verdict.SEVERAL_PEOPLE and [box[0] + box[2] < 1000 for box in look.people] == [True, False]


def test_a_small_face_in_the_background_does_not_count(astronaut: Image.Image, finder: FaceFinder) -> None:
    photo = _on_canvas(astronaut, (800, 512), (0, 0, 512), (560, 20, 200))
    look = examine(photo, finder)
    observation = look.observation
    assert (look.verdict, len(look.people)) == (Verdict.ACCEPTED, 1)
    assert observation is not None and observation.face_box is not None
    assert observation.face_box[2] < 512


def test_a_blurred_face_is_refused_and_a_soft_one_is_not(astronaut: Image.Image, finder: FaceFinder) -> None:
    assert examine(astronaut.filter(ImageFilter.GaussianBlur(3)), finder).verdict is Verdict.ACCEPTED
    box = (175, 55, 275, 180)
    blurred = astronaut.filter(ImageFilter.GaussianBlur(9))
    assert examine(blurred, _Knowing(box)).verdict is Verdict.TOO_BLURRED


def test_a_dark_photo_is_refused_and_a_dim_one_is_not(astronaut: Image.Image, finder: FaceFinder) -> None:
    assert examine(ImageEnhance.Brightness(astronaut).enhance(0.4), finder).verdict is Verdict.ACCEPTED
    assert examine(ImageEnhance.Brightness(astronaut).enhance(0.03), finder).verdict is Verdict.TOO_DARK


@pytest.mark.parametrize("size", [(1, 1), (63, 500), (1280, 1)])
def test_a_tiny_photo_is_refused(size: tuple[int, int], finder: FaceFinder) -> None:
    assert examine(Image.new("RGB", size, "white"), finder) == ReferenceFindings(Verdict.TOO_SMALL)


def test_what_was_seen_survives_being_stored(astronaut: Image.Image, insightface_finder: InsightFaceFinder) -> None:
    observation = examine(astronaut, insightface_finder).observation
    assert observation is not None and observation.face_embedding is not None
    stored = Observation.from_bytes(observation.to_bytes())
    assert stored.face_embedding is not None and np.array_equal(stored.face_embedding, observation.face_embedding)
    assert stored.face_box == pytest.approx(observation.face_box)


def test_observing_a_photo_without_a_person_gives_its_size_alone(finder: FaceFinder) -> None:
    observation = observe(Image.fromarray(skimage.data.coffee()), finder)
    assert (observation.width, observation.height) == (600, 400)
    assert observation.face_box is None and observation.body_box is None
    assert observation.quality < 0.5


@pytest.mark.parametrize("size", [(1, 1), (2, 1200), (1200, 2)])
def test_anything_can_be_observed(size: tuple[int, int], finder: FaceFinder) -> None:
    assert observe(Image.new("RGB", size), finder).face_box is None


@pytest.mark.parametrize("name", ["brick", "grass", "gravel", "retina", "coins", "horse", "page", "hubble_deep_field"])
def test_no_body_is_seen_where_there_is_none(name: str, shipped: ShippedParser) -> None:
    assert shipped.detect(Image.fromarray(getattr(skimage.data, name)()).convert("RGB")) == []


def test_the_person_chosen_among_several_is_the_one_that_is_seen(astronaut: Image.Image, finder: FaceFinder) -> None:
    pair = _on_canvas(astronaut, (1400, 512), (0, 0, 500), (500, 60, 400))
    right = examine(pair, finder).people[1]
    look = examine(pair, finder, chosen=right)
    assert look.verdict is Verdict.ACCEPTED and look.people == (right,)
    assert look.observation is not None and look.observation.face_box is not None
    assert look.observation.face_box[0] > 500
    assert examine(pair, finder, chosen=(1350, 0, 1390, 40)).verdict is Verdict.NO_PERSON


def test_a_face_that_no_body_bears_is_no_person(astronaut: Image.Image) -> None:
    class Elsewhere:
        version = "elsewhere"

        def detect(self, image: Image.Image, faces: object = ()) -> list[DetectedPerson]:
            return []

        def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
            return None

    look = examine(astronaut, _Knowing((175, 55, 275, 180)), Elsewhere())
    assert look.verdict is Verdict.NO_PERSON and look.observation is None
