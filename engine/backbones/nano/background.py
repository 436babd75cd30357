"""The denoiser of the background, which is drawn from noise before the person is.

In one step, a denoiser with the least squared error draws the mean of all places of a name: a pale gradient for
mountains. Therefore a small network decides the background first, as another one decides the layout. It takes many
steps: flow matching over principal components of coarse backgrounds (trainer/LOG.md 29).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from engine.backbones.nano.attributes import NAMES, SLOTS

CONDITIONS: Final = ("place", "framing")
"""The slots that a background depends on: portraits are taken from nearer, before a softer background."""
STEPS: Final = 32
TIME_FREQUENCIES: Final = 32
TIME_FREQUENCY_MAX: Final = 1000.0
WHITENING: Final = 0.5
"""Components are divided by this power of their standard deviation: at 0 all noise is in the finest ones, at 1 they
count as much as the coarsest."""


class BackgroundDenoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A residual network over the components of a background of rows x columns px."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, rows: int = 60, columns: int = 40, components: int = 256, width: int = 512, depth: int = 6
    ) -> None:
        super().__init__()
        pixels = 3 * rows * columns
        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("basis", torch.zeros(components, pixels))
        self.register_buffer("scale", torch.ones(components))
        self.embeddings = nn.ModuleList([nn.Embedding(1 + len(SLOTS[name]), width) for name in CONDITIONS])
        self.time = nn.Sequential(nn.Linear(2 * TIME_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.enter = nn.Linear(components, width)
        self.blocks = nn.ModuleList([_Block(width) for _ in range(depth)])
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, components))

    def fit(self, backgrounds: Tensor) -> None:
        """Takes the components from backgrounds [N, 3, rows, columns] in [-1, 1], N at least their number."""
        flat = backgrounds.flatten(1)
        self.mean.copy_(flat.mean(0))
        _, deviations, basis = torch.svd_lowrank(flat - self.mean, q=len(self.scale), niter=4)
        self.basis.copy_(basis.T)
        spread = deviations / math.sqrt(len(flat))
        self.scale.copy_(spread**WHITENING * spread.pow(1 - WHITENING).square().mean().sqrt())

    def encode(self, backgrounds: Tensor) -> Tensor:
        """[B, 3, rows, columns] -> components [B, K] whose mean square is 1."""
        return (backgrounds.flatten(1) - self.mean) @ self.basis.T / self.scale

    def decode(self, components: Tensor) -> Tensor:
        """[B, K] -> [B, 3, rows, columns]."""
        flat = components * self.scale @ self.basis + self.mean
        return flat.view(len(flat), 3, self.config.rows, self.config.columns)

    def forward(self, z: Tensor, time: Tensor, values: Tensor) -> Tensor:
        """z [B, K] at times [B], from noise at 0 to clean components at 1; values int64 [B, slots] of
        `encode_attributes` -> velocity [B, K]."""
        condition = self.time(_angles(time))
        for name, embedding in zip(CONDITIONS, self.embeddings, strict=True):
            condition = condition + embedding(values[:, NAMES.index(name)])
        condition = nn.functional.silu(condition)
        hidden = self.enter(z)
        for block in self.blocks:
            hidden = block(hidden, condition)
        velocity: Tensor = self.last(hidden)
        return velocity

    @torch.inference_mode()
    def draw(self, values: Tensor, seeds: Sequence[int], steps: int = STEPS) -> Tensor:
        """Backgrounds [B, 3, rows, columns] in about [-1, 1] by Euler's method; equal seeds give equal noise."""
        noise = [np.random.default_rng([31, seed]).standard_normal(len(self.scale), np.float32) for seed in seeds]
        z = torch.from_numpy(np.stack(noise)).to(values.device)
        for number in range(steps):
            z = z + self(z, torch.full((len(z),), number / steps, device=z.device), values) / steps
        return self.decode(z)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.enter, self.condition, self.leave = (nn.Linear(width, width) for _ in range(3))
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, hidden: Tensor, condition: Tensor) -> Tensor:
        change: Tensor = self.leave(nn.functional.silu(self.enter(self.norm(hidden)) + self.condition(condition)))
        return hidden + change


def _angles(time: Tensor) -> Tensor:
    """[B] -> sines and cosines [B, 2 TIME_FREQUENCIES]."""
    octaves = torch.linspace(0, math.log(TIME_FREQUENCY_MAX), TIME_FREQUENCIES, device=time.device)
    angles = time[:, None] * octaves.exp()
    return torch.cat([angles.sin(), angles.cos()], 1)
