"""The shipped person parser's network: from the crop of one person to joints, parts and an embedding of the body.

A small U-Net over 4 x 4 pixels. Each joint has a heat map and a second map with its visibility; every pixel gets a
part; the embedding is computed from the encoder's features, which hardly contain absolute colours after the
normalisations, and from the colours of every part.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.identity.blocks import Residual, convolution, load_weights, save_weights

WEIGHTS_NAME: Final = "model.safetensors"
METADATA_NAME: Final = "metadata.json"

STRIDE: Final = 4
"""Pixels of the crop per cell of the heat maps, each way."""
COLOURS: Final = 7
"""The number of values per part: its share of the person, mean and spread of red, green and blue."""
PART_PIXELS: Final = 40.0
"""The number of pixels below which a part's colours are weighted in proportion to its size."""
_PEAK_RADIUS: Final = 2
"""The radius, in cells around the highest one, over which a joint's place is averaged."""


@dataclass(frozen=True)
class NetworkConfig:
    """The shapes that the weights must fit: crop in px, channels of the three levels, number of outputs."""

    width: int = 96
    height: int = 144
    channels: tuple[int, int, int] = (32, 72, 112)
    joints: int = 17
    parts: int = 8
    embedding: int = 128

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Outputs:
    """heat [B, joints, h, w]: log-probabilities of the cells; seen [B, joints]: logits of visibility; parts [B, parts,
    H, W]: logits."""

    heat: Tensor
    seen: Tensor
    parts: Tensor


class ParserNetwork(nn.Module):
    """Joints and parts by `forward`, the embedding by `embed`. Crops are [B, 3, H, W] in [-1, 1]."""

    def __init__(self, config: NetworkConfig = NetworkConfig()) -> None:
        super().__init__()
        self.config = config
        fine, middle, coarse = config.channels
        self.stem = nn.Sequential(nn.PixelUnshuffle(STRIDE), convolution(3 * STRIDE**2, fine), Residual(fine))
        self.down = nn.Sequential(convolution(fine, middle, 2), Residual(middle))
        self.bottom = nn.Sequential(convolution(middle, coarse, 2), Residual(coarse), Residual(coarse))
        self.context = nn.Linear(coarse, coarse)
        self.up_middle = nn.Conv2d(coarse, middle, 1)
        self.merge_middle = convolution(middle, middle)
        self.up_fine = nn.Conv2d(middle, fine, 1)
        self.merge_fine = convolution(fine, fine)
        self.heat = nn.Conv2d(fine, 2 * config.joints, 1)
        self.parts = nn.Sequential(nn.Conv2d(fine, config.parts * STRIDE**2, 1), nn.PixelShuffle(STRIDE))
        pooled = middle + 2 * coarse + COLOURS * (config.parts - 1)
        self.embedding = nn.Sequential(nn.Linear(pooled, 256), nn.ReLU(), nn.Linear(256, config.embedding))

    def forward(self, crops: Tensor) -> Outputs:
        fine, middle, coarse = self._encode(crops)
        coarse = coarse + self.context(coarse.mean((2, 3)))[:, :, None, None]
        middle = self.merge_middle(middle + F.interpolate(self.up_middle(coarse), scale_factor=2.0))
        fine = self.merge_fine(fine + F.interpolate(self.up_fine(middle), scale_factor=2.0))
        heat, seen = self.heat(fine).chunk(2, dim=1)
        heat = heat.flatten(2).log_softmax(2)
        seen = (heat.exp() * seen.flatten(2)).sum(2)
        return Outputs(heat.unflatten(2, fine.shape[2:]), seen, self.parts(fine))

    def embed(self, crops: Tensor, weights: Tensor) -> Tensor:
        """Unit vectors [B, embedding] of crops that are weighted around their joints by `weights` [B, 1, H, W]."""
        return F.normalize(self.embedding(self.pooled(crops, weights)), dim=1)

    def pooled(self, crops: Tensor, weights: Tensor) -> Tensor:
        """The inputs of the embedding: features of the weighted crop; each part's share and colours."""
        parts = self(crops).parts.softmax(1)[:, 1:] * weights
        _, middle, coarse = self._encode((crops + 1) * weights - 1)
        features = [middle.mean((2, 3)), coarse.mean((2, 3)), coarse.amax((2, 3))]
        mass = parts.flatten(2).sum(2, keepdim=True)
        mean = parts.flatten(2) @ crops.flatten(2).transpose(1, 2) / mass.clamp_min(1e-6)
        square = parts.flatten(2) @ (crops**2).flatten(2).transpose(1, 2) / mass.clamp_min(1e-6)
        presence = (mass / PART_PIXELS).clamp_max(1.0)
        share = (mass / mass.sum(1, keepdim=True).clamp_min(1e-6)).sqrt()
        spread = (square - mean**2).clamp_min(0).sqrt()
        colours = torch.cat([share, mean * presence, spread * presence], 2)
        return torch.cat([*features, colours.flatten(1)], 1)

    def _encode(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.stem(crops)
        middle = self.down(fine)
        return fine, middle, self.bottom(middle)


def joints(outputs: Outputs) -> Tensor:
    """[B, joints, 3]: x and y in px of the crop, confidence in 0..1."""
    heat = outputs.heat.exp()
    batch, count, rows, columns = heat.shape
    best = heat.flatten(2).argmax(2)
    row, column = best // columns, best % columns
    ys = torch.arange(rows).expand(batch, count, rows)
    xs = torch.arange(columns).expand(batch, count, columns)
    near_rows = ((ys - row[..., None]).abs() <= _PEAK_RADIUS).float()
    near_columns = ((xs - column[..., None]).abs() <= _PEAK_RADIUS).float()
    peak = heat * near_rows[..., :, None] * near_columns[..., None, :]
    mass = peak.sum((2, 3)).clamp_min(1e-12)
    x = (peak.sum(2) * (xs + 0.5)).sum(2) / mass * STRIDE
    y = (peak.sum(3) * (ys + 0.5)).sum(2) / mass * STRIDE
    return torch.stack([x, y, outputs.seen.sigmoid()], 2)


def save_network(folder: Path, network: ParserNetwork, facts: dict[str, Any]) -> None:
    """Writes the weights, and metadata.json with the config and `facts` (data, commit, step, figures)."""
    save_weights(folder / WEIGHTS_NAME, folder / METADATA_NAME, network, network.config.to_dict(), facts)


def load_network(folder: Path) -> tuple[ParserNetwork, dict[str, Any]]:
    """The network in fp32 and evaluation mode, and its metadata. Raises WeightsError where the weights are absent or do
    not fit."""
    return load_weights(
        folder / WEIGHTS_NAME,
        folder / METADATA_NAME,
        lambda config: ParserNetwork(NetworkConfig(**config)),
        "python -m trainer parser",
    )
