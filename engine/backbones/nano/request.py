"""The request for one picture, as nano's pipeline takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.backbones.nano.attributes import Attributes
from engine.backbones.nano.references import PreparedReference


@dataclass(frozen=True)
class NanoRequest:
    """The conditions of one picture. attributes: the slots that the prompt fills; joints float32 [17, 3]: x and y in
    0..1 of the picture, weight in 0..1; build: see `engine.body.mapper.BUILD`; references: photos of the person, the
    best first."""

    attributes: Attributes
    joints: NDArray[np.float32]
    references: Sequence[PreparedReference]
    seed: int
    face_scale: float = 1.0
    body_scale: float = 1.0
    build: tuple[float, float, float] = (0.5, 0.5, 0.5)
