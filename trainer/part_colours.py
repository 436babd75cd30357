"""Mean colours of the parts of people, and face boxes, from the labels of rendered photos."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.identity.profile import Box
from trainer.synthetic.parts import Part

FACE_OF_HEAD: Final = 0.75
"""The height of a detector's face box over that of the skull's box: references in use have the former."""
PAINTED: Final = (Part.SKIN, Part.HAIR, Part.TOP, Part.BOTTOM, Part.SHOES, Part.FACE)
PAINTED_PIXELS_MIN: Final = 20
"""The parts whose colours side tasks predict, and the fewest visible pixels for it."""


def part_colours(images: Tensor, parts: Tensor) -> Tensor:
    """images [B, 3, H, W], parts [B, H, W] -> the mean colour [B, parts, 3] of each part of PAINTED, NaN if unseen."""
    masks = torch.stack([parts == part for part in PAINTED], 1).flatten(2).float()
    area = masks.sum(2, keepdim=True)
    means = masks @ images.flatten(2).transpose(1, 2) / area.clamp(min=1)
    return means.masked_fill(area < PAINTED_PIXELS_MIN, torch.nan)


def face_of_head(head: NDArray[np.float32]) -> Box:
    """The face box a detector would give inside the box [4] px of a skull."""
    x0, y0, x1, y1 = (float(side) for side in head)
    height = FACE_OF_HEAD * (y1 - y0)
    centre = (x0 + x1) / 2
    return centre - height / 2, y1 - height, centre + height / 2, y1
