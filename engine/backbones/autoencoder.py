"""The nano backbone's autoencoder: RGB <-> latents at an eighth or a sixteenth of the side.

Linear both ways: the principal components of square patches of 8 or 16 px, largest first, so latents are uncorrelated,
centred and ordered from coarse to fine, on real photos as well as on rendered ones. With enough components a learned
decoder improves the error by very little (trainer/LOG.md). The interface is that of diffusers' autoencoders
(`encode(...).latents`, `decode(...).sample`, `config.scaling_factor`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn


@dataclass(frozen=True)
class Encoded:
    """latents: [B, latent_channels, H/patch, W/patch], of unit variance on average (`variances`)."""

    latents: Tensor


@dataclass(frozen=True)
class Decoded:
    """sample: [B, 3, H, W], nominally in [-1, 1]."""

    sample: Tensor


class NanoAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Deterministic. Sides must be multiples of patch_px; `fit` sets it."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, latent_channels: int = 16, scaling_factor: float = 1.0, patch_px: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, latent_channels, patch_px, stride=patch_px).requires_grad_(False)
        self.inverse = nn.ConvTranspose2d(latent_channels, 3, patch_px, stride=patch_px).requires_grad_(False)

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Sets encoder and decoder to the principal components of images [B, 3, H, W] in [-1, 1].

        A component of standard deviation s is scaled to sqrt(s), then all of them to unit variance. Unscaled components
        would let brightness dominate; components of equal variance would weigh noise as much as coarse structure.
        """
        patch_px = self.config.patch_px
        patches = F.pixel_unshuffle(images, patch_px).permute(0, 2, 3, 1).flatten(0, 2).double()
        mean = patches.mean(0)
        centred = patches - mean
        directions, variances, _ = torch.linalg.svd(centred.T @ centred / len(centred))
        channels = self.config.latent_channels
        spread = variances[:channels].sqrt()
        scale = (spread * spread.mean()).sqrt()
        shape = (channels, 3, patch_px, patch_px)
        self.encoder.weight.copy_((directions[:, :channels] / scale).T.view(shape))
        self.inverse.weight.copy_((directions[:, :channels] * scale).T.view(shape))
        assert self.encoder.bias is not None and self.inverse.bias is not None
        self.encoder.bias.copy_(-(directions[:, :channels] / scale).T @ mean)
        self.inverse.bias.copy_(mean.view(3, -1).mean(1))

    def variances(self) -> Tensor:
        """The variances of the latents' channels over photos [1, C, 1, 1], 1 on average. They also weigh the error of
        each channel in the picture: `fit` scales components by the root of their standard deviation."""
        gains = self.inverse.weight.square().sum((1, 2, 3))
        return (gains / gains.mean())[None, :, None, None]

    def encode(self, x: Tensor) -> Encoded:
        """x [B, 3, H, W] in [-1, 1]."""
        return Encoded(self.encoder(x))

    def decode(self, z: Tensor) -> Decoded:
        """z [B, latent_channels, H/patch, W/patch] -> [B, 3, H, W]."""
        return Decoded(self.inverse(z))
