"""Requests to a method and the interface of a method, by which the evaluation uses methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Joints = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StudyReference:
    """A photo of the person with a detector's results.

    image uint8 [H, W, 3]; keypoints float32 [17, 3] in COCO order: x px, y px, seen 0/1; head_box (the skull's, hair
    aside) and body_box float32 [4] px as x0, y0, x1, y1, NaN where unseen.
    """

    image: Picture
    keypoints: Joints
    head_box: NDArray[np.float32]
    body_box: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Request:
    """One picture to draw. pose: float32 [17, 3] with x, y in 0..1 of the picture and confidence, None where none is
    asked for; equal seeds begin with equal noise, whatever the method."""

    references: tuple[StudyReference, ...]
    prompt: str
    seed: int
    pose: Joints | None = None


@dataclass(frozen=True)
class Variation:
    """The settings of a picture. views: the number of references that are used (None: all); face, body: whether the
    method's face and body branches are on; guidance 1 means none."""

    steps: int = 8
    guidance: float = 2.0
    views: int | None = None
    face: bool = True
    body: bool = True


AS_USUAL: Final = Variation()


class Sampler(Protocol):
    """A trained method on its base."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures in px."""
        ...

    def draw(self, requests: Sequence[Request], variation: Variation = AS_USUAL) -> Picture:
        """uint8 [n, H, W, 3], in the order of the requests."""
        ...

    def errors(self, requests: Sequence[Request], targets: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Two errors float64 [n] on targets [n, H, W, 3] given their requests, with noise of each request's seed:
        equation 1, the mean squared error of the predicted noise averaged over fixed times; and the mean squared error
        of the clean latents predicted from pure noise, which equation 1 does not include."""
        ...
