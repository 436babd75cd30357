"""Decides whether a photo can serve as a reference; the observation is kept for generation.

- One person is required. People whose heads are much smaller than the largest (COMPANION_MIN) are passers-by and do not
  count; a second head of comparable size makes it several people, of whom the user may choose one by its box.
- A face is not required: a person seen from behind or lying counts where the person parser finds a body.
- With a person parser a photo is accepted only where joints were read; a face without a body does not count.
- The limits are lenient: a photo is refused only when the person on it cannot be recognised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Verdict
from engine.identity.body import Body, PersonParser, bears_face
from engine.identity.crops import body_box_from_face, clipped
from engine.identity.faces import Face, FaceFinder, load_opencv
from engine.identity.observation import Box, Observation
from engine.identity.people import FoundPerson, at_place, companions, find_people
from engine.identity.skeleton import CONFIDENCE_MIN

METHOD = 11
"""The version of the examination; a change of it makes stored observations obsolete."""
SIDE_MIN_PX = 64
LIGHT_MIN = 22.0
"""Mean grey level, 0 to 255, below which a photo is too dark to see anything."""
SHARPNESS_MIN = 12.0
"""The sharpness below which a photo is too blurred: a Gaussian of 6 % of the face's height falls below; one of 3 %,
still recognisable, does not."""
PARTS = 4
"""The number of rows and columns that a body without a face is divided into: in a blurred photo no part is sharp, while
a sharp one may have smooth parts."""
SHARPNESS_GOOD = 300.0
JOINTS_MIN = 5
"""The number of joints of a head."""
_BODY_QUALITY = 0.5
_JUDGED_SIDE_PX = 64
_FACE_GOOD_PX = 96.0


@dataclass(frozen=True)
class ReferenceFindings:
    """The findings of one examination: the people who count and their boxes px, from left to right; observation only
    with the verdict ACCEPTED."""

    verdict: Verdict
    people: tuple[Box, ...] = ()
    observation: Observation | None = None


def examine(
    image: Image.Image, finder: FaceFinder, parser: PersonParser | None = None, chosen: Box | None = None
) -> ReferenceFindings:
    """Judges an RGB photo. `chosen` px: the box of the person that the user chose among several."""
    if min(image.size) < SIDE_MIN_PX:
        return ReferenceFindings(Verdict.TOO_SMALL)
    people = _candidates(image, finder, parser, chosen)
    person, body = _observed(image, people, parser)
    boxes = tuple(sorted(candidate.box for candidate in people))
    verdict = _verdict(image, people, person)
    if verdict is not Verdict.ACCEPTED or person is None:
        return ReferenceFindings(verdict, boxes)
    return ReferenceFindings(verdict, boxes, _observation(image, finder, parser, person, body))


def observe(
    image: Image.Image, finder: FaceFinder, parser: PersonParser | None = None, chosen: Box | None = None
) -> Observation:
    """The observation of any RGB photo, of any quality; without a person it holds only the size. Describes the largest
    of several people."""
    people = _candidates(image, finder, parser, chosen)
    person, body = _observed(image, people, parser)
    return _observation(image, finder, parser, person or next(iter(people), None), body)


def look_version(finder: FaceFinder, parser: PersonParser | None) -> str:
    """Differs between versions for which `observe` may return different observations of one photo."""
    return f"{METHOD}/{finder.name}/{'' if parser is None else parser.version}"


def sharpness(image: Image.Image, box: Box, exposed: Box | None = None) -> float:
    """Variance of the Laplacian of `box` at a fixed size, divided by the exposure of `exposed` (default: `box`)."""
    exposure = max(float(_gray(image, exposed or box).mean()) / 128.0, 0.25)
    return float(load_opencv().Laplacian(_gray(image, box), -1).var()) / exposure**2


def _candidates(
    image: Image.Image, finder: FaceFinder, parser: PersonParser | None, chosen: Box | None
) -> list[FoundPerson]:
    people = find_people(image, finder, None if min(image.size) < SIDE_MIN_PX else parser)
    if chosen is not None:
        return at_place(people, chosen)
    return companions(people) if people else []


def _observed(
    image: Image.Image, people: list[FoundPerson], parser: PersonParser | None
) -> tuple[FoundPerson | None, Body | None]:
    """The largest person whose joints can be read; without a parser the largest."""
    if parser is None or min(image.size) < SIDE_MIN_PX:
        return next(iter(people), None), None
    for person in people:
        body = parser.parse(image, person.box, None if person.face is None else person.face.box)
        if body is not None and _belongs(body, person.face):
            return person, body
    return None, None


def _belongs(body: Body, face: Face | None) -> bool:
    """Whether enough joints were read, and those of the head lie at the face. Otherwise the face is a false one: a
    print or a pattern on clothes."""
    if (body.keypoints[:, 2] >= CONFIDENCE_MIN).sum() < JOINTS_MIN:
        return False
    return face is None or bears_face(body.keypoints, face.box)


def _verdict(image: Image.Image, people: list[FoundPerson], person: FoundPerson | None) -> Verdict:
    whole: Box = (0.0, 0.0, float(image.width), float(image.height))
    first = person or next(iter(people), None)
    judged = whole if first is None else first.box if first.face is None else first.face.box
    if float(_gray(image, clipped(judged, *image.size)).mean()) < LIGHT_MIN:
        return Verdict.TOO_DARK
    if person is None:
        blurred = first is not None and _sharpest(image, first) < SHARPNESS_MIN
        return Verdict.TOO_BLURRED if blurred else Verdict.NO_PERSON
    if len(people) > 1:
        return Verdict.SEVERAL_PEOPLE
    if _sharpest(image, person) < SHARPNESS_MIN:
        return Verdict.TOO_BLURRED
    return Verdict.ACCEPTED


def _sharpest(image: Image.Image, person: FoundPerson) -> float:
    """The sharpness of the face; without a face, that of the sharpest part of the body."""
    if person.face is not None:
        return sharpness(image, clipped(person.face.box, *image.size))
    x0, y0, x1, y1 = whole = clipped(person.box, *image.size)
    width, height = (x1 - x0) / PARTS, (y1 - y0) / PARTS
    corners = [(x0 + column * width, y0 + row * height) for row in range(PARTS) for column in range(PARTS)]
    return max(sharpness(image, (x, y, x + width, y + height), whole) for x, y in corners)


def _observation(
    image: Image.Image, finder: FaceFinder, parser: PersonParser | None, person: FoundPerson | None, body: Body | None
) -> Observation:
    observation = Observation(image.width, image.height, quality=0.1, version=look_version(finder, parser))
    if person is None:
        return observation
    face = person.face
    observation = replace(observation, body_box=person.box, quality=_BODY_QUALITY)
    if face is not None:
        observation = replace(
            observation,
            face_box=clipped(face.box, image.width, image.height),
            face_landmarks=face.landmarks,
            face_embedding=face.embedding,
            quality=_quality(image, face),
        )
    if body is None:
        return observation
    return replace(
        observation,
        body_box=_with_head(body.box, observation),
        keypoints=body.keypoints,
        parts=body.parts,
        parts_box=body.parts_box,
        matte=body.matte,
        body_embedding=body.embedding,
    )


def _with_head(box: Box, observation: Observation) -> Box:
    """`box` extended to include the head."""
    if observation.face_box is None:
        return box
    face, guessed = (
        observation.face_box,
        body_box_from_face(observation.face_box, observation.width, observation.height),
    )
    x0, y0, x1, y1 = min(box[0], face[0]), min(box[1], guessed[1]), max(box[2], face[2]), max(box[3], face[3])
    return clipped((x0, y0, x1, y1), observation.width, observation.height)


def _quality(image: Image.Image, face: Face) -> float:
    """Quality in 0..1; 1 for a large sharp face."""
    size = min(face.side_px / _FACE_GOOD_PX, 1.0)
    sharp = min(sharpness(image, clipped(face.box, image.width, image.height)) / SHARPNESS_GOOD, 1.0)
    return round(0.2 + 0.8 * float(np.sqrt(size * sharp)), 3)


def _gray(image: Image.Image, box: Box) -> NDArray[np.float32]:
    """float32 [64, 64], area-averaged."""
    size = (_JUDGED_SIDE_PX, _JUDGED_SIDE_PX)
    return np.asarray(image.convert("L").resize(size, Image.Resampling.BOX, box=box), np.float32)
