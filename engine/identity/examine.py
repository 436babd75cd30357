"""Can this photo serve as a reference? One look decides, and what it saw is kept for the drawing.

- One person is wanted. Faces much smaller than the largest (side below COMPANION_MIN of it) are background and do not
  count; a second face of comparable size makes it several people.
- Without a face (turned away, tilted, far off) a person standing in full length still counts.
- Who is there is then looked at: joints, parts and an embedding of the body, where a BodyObserver is given.
- The limits are lenient: a photo is refused only when the person on it could not be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Verdict
from engine.identity.bodies import find_bodies
from engine.identity.body import HEAD_JOINTS, Body, BodyObserver, sureness
from engine.identity.faces import Face, FaceFinder, load_opencv
from engine.identity.observation import Box, Observation
from engine.identity.parts import body_box_from_face, clipped, head_box
from engine.identity.weighting import CONFIDENCE_MIN

METHOD = 4
"""Counts the ways in which photos have been looked at."""
SIDE_MIN_PX = 64
COMPANION_MIN = 0.6
LIGHT_MIN = 22.0
"""Mean grey level, 0 to 255, below which nothing can be made out."""
SHARPNESS_MIN = 12.0
"""A face blurred by a Gaussian of 6 % of its height falls below; one of 3 %, still recognisable, does not."""
SHARPNESS_GOOD = 300.0
SOMEBODY = 0.6
"""What the shipped observer makes of a false face lies below."""
SURE = 0.85
"""Joints of people lie above, what is seen on photos without any below (twelve of scikit-image's: up to .80)."""
_BODY_QUALITY = 0.5
_JUDGED_SIDE_PX = 64
_FACE_GOOD_PX = 96.0


@dataclass(frozen=True)
class _Sight:
    """The people of one photo: the faces, largest first, or else the bodies."""

    faces: list[Face]
    bodies: list[Box]

    @property
    def people(self) -> int:
        return len(self.faces) or len(self.bodies)

    @property
    def several(self) -> bool:
        sides = [face.side_px for face in self.faces] or [box[3] - box[1] for box in self.bodies]
        return len(sides) > 1 and sides[1] >= COMPANION_MIN * max(sides)


def examine(
    image: Image.Image, finder: FaceFinder, bodies: BodyObserver | None = None
) -> tuple[Verdict, int, Observation | None]:
    """The verdict, how many people were seen, and for an accepted RGB photo what was seen on it."""
    if min(image.size) < SIDE_MIN_PX:
        return Verdict.TOO_SMALL, 0, None
    sight = _look(image, finder, bodies)
    observation = _observation(image, sight)
    verdict = _verdict(image, sight, observation)
    if verdict is not Verdict.ACCEPTED:
        return verdict, sight.people, None
    return verdict, sight.people, _looked_closely(image, observation, finder, bodies)


def observe(image: Image.Image, finder: FaceFinder, bodies: BodyObserver | None = None) -> Observation:
    """What is seen on any RGB photo, however poor: without a person, its size alone."""
    return _looked_closely(image, _observation(image, _look(image, finder, bodies)), finder, bodies)


def look_version(finder: FaceFinder, bodies: BodyObserver | None) -> str:
    """Changes whenever `observe` may see the same photo differently."""
    return f"{METHOD}/{finder.name}/{'' if bodies is None else bodies.version}"


def sharpness(image: Image.Image, box: Box) -> float:
    """Variance of the Laplacian of `box` at a fixed size, made independent of the exposure."""
    gray = _gray(image, box)
    exposure = max(float(gray.mean()) / 128.0, 0.25)
    return float(load_opencv().Laplacian(gray, -1).var()) / exposure**2


def _look(image: Image.Image, finder: FaceFinder, bodies: BodyObserver | None) -> _Sight:
    faces = finder.find(image)
    if faces:
        return _Sight(faces, [])
    return _Sight([], find_bodies(image) if bodies is None else bodies.find(image))


def _looked_closely(
    image: Image.Image, seen: Observation, finder: FaceFinder, bodies: BodyObserver | None
) -> Observation:
    """With the joints and parts of the person, whose box then is as it is seen, not guessed.

    Where the face leads to nobody to speak of, or none was found, the whole photo is looked at; who shows clearly
    there is the person, and a face elsewhere, which leads to nobody, was none."""
    seen = replace(seen, version=look_version(finder, bodies))
    if bodies is None or min(image.size) < SIDE_MIN_PX:
        return seen
    body = None if seen.body_box is None else bodies.see(image, seen.body_box)
    if body is not None and not _belongs(body, seen):
        body = None
    if sureness(body) < SOMEBODY:
        whole = bodies.see(image, (0.0, 0.0, float(image.width), float(image.height)))
        if whole is not None and sureness(whole) >= SURE:
            body = whole
            if not _belongs(whole, seen):
                seen = replace(seen, face_box=None, face_landmarks=None, face_embedding=None, quality=_BODY_QUALITY)
    if body is None:
        return seen
    return replace(
        seen,
        body_box=_with_head(body.box, seen),
        keypoints=body.keypoints,
        parts=body.parts,
        parts_box=body.parts_box,
        body_embedding=body.embedding,
    )


def _belongs(body: Body, seen: Observation) -> bool:
    """Whether the body is the face's: its eyes, ears and nose are where the face is. If not, one of the two is
    wrong."""
    if seen.face_box is None:
        return True
    head = body.keypoints[list(HEAD_JOINTS)]
    found = head[head[:, 2] >= CONFIDENCE_MIN, :2]
    x0, y0, x1, y1 = head_box(seen.face_box)
    return len(found) > 0 and bool(((found >= (x0, y0)) & (found <= (x1, y1))).all(1).mean() > 0.5)


def _with_head(box: Box, seen: Observation) -> Box:
    """A body is never seen without its own head."""
    if seen.face_box is None:
        return box
    face, guessed = seen.face_box, body_box_from_face(seen.face_box, seen.width, seen.height)
    x0, y0, x1, y1 = min(box[0], face[0]), min(box[1], guessed[1]), max(box[2], face[2]), max(box[3], face[3])
    return clipped((x0, y0, x1, y1), seen.width, seen.height)


def _verdict(image: Image.Image, sight: _Sight, observation: Observation) -> Verdict:
    whole: Box = (0.0, 0.0, float(image.width), float(image.height))
    judged = observation.face_box or observation.body_box or whole
    if float(_gray(image, judged).mean()) < LIGHT_MIN:
        return Verdict.TOO_DARK
    if sight.people == 0:
        return Verdict.NO_PERSON
    if sight.several:
        return Verdict.SEVERAL_PEOPLE
    if sharpness(image, judged) < SHARPNESS_MIN:
        return Verdict.TOO_BLURRED
    return Verdict.ACCEPTED


def _observation(image: Image.Image, sight: _Sight) -> Observation:
    if sight.faces:
        face = sight.faces[0]
        return Observation(
            width=image.width,
            height=image.height,
            face_box=clipped(face.box, image.width, image.height),
            face_landmarks=face.landmarks,
            face_embedding=face.embedding,
            body_box=body_box_from_face(face.box, image.width, image.height),
            quality=_quality(image, face),
        )
    body = sight.bodies[0] if sight.bodies else None
    return Observation(image.width, image.height, body_box=body, quality=_BODY_QUALITY if body else 0.1)


def _quality(image: Image.Image, face: Face) -> float:
    """1 for a large sharp face."""
    size = min(face.side_px / _FACE_GOOD_PX, 1.0)
    sharp = min(sharpness(image, clipped(face.box, image.width, image.height)) / SHARPNESS_GOOD, 1.0)
    return round(0.2 + 0.8 * float(np.sqrt(size * sharp)), 3)


def _gray(image: Image.Image, box: Box) -> NDArray[np.float32]:
    """float32 [64, 64], area-averaged."""
    size = (_JUDGED_SIDE_PX, _JUDGED_SIDE_PX)
    return np.asarray(image.convert("L").resize(size, Image.Resampling.BOX, box=box), np.float32)
