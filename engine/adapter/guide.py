"""What is known of a picture's layout before it is drawn, as channels beside the noisy latents.

The joints that the person is to have, and the reference laid along them (`engine.adapter.reposing`). None of it depends
on the denoising step, so it is computed once a request and costs a wider first convolution a step; a base that is
trained with such channels (as inpainting UNets are) sees them at full resolution in its first layer, where residuals on
its down blocks come after the first halving.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.adapter.reposing import Reposed

CHANNELS: Final = 128
FINEST_PX: Final = 4
WIDTHS: Final = (32, 64)
"""Of the convolutions before the last."""


class Guide(nn.Module):
    """Reads a skeleton and a reposed reference for latents of `latent_channels` over patches of `patch_px`, a power of
    2 from 8 on."""

    def __init__(self, latent_channels: int, patch_px: int, channels: int = CHANNELS) -> None:
        super().__init__()
        self.patch_px = patch_px
        halvings = int(math.log2(patch_px // FINEST_PX))
        widths: Sequence[int] = (*WIDTHS[:halvings], channels)
        layers: list[nn.Module] = [nn.PixelUnshuffle(FINEST_PX)]
        before = 7 * FINEST_PX**2
        for number, width in enumerate(widths):
            last = number == len(widths) - 1
            layers += [_convolution(before, width)]
            layers += [] if last else [nn.PixelUnshuffle(2)]
            before = 4 * width
        self.read = nn.Sequential(*layers)
        self.channels = channels + latent_channels

    @classmethod
    def of(cls, unet: Any, patch_px: int) -> Guide | None:
        """For a UNet2DConditionModel that takes more channels than it gives; None for any other."""
        latent = int(unet.config.out_channels)
        extra = int(unet.config.in_channels) - 2 * latent
        return cls(latent, patch_px, extra) if extra > 0 else None

    def forward(self, skeleton: Tensor, reposed: Reposed, latents: Tensor) -> Tensor:
        """skeleton [B, 3, H, W] in [0, 1], `latents_of` the reposed reference [B, C, h, w] -> [B, channels, h, w]: what
        was read, and those latents; all zeros say nothing."""
        features: Tensor = self.read(torch.cat([skeleton, reposed.picture, reposed.shown], 1))
        return torch.cat([features, latents], 1)

    def of_nobody(self, rows: int, size: tuple[int, int], vae: Any) -> Tensor:
        """[rows, channels, h, w]: what is read where nothing is known, for pictures of `size` (rows, columns)."""
        nobody = nothing_reposed(rows, size, vae.device)
        guide: Tensor = self(torch.zeros(rows, 3, *size, device=vae.device), nobody, latents_of(nobody, vae))
        return guide


@torch.no_grad()
def latents_of(reposed: Reposed, vae: Any) -> Tensor:
    """[B, C, h, w], zero where nothing shows."""
    latents: Tensor = vae.encode(reposed.picture).latents * vae.config.scaling_factor
    return latents * F.avg_pool2d(reposed.shown, int(vae.config.patch_px))


def at_scales(reposed: Reposed, face: Tensor, body: Tensor) -> Reposed:
    """With the branches' scales [B], where they are below 1: the head shows as far as either branch does."""
    face, body = (scale.clamp(0, 1)[:, None, None, None].to(reposed.shown.dtype) for scale in (face, body))
    factor = torch.where(reposed.head, torch.maximum(face, body), body)
    return Reposed(reposed.picture * factor, reposed.shown * factor, reposed.head)


def nothing_reposed(rows: int, size: tuple[int, int], device: torch.device | str = "cpu") -> Reposed:
    """Of nobody, for pictures of `size` (rows, columns)."""
    return Reposed(
        torch.zeros(rows, 3, *size, device=device),
        torch.zeros(rows, 1, *size, device=device),
        torch.zeros(rows, 1, *size, dtype=torch.bool, device=device),
    )


def _convolution(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.GroupNorm(8, out), nn.SiLU())
