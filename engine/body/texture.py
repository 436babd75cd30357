"""Aligned texture: for each pixel of a body in another pose, the photo's colour at the same point of the body.

Every texel takes the colour of the photo's pixel with the nearest canonical coordinates, or of the mirrored side of the
body where that pixel is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.spatial  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.body.atlas import Atlas
from engine.identity.body import BodyPart

FADES_M = 0.05
"""The distance in metres at which a colour's sureness falls to 1/e: about the width of two fingers."""
MIRRORED_M = 0.02
"""The mirrored side must be nearer by this many metres, or it would replace pixels of the texel's own side at
random."""
SEEN_MIN = 12
"""The least number of map pixels on the person for a photo to give a texture."""
TEXTURE_CHANNELS = 4
TEXEL_VALUES = 5
"""The number of values per texel: RGB, sureness, and the part of the dressed person (`BodyPart`) that the photo shows
there."""
SURENESS = 3
"""The index of the part among TEXEL_VALUES."""
PARTS = len(BodyPart)


@dataclass(frozen=True)
class Sources:
    """The places of the texels on one photo. pixel int32 [T]: index into the flattened map; sureness float32 [T] in
    0..1, all 0 where the photo shows too little."""

    pixel: NDArray[np.int32]
    sureness: NDArray[np.float32]


def sources_of(surface: NDArray[np.uint16], person: NDArray[np.bool_], atlas: Atlas) -> Sources:
    """surface [h, w] as in `BodyMaps`, person [h, w]: true where the photo shows the person."""
    points = atlas.points.numpy()
    indices = np.flatnonzero((surface > 0) & person)
    if len(indices) < SEEN_MIN:
        return Sources(np.zeros(len(points), np.int32), np.zeros(len(points), np.float32))
    tree = scipy.spatial.cKDTree(points[surface.ravel()[indices].astype(np.int64) - 1])
    distances, nearest = tree.query(points)
    other, across = tree.query(points * np.array([-1, 1, 1], np.float32))
    crossed = other + MIRRORED_M < distances
    distance = np.where(crossed, other, distances)
    pixel = indices[np.where(crossed, across, nearest)].astype(np.int32)
    return Sources(pixel, np.exp(-((distance / FADES_M) ** 2)).astype(np.float32))


def texture_of(photo: Tensor, parts: Tensor, pixel: Tensor, sureness: Tensor) -> Tensor:
    """photo [B, 3, h, w] in [-1, 1] and parts [B, h, w] at the map's size, pixel int64 [B, T] and sureness [B, T] of
    `Sources` -> texture [B, TEXEL_VALUES, T]: RGB in [-1, 1], sureness, part."""
    values = torch.cat([photo, parts[:, None].to(photo.dtype)], 1).flatten(2)
    texels = values.gather(2, pixel[:, None].expand(-1, values.shape[1], -1))
    return torch.cat([texels[:, :3], sureness[:, None], texels[:, 3:]], 1)


def merge_textures(textures: list[Tensor]) -> Tensor:
    """The textures [B, TEXEL_VALUES, T] of several photos of one person in one: each texel from the photo with the
    highest sureness."""
    stacked = torch.stack(textures)
    best = stacked[:, :, SURENESS].argmax(0)
    return stacked.gather(0, best[None, :, None].expand(1, -1, stacked.shape[2], -1))[0]


def aligned_texture(texture: Tensor, surface: Tensor) -> Tensor:
    """`aligned_colours` and `aligned_parts` [B, TEXTURE_CHANNELS + PARTS, h, w]."""
    return torch.cat([aligned_colours(texture, surface), aligned_parts(texture, surface)], 1)


def aligned_colours(texture: Tensor, surface: Tensor) -> Tensor:
    """texture [B, TEXEL_VALUES, T] at the texels that surface [B, h, w] shows -> [B, TEXTURE_CHANNELS, h, w]: RGB times
    sureness, in [-1, 1], and sureness in -1..1; 0, 0, 0, -1 where the photo shows nothing."""
    values = _at_surface(texture[:, :4], surface)
    sureness = values[:, 3:] * (surface > 0)[:, None]
    return torch.cat([values[:, :3] * sureness, 2 * sureness - 1], 1)


def aligned_parts(texture: Tensor, surface: Tensor) -> Tensor:
    """texture as in `aligned_colours` -> [B, PARTS, h, w]: the sureness in the channel of the part that the photo shows
    at that point of the surface, 0 in the other channels."""
    values = _at_surface(texture[:, 3:], surface)
    sureness = values[:, :1] * (surface > 0)[:, None]
    one_hot = torch.arange(PARTS, device=values.device).view(-1, 1, 1) == values[:, 1:].round()
    return sureness * one_hot


def _at_surface(values: Tensor, surface: Tensor) -> Tensor:
    texels = (surface.flatten(1) - 1).clamp(min=0).long()
    result = values.gather(2, texels[:, None].expand(-1, values.shape[1], -1))
    return result.view(*result.shape[:2], *surface.shape[1:])
