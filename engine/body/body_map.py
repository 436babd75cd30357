"""Body maps as a network reads them, and their mirror images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.body.atlas import Atlas

MAP_CHANNELS = 7
MAP_SCALE = 2
"""Picture pixels per map pixel, each way."""


@dataclass(frozen=True)
class BodyMaps:
    """The body maps of B pictures. surface int64 [B, h, w]: texel + 1, 0 off the body; normal float [B, 3, h, w]: unit
    normals in the camera's frame (x right, y away, z up), 0 off the body."""

    surface: Tensor
    normal: Tensor

    def channels(self, atlas: Atlas) -> Tensor:
        """[B, MAP_CHANNELS, h, w] in about -1..1: coordinates (3), normal (3), 1 on the body and -1 off it."""
        inside = (self.surface > 0).unsqueeze(1).to(self.normal.dtype)
        return torch.cat([atlas.coordinates(self.surface), self.normal, 2 * inside - 1], 1)

    def flipped(self, atlas: Atlas) -> BodyMaps:
        """The body maps of the mirrored pictures."""
        turned = self.normal.flip(-1) * self.normal.new_tensor([-1.0, 1.0, 1.0]).view(3, 1, 1)
        return BodyMaps(atlas.flipped(self.surface), turned)
