"""The appearance of a person on photos, aligned with the body map of the target pose, as nano's networks read it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from engine.body.body_map import MAP_CHANNELS

VIEW_CHANNELS: Final = 3 + 1 + MAP_CHANNELS
"""RGB, the person's mask, the photo's own body map."""
FRAME_OCTAVES: Final = 3
FRAME_CHANNELS: Final = 2 * (1 + 2 * FRAME_OCTAVES)


@dataclass(frozen=True)
class ReferenceViews:
    """One photo for each of B people. face, body: [B, VIEW_CHANNELS, side, side] and [B, VIEW_CHANNELS, 96, 64] in
    [-1, 1]: the person cut out on grey, mask, body map; face_parts, body_parts: int64 [B, ...] of BodyPart."""

    face: Tensor
    face_parts: Tensor
    body: Tensor
    body_parts: Tensor

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.face, self.face_parts, self.body, self.body_parts


@dataclass(frozen=True)
class Appearance:
    """The appearance of B people. scales [2, B]: scales of the face branch and the body branch; texture
    [B, TEXTURE_CHANNELS + PARTS, h, w]: `aligned_texture` on the target body map; palette [B, PARTS, 4]: `palette_of`
    their photos; head [B, 4, H, W] and head_parts int64 [B, H, W]: `stacked_heads`, aligned with the target head."""

    views: ReferenceViews
    scales: Tensor
    texture: Tensor
    palette: Tensor
    head: Tensor
    head_parts: Tensor

    def to(self, device: torch.device | str) -> Appearance:
        """The same appearance with its tensors on a device."""
        views = ReferenceViews(*(part.to(device) for part in self.views.tensors()))
        others = (self.scales, self.texture, self.palette, self.head, self.head_parts)
        return Appearance(views, *(part.to(device) for part in others))

    def with_head(self, shares: Tensor) -> Appearance:
        """The same appearance with each head times its share [B] in 0..1; at share 0 the head's parts are 0 too."""
        wide = shares[:, None, None]
        parts = torch.where(wide > 0, self.head_parts, 0)
        return replace(self, head=self.head * wide[:, None], head_parts=parts)


def place_in_frame(x: Tensor) -> Tensor:
    """The x and y of each position of the frame with their sines and cosines in FRAME_OCTAVES octaves: x [B, C, h, w]
    -> [B, FRAME_CHANNELS, h, w]. Convolutions do not see them (Liu et al., 2018), but a sky or a bookcase depends on
    them."""
    rows, columns = x.shape[2:]
    down = torch.linspace(-1, 1, rows, device=x.device)[:, None].expand(rows, columns)
    right = torch.linspace(-1, 1, columns, device=x.device)[None].expand(rows, columns)
    place = torch.stack([right, down])
    angles = (math.pi * 2.0 ** torch.arange(FRAME_OCTAVES, device=x.device))[:, None, None, None] * place
    frame = torch.cat([place[None], angles.sin(), angles.cos()]).flatten(0, 1).to(x.dtype)
    return frame.expand(len(x), -1, -1, -1)
