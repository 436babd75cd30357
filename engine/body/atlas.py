"""The atlas of the body's surface: numbered points of one shared mesh, by which photos of a person are compared.

A body map gives each pixel the number of the surface point that it shows (0: none, otherwise texel + 1), as DensePose
(Guler et al., 2018) gives part and UV. Two pixels with one number show the same point of the body, in any pose.
"""

from __future__ import annotations

import functools
from enum import IntEnum
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

SHIPPED_ATLAS: Final = Path(__file__).parents[1] / "weights" / "body" / "atlas.safetensors"
COORDINATE_CENTRE: Final = (0.0, -0.10, 0.10)
COORDINATE_SCALE: Final = (0.60, 0.25, 0.95)
"""Canonical coordinates in metres, less the centre, over the scale are about -1..1: an average adult with arms spread
is 1.2 m wide, 0.5 m deep and 1.85 m tall."""


class Region(IntEnum):
    """The part of the body that a texel belongs to, by what usually covers it."""

    HEAD = 0
    TORSO = 1
    LEGS = 2
    FEET = 3
    HANDS = 4
    WAIST = 5
    """The heights at which a top or a bottom may end."""


class Atlas(nn.Module):
    """Buffers over T texels. points float [T, 3]: canonical coordinates in metres (x to the person's left, y backwards,
    z up); mirror int64 [T]: the texel at the other side of the body; region int64 [T] of Region."""

    points: Tensor
    mirror: Tensor
    region: Tensor

    def __init__(self, points: Tensor, mirror: Tensor, region: Tensor) -> None:
        super().__init__()
        self.register_buffer("points", points.float())
        self.register_buffer("mirror", mirror.long())
        self.register_buffer("region", region.long())
        centre, scale = torch.tensor(COORDINATE_CENTRE), torch.tensor(COORDINATE_SCALE)
        self.register_buffer("_coordinates", (self.points - centre) / scale, persistent=False)

    def __len__(self) -> int:
        return len(self.points)

    def coordinates(self, surface: Tensor) -> Tensor:
        """surface [..., h, w], texel + 1 or 0 -> normalised canonical coordinates [..., 3, h, w], 0 off the body."""
        table = torch.cat([self._coordinates.new_zeros(1, 3), self._coordinates])  # type: ignore[operator, list-item]
        return table[surface.long()].movedim(-1, -3)

    def nearest(self, coordinates: Tensor) -> Tensor:
        """Normalised canonical coordinates [N, 3] -> the nearest texel of each, int64 [N], in metres."""
        scale = torch.tensor(COORDINATE_SCALE, device=coordinates.device)
        texels: Tensor = self._coordinates  # type: ignore[assignment]
        return torch.cdist(coordinates * scale, texels * scale).argmin(1)

    def flipped(self, surface: Tensor) -> Tensor:
        """The surface map [..., h, w] of the mirrored picture."""
        table = torch.cat([self.mirror.new_zeros(1), self.mirror + 1])
        return table[surface.long()].flip(-1)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {
            "points": self.points.half(),
            "mirror": self.mirror.to(torch.int16),
            "region": self.region.to(torch.uint8),
        }
        save_file(tensors, path, metadata={"format": "pt"})


def load_atlas(path: Path = SHIPPED_ATLAS) -> Atlas:
    """The atlas that the shipped weights were trained with."""
    tensors = load_file(path)
    return Atlas(tensors["points"], tensors["mirror"], tensors["region"])


@functools.cache
def shipped_atlas() -> Atlas:
    """`load_atlas` of the shipped file, read once; on the CPU."""
    return load_atlas()
