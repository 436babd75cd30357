"""What can be seen of a body, and who may look: the shipped network, or larger models of an operator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.faces import load_opencv
from engine.identity.observation import Box, Observation
from engine.identity.weighting import Keypoints


class BodyPart(IntEnum):
    """Value of a pixel in a part map."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    TOP = 3
    BOTTOM = 4
    SHOES = 5
    FACE = 6
    ACCESSORY = 7


GARMENTS: Final = (BodyPart.TOP, BodyPart.BOTTOM, BodyPart.SHOES)

NOSE, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 0, 5, 6, 11, 12
HEAD_JOINTS: Final = (0, 1, 2, 3, 4)
SHOULDERS: Final = (LEFT_SHOULDER, RIGHT_SHOULDER)
HIPS: Final = (LEFT_HIP, RIGHT_HIP)
KNEES: Final = (13, 14)
ANKLES: Final = (15, 16)
MIRRORED_JOINTS: Final = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Where each joint is read from when the picture is mirrored."""


SUREST: Final = 5


@dataclass(frozen=True, eq=False)
class Body:
    """One person: fields as in Observation."""

    box: Box
    keypoints: Keypoints
    parts: NDArray[np.uint8]
    parts_box: Box
    embedding: NDArray[np.float32]


def sureness(body: Body | None) -> float:
    """How sure the surest joints are, 0 to 1: a portrait shows no more than these."""
    return 0.0 if body is None else float(np.sort(body.keypoints[:, 2])[-SUREST:].mean())


class BodyObserver(Protocol):
    """Finds people on an RGB photo, and looks at one of them."""

    @property
    def version(self) -> str:
        """Changes whenever the same photo may be seen differently."""
        ...

    def find(self, image: Image.Image) -> list[Box]:
        """People of whom no face was found, the surest first."""
        ...

    def see(self, image: Image.Image, box: Box) -> Body | None:
        """The person in or about `box`; None where there is none after all."""
        ...


def parts_on_photo(observation: Observation) -> NDArray[np.uint8] | None:
    """uint8 [height, width] of BodyPart for every pixel of the photo; None where nobody looked."""
    if observation.parts is None or observation.parts_box is None:
        return None
    x0, y0, x1, y1 = observation.parts_box
    rows, columns = observation.parts.shape
    scale_x, scale_y = columns / (x1 - x0), rows / (y1 - y0)
    matrix = np.array([[scale_x, 0, scale_x * (0.5 - x0) - 0.5], [0, scale_y, scale_y * (0.5 - y0) - 0.5]])
    cv2 = load_opencv()
    laid: NDArray[np.uint8] = cv2.warpAffine(
        observation.parts,
        matrix,
        (observation.width, observation.height),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderValue=int(BodyPart.BACKGROUND),
    )
    return laid


def person_mask(observation: Observation) -> Image.Image | None:
    """Mode L in the photo's size: 255 on the person; None where nobody looked."""
    parts = parts_on_photo(observation)
    return None if parts is None else Image.fromarray((parts != BodyPart.BACKGROUND).astype(np.uint8) * 255)
