"""The network that reads the parts of one person from a crop, given a matte and joints where other networks read them.

It is apart from the person parser's other network because outlines of hair, collars and sleeves need finer pixels than
joints and the embedding do.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.identity.blocks import Residual, convolution, load_weights, save_weights

WEIGHTS_NAME: Final = "parts.safetensors"
METADATA_NAME: Final = "parts.json"
HINT_STRIDE: Final = 4
"""Pixels per position of the hints, each way."""
HINT_SIGMA: Final = 1.0
"""Standard deviation of the heat maps of given joints, in positions."""
UNSHUFFLED: Final = 2
"""Pixels per position of the first level, each way."""


@dataclass(frozen=True)
class PartsConfig:
    """The size of the crop in px, multiples of 16, and the widths of the four levels."""

    width: int = 128
    height: int = 192
    channels: tuple[int, int, int, int] = (16, 48, 96, 144)
    joints: int = 17
    parts: int = 8


class PartsNetwork(nn.Module):
    """A U-Net over 2 x 2 pixels; the heat maps of given joints enter at a quarter of the side."""

    def __init__(self, config: PartsConfig = PartsConfig()) -> None:
        super().__init__()
        self.config = config
        fine, half, middle, coarse = config.channels
        self.stem = nn.Sequential(convolution(4 * UNSHUFFLED**2, fine, activation=nn.SiLU), Residual(fine, nn.SiLU))
        self.down = nn.ModuleList(
            [
                nn.Sequential(convolution(fine, half, 2, activation=nn.SiLU), Residual(half, nn.SiLU)),
                nn.Sequential(convolution(half, middle, 2, activation=nn.SiLU), Residual(middle, nn.SiLU)),
                nn.Sequential(
                    convolution(middle, coarse, 2, activation=nn.SiLU),
                    Residual(coarse, nn.SiLU),
                    Residual(coarse, nn.SiLU),
                ),
            ]
        )
        self.given = nn.Conv2d(config.joints, half, 3, padding=1)
        self.context = nn.Linear(coarse, coarse)
        self.up = nn.ModuleList([nn.Conv2d(coarse, middle, 1), nn.Conv2d(middle, half, 1), nn.Conv2d(half, fine, 1)])
        self.merge = nn.ModuleList([Residual(middle, nn.SiLU), Residual(half, nn.SiLU), Residual(fine, nn.SiLU)])
        self.parts = nn.Conv2d(fine, config.parts * UNSHUFFLED**2, 3, padding=1)

    def forward(self, crops: Tensor, hints: Tensor) -> Tensor:
        """crops [B, 3, H, W] in [-1, 1], hints as `hints_of` makes them -> logits
        [B, parts, H, W]."""
        matte = F.pixel_shuffle(hints[:, : HINT_STRIDE**2], HINT_STRIDE)
        heat = hints[:, HINT_STRIDE**2 :]
        levels = [self.stem(F.pixel_unshuffle(torch.cat([crops, matte], 1), UNSHUFFLED))]
        for number, down in enumerate(self.down):
            hidden = down(levels[-1])
            levels.append(hidden + self.given(heat) if number == 0 else hidden)
        hidden = levels.pop()
        hidden = hidden + self.context(hidden.mean((2, 3)))[:, :, None, None]
        for up, merge in zip(self.up, self.merge, strict=True):
            hidden = merge(levels.pop() + F.interpolate(up(hidden), scale_factor=2.0))
        logits: Tensor = F.pixel_shuffle(self.parts(hidden), UNSHUFFLED)
        return logits


def hints_of(mattes: Tensor, joints: Tensor) -> Tensor:
    """The input planes [B, 16 + J, H / 4, W / 4] of what other networks read in a crop.

    mattes [B, H, W] in 0..1, negative where there is none; joints [B, J, 3]: x and y in px of the crop, and 1 for a
    given joint, 0 for another."""
    shades = torch.where(mattes < 0, 0.0, 2 * mattes - 1)[:, None]
    rows, columns = mattes.shape[1] // HINT_STRIDE, mattes.shape[2] // HINT_STRIDE
    heat = gaussians(joints / HINT_STRIDE, rows, columns, HINT_SIGMA) * joints[..., 2, None, None]
    return torch.cat([F.pixel_unshuffle(shades, HINT_STRIDE), heat], 1)


def gaussians(places: Tensor, rows: int, columns: int, sigma: float) -> Tensor:
    """[B, J, rows, columns]: around each of `places` [B, J, 2 or more], in positions, a Gaussian of height 1 and of
    `sigma` positions."""
    x, y = places[..., :1], places[..., 1:2]
    across = torch.exp(-((torch.arange(columns, device=places.device) + 0.5 - x) ** 2) / (2 * sigma**2))
    down = torch.exp(-((torch.arange(rows, device=places.device) + 0.5 - y) ** 2) / (2 * sigma**2))
    return down[..., :, None] * across[..., None, :]


def save_parts_network(folder: Path, network: PartsNetwork, facts: dict[str, Any]) -> None:
    """Writes the weights, and parts.json with the config and `facts` (data, commit, step, figures)."""
    save_weights(folder / WEIGHTS_NAME, folder / METADATA_NAME, network, asdict(network.config), facts)


def load_parts_network(folder: Path) -> tuple[PartsNetwork, dict[str, Any]]:
    """The network in fp32 and evaluation mode, and its metadata. Raises WeightsError where the weights are absent or do
    not fit."""
    return load_weights(
        folder / WEIGHTS_NAME,
        folder / METADATA_NAME,
        lambda config: PartsNetwork(PartsConfig(**config)),
        "python -m trainer parts",
    )
