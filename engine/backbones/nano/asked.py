"""A picture that is asked of nano, in the terms of its pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.backbones.nano.attributes import Attributes
from engine.backbones.nano.references import PreparedReference


@dataclass(frozen=True)
class Asked:
    """One picture to draw. attributes: what words say; joints float32 [17, 3]: x and y in 0..1 of the picture, weight
    0..1; build: see `engine.body.mapper.BUILD`; references: photos of the person, the best first."""

    attributes: Attributes
    joints: NDArray[np.float32]
    references: Sequence[PreparedReference]
    seed: int
    face_scale: float = 1.0
    body_scale: float = 1.0
    build: tuple[float, float, float] = (0.5, 0.5, 0.5)
