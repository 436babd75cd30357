"""The nano backbone's autoencoder: RGB <-> latents at an eighth of the side.

Most work happens behind a pixel-unshuffle, at a quarter and an eighth of the side, where a CPU is quick. The interface
is that of the autoencoders in diffusers (`encode(...).latents`, `decode(...).sample`, `config.scaling_factor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

LATENT_BOUND = 4.0


@dataclass(frozen=True)
class Encoded:
    """latents: [B, latent_channels, H/8, W/8], of about unit variance."""

    latents: Tensor


@dataclass(frozen=True)
class Decoded:
    """sample: [B, 3, H, W], nominally in [-1, 1]."""

    sample: Tensor


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same shape."""
        return cast(Tensor, x + self.second(F.silu(self.first(F.silu(self.norm(x))))))


class NanoAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Deterministic, with bounded latents. Sides must be multiples of 8 px."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 8,
        width_quarter: int = 96,
        width_eighth: int = 192,
        blocks: int = 2,
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, width_quarter, 3, padding=1),
            ResidualBlock(width_quarter),
            nn.Conv2d(width_quarter, width_eighth, 3, stride=2, padding=1),
            *(ResidualBlock(width_eighth) for _ in range(blocks)),
            nn.Conv2d(width_eighth, latent_channels, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_channels, width_eighth, 3, padding=1),
            *(ResidualBlock(width_eighth) for _ in range(blocks)),
            nn.Conv2d(width_eighth, 4 * width_quarter, 1),
            nn.PixelShuffle(2),
            *(ResidualBlock(width_quarter) for _ in range(blocks)),
            nn.Conv2d(width_quarter, 48, 3, padding=1),
            nn.PixelShuffle(4),
        )

    def encode(self, x: Tensor) -> Encoded:
        """x [B, 3, H, W] in [-1, 1]."""
        raw = self.encoder(x)
        return Encoded(LATENT_BOUND * torch.tanh(raw / LATENT_BOUND))

    def decode(self, z: Tensor) -> Decoded:
        """z [B, latent_channels, H/8, W/8]."""
        return Decoded(self.decoder(z))

    def forward(self, x: Tensor, latent_noise: float = 0.0) -> Tensor:
        """Reconstructs x; `latent_noise` (standard deviation) teaches the decoder to forgive small latent errors."""
        latents = self.encode(x).latents
        if latent_noise:
            latents = latents + latent_noise * torch.randn_like(latents)
        return cast(Tensor, self.decoder(latents))
