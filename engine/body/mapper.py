"""BodyMapper: predicts the body map of a skeleton without a renderer or a mesh.

A small U-Net over limbs drawn as soft capsules. A skeleton does not determine everything (which arm is in front, how
stout the person is): there the network predicts the most likely. The trainer reports its error, and the denoiser is
trained with its maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from engine.body.atlas import Atlas
from engine.body.body_map import BodyMaps
from engine.networks import load_network

SHIPPED_MAPPER: Final = Path(__file__).parents[1] / "weights" / "body" / "mapper"
LIMBS: Final = (
    (0, 17),
    (5, 6),
    (5, 7),
    (7, 9),
    (6, 8),
    (8, 10),
    (5, 11),
    (6, 12),
    (11, 12),
    (11, 13),
    (13, 15),
    (12, 14),
    (14, 16),
)
"""COCO joints that a limb connects; 17 is the neck, midway between the shoulders."""
JOINTS: Final = 17
LIMB_RADIUS: Final = 0.16
JOINT_RADIUS: Final = 0.10
"""Radii of a limb and of a joint, as shares of the trunk's diagonal: about half the width of an upper arm, and a
joint."""
BUILD: Final = 3
"""The number of values of the build: sex (0 man, 1 woman), muscle and weight, each in 0..1; 0.5 if unknown."""
OUTPUTS: Final = 7
"""The number of output channels: silhouette, coordinates (3), normal (3)."""


@dataclass(frozen=True)
class Predicted:
    """inside [B, 1, h, w]: logits; coordinates [B, 3, h, w]: normalised canonical; normal [B, 3, h, w]."""

    inside: Tensor
    coordinates: Tensor
    normal: Tensor


def draw_limbs(joints: Tensor, rows: int, columns: int) -> Tensor:
    """joints [B, 17, 3]: x and y in 0..1 of the picture, weight 0..1 -> [B, 30, rows, columns] in 0..1: coverage by
    each limb, then each joint; zero where a joint has no weight. Widths assume a picture of 2 : 3."""
    aspect = torch.tensor([columns / rows, 1.0], device=joints.device)
    points, weights = joints[..., :2] * aspect, joints[..., 2]
    neck = points[:, (5, 6)].mean(1, keepdim=True)
    points = torch.cat([points, neck], 1)
    weights = torch.cat([weights, weights[:, (5, 6)].amin(1, keepdim=True)], 1)
    rows_at = (torch.arange(rows, device=joints.device) + 0.5) / rows
    columns_at = (torch.arange(columns, device=joints.device) + 0.5) / rows
    y, x = torch.meshgrid(rows_at, columns_at, indexing="ij")
    grid = torch.stack([x, y], -1).reshape(1, 1, -1, 2)
    size = _trunk(points, weights)[:, None, None]
    starts, ends = [limb[0] for limb in LIMBS], [limb[1] for limb in LIMBS]
    start, along = points[:, starts, None], (points[:, ends] - points[:, starts])[:, :, None]
    share = ((grid - start) * along).sum(-1) / along.square().sum(-1).clamp(min=1e-6)
    distance = (grid - start - along * share.clamp(0, 1)[..., None]).norm(dim=-1)
    radius = LIMB_RADIUS * size
    limbs = torch.sigmoid((radius - distance) * (6 / radius)) * (weights[:, starts] * weights[:, ends])[..., None]
    apart = (grid - points[:, :JOINTS, None]).square().sum(-1) / (JOINT_RADIUS * size).square()
    spots = torch.exp(-apart) * weights[:, :JOINTS, None]
    drawn = torch.cat([limbs, spots], 1)
    return drawn.view(*drawn.shape[:2], rows, columns)


def _trunk(points: Tensor, weights: Tensor) -> Tensor:
    """The diagonal [B] of the box around the visible shoulders and hips, in heights of the picture; around all joints
    where fewer than two of those are visible."""
    trunk, visible = points[:, (5, 6, 11, 12)], weights[:, (5, 6, 11, 12)] > 0
    low = trunk.masked_fill(~visible[..., None], torch.inf).amin(1)
    high = trunk.masked_fill(~visible[..., None], -torch.inf).amax(1)
    size = (high - low).norm(dim=-1)
    return torch.where(visible.sum(1) >= 2, size, torch.full_like(size, 0.25)).clamp(0.05, 1.5)


class FilmBlock(nn.Module):
    """Two convolutions with a residual, conditioned by scale and shift (FiLM: Perez et al., 2018)."""

    def __init__(self, channels: int, out: int, condition: int) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(8, channels)
        self.conv_in = nn.Conv2d(channels, out, 3, padding=1)
        self.condition = nn.Linear(condition, 2 * out)
        self.norm_out = nn.GroupNorm(8, out)
        self.conv_out = nn.Conv2d(out, out, 3, padding=1)
        self.skip = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        hidden = self.conv_in(F.silu(self.norm_in(x)))
        scale, shift = self.condition(condition)[..., None, None].chunk(2, 1)
        hidden = self.conv_out(F.silu(self.norm_out(hidden) * (1 + scale) + shift))
        result: Tensor = self.skip(x) + hidden
        return result


class BodyMapper(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """rows, columns: the size of the predicted map; multiples of 8."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, rows: int = 120, columns: int = 80, widths: tuple[int, int, int] = (32, 64, 96)) -> None:
        super().__init__()
        fine, middle, coarse = widths
        condition = 64
        self.build = nn.Sequential(nn.Linear(BUILD, condition), nn.SiLU(), nn.Linear(condition, condition))
        self.first = nn.Conv2d(len(LIMBS) + JOINTS + 2, fine, 3, padding=1)
        self.down = nn.ModuleList([FilmBlock(fine, fine, condition), FilmBlock(fine, middle, condition)])
        self.middle = nn.ModuleList([FilmBlock(middle, coarse, condition), FilmBlock(coarse, coarse, condition)])
        self.up = nn.ModuleList(
            [FilmBlock(coarse + middle, middle, condition), FilmBlock(middle + fine, 2 * fine, condition)]
        )
        self.last = nn.Conv2d(2 * fine, 4 * OUTPUTS, 3, padding=1)

    def forward(self, joints: Tensor, build: Tensor) -> Predicted:
        """joints [B, 17, 3] as in `draw_limbs`; build [B, BUILD]."""
        rows, columns = int(self.config.rows) // 2, int(self.config.columns) // 2
        drawn = draw_limbs(joints, rows, columns)
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, rows, device=drawn.device),
            torch.linspace(-1, 1, columns, device=drawn.device),
            indexing="ij",
        )
        place = torch.stack([x, y]).expand(len(drawn), -1, -1, -1)
        condition = self.build(2 * build - 1)
        fine = self.down[0](self.first(torch.cat([drawn, place], 1)), condition)
        middle = self.down[1](F.avg_pool2d(fine, 2), condition)
        coarse = self.middle[1](self.middle[0](F.avg_pool2d(middle, 2, ceil_mode=True), condition), condition)
        hidden = self.up[0](torch.cat([_sized(coarse, middle), middle], 1), condition)
        hidden = self.up[1](torch.cat([_sized(hidden, fine), fine], 1), condition)
        output = F.pixel_shuffle(self.last(F.silu(hidden)), 2)
        return Predicted(output[:, :1], output[:, 1:4], output[:, 4:])

    @torch.no_grad()
    def maps(self, joints: Tensor, build: Tensor, atlas: Atlas) -> BodyMaps:
        """The body maps of skeletons; joints and build as in `forward`."""
        predicted = self(joints, build)
        inside = predicted.inside[:, 0] > 0
        surface = torch.zeros_like(inside, dtype=torch.long)
        surface[inside] = atlas.nearest(predicted.coordinates.movedim(1, -1)[inside]) + 1
        normal = F.normalize(predicted.normal, dim=1) * inside[:, None]
        return BodyMaps(surface, normal)


def _sized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="nearest")


def load_mapper(folder: Path = SHIPPED_MAPPER) -> BodyMapper:
    """The mapper of a folder of `save_network`."""
    mapper: BodyMapper = load_network(BodyMapper, folder)
    return mapper
