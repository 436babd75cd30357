"""Pose control for a small UNet: a skeleton picture becomes residuals on the UNet's down blocks.

The idea is that of T2I-Adapter (Mou et al., 2023): the residuals do not depend on the denoising step, so they are
computed once per request and cost one addition per step, while a ControlNet costs half a UNet per step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor, nn

from engine.pixels import to_tensor

WIDTH = 128


class PoseEncoder(nn.Module):
    """Initialised to zero: before training, and without a pose, the UNet's output is unchanged."""

    def __init__(self, channels: Sequence[int], downsamples: Sequence[int], patch_px: int = 8) -> None:
        """channels: of each residual; downsamples: how much coarser than the latent each is, powers of 2, ascending;
        patch_px: side of a latent's patch of the picture."""
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(patch_px), _convolution(3 * patch_px**2, WIDTH, 1))
        self.stages = nn.ModuleList()
        self.outputs = nn.ModuleList()
        before = 1
        for out, factor in zip(channels, downsamples, strict=True):
            self.stages.append(
                nn.Sequential(_convolution(WIDTH, WIDTH, factor // before), _convolution(WIDTH, WIDTH, 1))
            )
            self.outputs.append(_zero(nn.Conv2d(WIDTH, out, 1)))
            before = factor

    @classmethod
    def of(cls, unet: Any, patch_px: int = 8) -> PoseEncoder:
        """For a UNet2DConditionModel over latents of such patches, which adds a residual to a block with attention
        before it downsamples, and to a plain block after that."""
        downsamples, factor = [], 1
        for number, kind in enumerate(unet.config.down_block_types):
            last = number == len(unet.config.down_block_types) - 1
            plain = not kind.startswith("CrossAttn")
            downsamples.append(factor * 2 if plain and not last else factor)
            factor *= 1 if last else 2
        return cls(unet.config.block_out_channels, downsamples, patch_px)

    def forward(self, skeleton: Tensor, scale: Tensor) -> list[Tensor]:
        """skeleton [B, 3, H, W] in [0, 1], scale [B] -> residuals, each [B, C, h, w]."""
        features, residuals = self.stem(skeleton), []
        for stage, output in zip(self.stages, self.outputs, strict=True):
            features = stage(features)
            residuals.append(scale[:, None, None, None] * output(features))
        return residuals


def _convolution(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, stride=stride, padding=1), nn.GroupNorm(8, out), nn.SiLU())


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def skeleton_tensor(skeletons: Sequence[Image.Image]) -> Tensor:
    """RGB skeletons of one size -> float32 [B, 3, H, W] in [0, 1]."""
    return (to_tensor(np.stack([np.asarray(skeleton, np.uint8) for skeleton in skeletons])) + 1) / 2
