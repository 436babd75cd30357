"""Faces and bodies are joined to people; passers-by and faces printed on clothes do not count."""

from __future__ import annotations

from PIL import Image

from engine.identity.body import Body, DetectedPerson
from engine.identity.faces import Face
from engine.identity.observation import Box
from engine.identity.people import at_place, companions, find_people

PHOTO = Image.new("RGB", (400, 300))
LEFT, RIGHT = (40.0, 20.0, 140.0, 290.0), (240.0, 20.0, 340.0, 290.0)
LEFT_FACE, RIGHT_FACE = (75.0, 25.0, 105.0, 60.0), (275.0, 25.0, 305.0, 60.0)


class _Finder:
    name = "listed"

    def __init__(self, *faces: Face) -> None:
        self._faces = faces

    def find(self, image: Image.Image) -> list[Face]:
        return sorted(self._faces, key=lambda face: face.side_px, reverse=True)


class _Parser:
    version = "listed"

    def __init__(self, *people: DetectedPerson) -> None:
        self._people = people

    def detect(self, image: Image.Image, faces: object = ()) -> list[DetectedPerson]:
        return list(self._people)

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        return None


def test_a_face_belongs_to_the_body_with_that_head() -> None:
    parser = _Parser(DetectedPerson(RIGHT, (290, 42)), DetectedPerson(LEFT, (90, 42)))
    people = find_people(PHOTO, _Finder(Face(LEFT_FACE), Face(RIGHT_FACE)), parser)
    assert sorted((person.face.box, person.box[0] < 200) for person in people if person.face) == [
        (LEFT_FACE, True),
        (RIGHT_FACE, False),
    ]


def test_without_a_head_the_face_in_the_upper_part_of_the_box_is_the_bodys() -> None:
    (person,) = find_people(PHOTO, _Finder(Face(LEFT_FACE)), _Parser(DetectedPerson(LEFT)))
    assert person.face is not None and person.head_px == person.face.side_px
    low = Face((75.0, 200.0, 105.0, 235.0))
    assert len(find_people(PHOTO, _Finder(low), _Parser(DetectedPerson(LEFT)))) == 2


def test_an_unsure_face_on_somebodys_body_is_a_print() -> None:
    printed = (75.0, 150.0, 105.0, 185.0)
    for score, count in ((0.6, 1), (0.9, 2)):
        finder = _Finder(Face(LEFT_FACE), Face(printed, score=score))
        assert len(find_people(PHOTO, finder, _Parser(DetectedPerson(LEFT, (90, 42))))) == count


def test_somebody_without_a_face_counts_by_the_size_of_the_body() -> None:
    far = DetectedPerson((300.0, 20.0, 330.0, 100.0), (315, 25))
    people = find_people(PHOTO, _Finder(), _Parser(far, DetectedPerson(LEFT, (90, 42))))
    assert len(people) == 2 and len(companions(people)) == 1
    assert people[0].face is None and people[0].box[0] < 100


def test_the_person_at_a_place_is_the_one_that_fits_best() -> None:
    people = find_people(PHOTO, _Finder(Face(LEFT_FACE), Face(RIGHT_FACE)), None)
    assert [person.face.box for person in at_place(people, people[1].box) if person.face] == [people[1].face.box]  # type: ignore[union-attr]
    assert at_place(people, (0.0, 0.0, 5.0, 5.0)) == [] and at_place([], LEFT) == []
