"""The people on a photo: faces and bodies that belong together, the largest person first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PIL import Image

from engine.identity.body import DetectedPerson, PersonParser
from engine.identity.crops import body_box_from_face, clipped, head_box
from engine.identity.faces import Face, FaceFinder
from engine.identity.observation import Box

COMPANION_MIN: Final = 0.6
"""The size of a head relative to the largest, below which a person is a passer-by."""
HEADS_PER_BODY: Final = 10.0
"""The longer side of a body's box in sides of a face's box, median over standing and sitting people."""
UPPER: Final = 0.4
"""The upper share of a body's box that contains the head of a standing or sitting person."""
FACE_SURE: Final = 0.7
"""The score below which a face on a person's body (a print, a fold) is dropped."""


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """One person: box px of the body, inside the photo; head_px: the side of the face, measured or estimated."""

    box: Box
    head_px: float
    face: Face | None = None


def find_people(image: Image.Image, finder: FaceFinder, parser: PersonParser | None) -> list[FoundPerson]:
    """All people on an RGB photo, the largest head first."""
    faces = list(finder.find(image))
    detected = (
        []
        if parser is None
        else parser.detect(image, [face.box for face in faces if face.side_px >= COMPANION_MIN * faces[0].side_px])
    )
    people = []
    for body in detected:
        face = next((face for face in faces if _is_of(face, body)), None)
        if face is not None:
            faces.remove(face)
        people.append(_person(image, body, face))
    alone = [face for face in faces if not any(_is_print(face, person) for person in people)]
    people += [FoundPerson(body_box_from_face(face.box, *image.size), face.side_px, face) for face in alone]
    return sorted(people, key=lambda person: person.head_px, reverse=True)


def companions(people: list[FoundPerson]) -> list[FoundPerson]:
    """The people who could be the subject: passers-by in the background are left out."""
    return [person for person in people if person.head_px >= COMPANION_MIN * people[0].head_px]


def at_place(people: list[FoundPerson], box: Box) -> list[FoundPerson]:
    """The person whose box fits `box` px best, first and alone; none where no person overlaps it."""
    best = max(people, key=lambda person: overlap(person.box, box), default=None)
    return [] if best is None or overlap(best.box, box) == 0 else [best]


def overlap(box: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    return width * height / (areas - width * height)


def _person(image: Image.Image, body: DetectedPerson, face: Face | None) -> FoundPerson:
    x0, y0, x1, y1 = body.box
    head_px = max(x1 - x0, y1 - y0) / HEADS_PER_BODY if face is None else face.side_px
    rim = head_px / 2  # joints lie inside the body
    x0, y0, x1, y1 = x0 - rim, y0 - rim, x1 + rim, y1 + rim
    if face is not None:
        left, top, right, bottom = head_box(face.box)
        x0, y0, x1, y1 = min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)
    return FoundPerson(clipped((x0, y0, x1, y1), *image.size), head_px, face)


def _is_of(face: Face, body: DetectedPerson) -> bool:
    """Whether the face lies at the head of the body, or in the upper part of its box where no head was detected."""
    if body.head is not None:
        return _inside(body.head, head_box(face.box))
    x0, y0, x1, y1 = body.box
    return _inside(_middle(face.box), (x0, y0, x1, y0 + UPPER * (y1 - y0)))


def _is_print(face: Face, person: FoundPerson) -> bool:
    """Whether a face of low score lies on the body of a person whose head is elsewhere."""
    return face.score < FACE_SURE and _inside(_middle(face.box), person.box)


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _inside(point: tuple[float, float], box: Box) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
