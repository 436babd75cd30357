"""A body as networks read it from a photo, and their protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.crops import head_box
from engine.identity.faces import load_opencv
from engine.identity.observation import Box, Observation
from engine.identity.skeleton import CONFIDENCE_MIN, HEAD_JOINTS, Keypoints


class BodyPart(IntEnum):
    """The values of pixels in a part map."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    TOP = 3
    BOTTOM = 4
    SHOES = 5
    FACE = 6
    ACCESSORY = 7


GARMENTS: Final = (BodyPart.TOP, BodyPart.BOTTOM, BodyPart.SHOES)

SUREST: Final = 5


@dataclass(frozen=True, eq=False)
class Body:
    """One person on a photo; fields as in Observation."""

    box: Box
    keypoints: Keypoints
    parts: NDArray[np.uint8]
    parts_box: Box
    embedding: NDArray[np.float32]
    matte: NDArray[np.uint8] | None = None


def sureness(body: Body | None) -> float:
    """The mean confidence of the most confident joints, 0 to 1; a portrait shows few joints."""
    return 0.0 if body is None else float(np.sort(body.keypoints[:, 2])[-SUREST:].mean())


def bears_face(keypoints: Keypoints, face_box: Box) -> bool:
    """Whether most visible joints of the head lie at the face box."""
    head = keypoints[list(HEAD_JOINTS)]
    found = head[head[:, 2] >= CONFIDENCE_MIN, :2]
    x0, y0, x1, y1 = head_box(face_box)
    return len(found) > 0 and bool(((found >= (x0, y0)) & (found <= (x1, y1))).all(1).mean() > 0.5)


@dataclass(frozen=True)
class DetectedPerson:
    """box px of the whole body, which may extend beyond the photo; head: x, y px where the detector reports it."""

    box: Box
    head: tuple[float, float] | None = None


class PersonParser(Protocol):
    """Detects the people on an RGB photo, and reads joints, mask and parts of one of them."""

    @property
    def version(self) -> str:
        """Differs between versions that may parse the same photo differently."""
        ...

    def detect(self, image: Image.Image, faces: Sequence[Box] = ()) -> list[DetectedPerson]:
        """The people on the photo by falling score, with or without a visible face; `faces` px help to find more people
        of a group."""
        ...

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        """The person at `box` px; among several, the one with the face in `face` px; None where there is no person."""
        ...


def parts_on_photo(observation: Observation) -> NDArray[np.uint8] | None:
    """uint8 [height, width] of BodyPart for every pixel of the photo; None for a photo that was not parsed."""
    return None if observation.parts is None else _on_photo(observation, observation.parts, smooth=False)


def person_mask(observation: Observation) -> Image.Image | None:
    """Mode L in the photo's size: 255 on the person, less on pixels that the person covers in part; None for a photo
    that was not parsed."""
    if observation.matte is not None:
        return Image.fromarray(_on_photo(observation, observation.matte, smooth=True))
    parts = parts_on_photo(observation)
    return None if parts is None else Image.fromarray((parts != BodyPart.BACKGROUND).astype(np.uint8) * 255)


def _on_photo(observation: Observation, plane: NDArray[np.uint8], smooth: bool) -> NDArray[np.uint8]:
    """uint8 [height, width]: `plane` scaled to parts_box, 0 elsewhere; interpolated only if `smooth`."""
    x0, y0, x1, y1 = observation.parts_box or (0.0, 0.0, float(observation.width), float(observation.height))
    rows, columns = plane.shape
    scale_x, scale_y = columns / (x1 - x0), rows / (y1 - y0)
    matrix = np.array([[scale_x, 0, scale_x * (0.5 - x0) - 0.5], [0, scale_y, scale_y * (0.5 - y0) - 0.5]])
    cv2 = load_opencv()
    laid: NDArray[np.uint8] = cv2.warpAffine(
        plane,
        matrix,
        (observation.width, observation.height),
        flags=(cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP,
        borderValue=0,
    )
    return laid
