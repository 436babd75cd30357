"""The pose of the person on a photo, which the user's picture is to copy.

Joints are read by MediaPipe's pose network where its weights are present, else by the shipped person parser, which was
trained on renders of upright people. In both cases the skeleton must be anatomically possible.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.errors import PoseError
from engine.identity.body import PersonParser, sureness
from engine.identity.crops import body_box_from_face, clipped
from engine.identity.faces import FaceFinder
from engine.identity.observation import Box
from engine.identity.skeleton import CONFIDENCE_MIN, HIPS, SHOULDERS, Keypoints
from engine.vision.blazepose import DetectedPose

JOINTS_MIN: Final = 6
"""The least number of visible joints of 17; a head alone has five."""
LIMBS: Final = (7, 8, 9, 10, 13, 14, 15, 16)
"""The least number of visible elbows, wrists, knees and ankles: head and shoulders alone are no pose."""
SURE_OF_A_BODY: Final = 0.75
"""The least `sureness` of a person; a false person on a photo of a cup of coffee has .66."""
FRAME: Final = 2 / 3
"""Width of a picture over its height."""
MARGIN: Final = 0.08
"""The margin between a reduced skeleton and the edge, as a share of the frame."""
BONES: Final = (
    (5, 6, 0.62), (11, 12, 0.38), (5, 7, 0.57), (6, 8, 0.57), (7, 9, 0.43), (8, 10, 0.43),
    (11, 13, 0.85), (12, 14, 0.85), (13, 15, 0.8), (14, 16, 0.8),
)  # fmt: skip
"""Two joints and the length of the bone between them, in trunk lengths, seen from the front."""
LONGEST_MAX: Final = 2.3
"""The largest factor by which a bone may exceed the median scale. Foreshortened bones look shorter, none looks longer:
the presets and the rendered people stay below 2, false skeletons of the shipped parser on lying people begin at 2.7."""


class PoseReader(Protocol):
    """Reads the poses of all people on a photo; engine.vision.BlazePose does."""

    def see_all(self, image: Image.Image) -> list[DetectedPose]: ...


def pose_of(
    image: Image.Image, finder: FaceFinder, parser: PersonParser, reader: PoseReader | None = None
) -> NDArray[np.float32]:
    """float32 [17, 3] in COCO order: x and y in 0..1 of a picture of 2 : 3, confidence in 0..1 (0: not seen).

    Proportions are those of the photo, whatever its format. Reads the largest of several people. Raises PoseError for
    a photo without a person or with too few joints, and for an impossible skeleton."""
    points = _parsed(image, finder, parser) if reader is None else _read(image, reader)
    visible = points[:, 2] >= CONFIDENCE_MIN
    if visible.sum() < JOINTS_MIN or not visible[[*SHOULDERS, *HIPS]].any() or not visible[list(LIMBS)].any():
        raise PoseError(
            f"expected at least {JOINTS_MIN} joints of a body, saw {int(visible.sum())}: "
            "send a photo that shows the person from the head to the knees or further"
        )
    if not is_plausible(points):
        raise PoseError(
            "expected a skeleton with the proportions of a person, saw one that nobody has: "
            "send a photo that shows the person upright and whole"
        )
    return framed(points, image.width, image.height)


def is_plausible(points: Keypoints) -> bool:
    """Whether no bone between visible joints [17, 3] px is far longer than the others imply."""
    lengths = [
        float(np.hypot(*(points[start, :2] - points[end, :2]))) / trunks
        for start, end, trunks in BONES
        if min(points[start, 2], points[end, 2]) >= CONFIDENCE_MIN
    ]
    if (points[[*SHOULDERS, *HIPS], 2] >= CONFIDENCE_MIN).all():
        trunk = points[list(SHOULDERS), :2].mean(0) - points[list(HIPS), :2].mean(0)
        lengths.append(float(np.hypot(*trunk)))
    return not lengths or max(lengths) < LONGEST_MAX * float(np.median(lengths))


def framed(points: Keypoints, width: int, height: int) -> NDArray[np.float32]:
    """Joints [17, 3] in px of a photo -> [17, 3] in 0..1 of a picture of 2 : 3; invisible ones have confidence 0. The
    picture shows the whole height of the photo around the person, and is enlarged where the joints would not fit."""
    visible = points[:, 2] >= CONFIDENCE_MIN
    low, high = points[visible, :2].min(0), points[visible, :2].max(0)
    middle, extent = (low + high) / 2, (high - low) / (1 - 2 * MARGIN)
    tall = max(float(height), float(extent[0]) / FRAME)
    wide = tall * FRAME
    left = _placed(float(middle[0]) - wide / 2, wide, width)
    top = _placed(float(middle[1]) - tall / 2, tall, height)
    shares = (points[:, :2] - (left, top)) / (wide, tall)
    confidence = np.where(visible, points[:, 2], 0)
    return np.concatenate([shares.clip(0, 1), confidence[:, None]], 1).astype(np.float32)


def _placed(start: float, length: float, side: int) -> float:
    """The start of a window that lies within the photo, or contains it."""
    low, high = sorted((0.0, side - length))
    return min(max(start, low), high)


def _read(image: Image.Image, reader: PoseReader) -> Keypoints:
    poses = reader.see_all(image)
    if not poses:
        raise _nobody()
    return max(poses, key=lambda pose: float((pose.mask > 0.5).sum())).keypoints()


def _parsed(image: Image.Image, finder: FaceFinder, parser: PersonParser) -> Keypoints:
    body = next((found for box in _places(image, finder, parser) if (found := parser.parse(image, box))), None)
    if body is None:
        raise _nobody()
    points = body.keypoints.copy()
    if sureness(body) < SURE_OF_A_BODY:
        points[:, 2] = 0
    return points


def _nobody() -> PoseError:
    return PoseError("expected a photo of a person in the wanted pose, found nobody: send one that shows a person")


def _places(image: Image.Image, finder: FaceFinder, parser: PersonParser) -> list[Box]:
    """Areas to search, the most likely first: under a face, around a standing person, the whole photo."""
    places = [body_box_from_face(face.box, image.width, image.height) for face in finder.find(image)[:1]]
    places += [clipped(person.box, *image.size) for person in parser.detect(image)[:1]]
    return [*places, (0.0, 0.0, float(image.width), float(image.height))]
