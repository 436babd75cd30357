"""Previews of a drawing in progress: by a tiny autoencoder where it is present, else by a linear map."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.pixels import to_uint8

SHADES = (-1.0, 0.0, 1.0)
FLAT_PX = 64


class PreviewDecoder(Protocol):
    """The denoiser's latents -> RGB in [-1, 1]."""

    def __call__(self, latents: Tensor) -> Tensor: ...


class TinyDecoder:
    """diffusers' AutoencoderTiny (TAESD): a picture at full size, blurrier than the model's own."""

    def __init__(self, autoencoder: Any) -> None:
        self._autoencoder = autoencoder

    def __call__(self, latents: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, 3, 8 h, 8 w]."""
        decoded: Tensor = self._autoencoder.decode(latents.to(self._autoencoder.dtype)).sample
        return decoded


class LinearDecoder:
    """The colour of a latent pixel as a linear function of its channels, fitted to the autoencoder's flat colours."""

    def __init__(self, vae: Any) -> None:
        self._vae = vae
        self._matrix: Tensor | None = None

    def __call__(self, latents: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, 3, h, w]."""
        if self._matrix is None:
            self._matrix = self._fitted(latents.device)
        weight, bias = self._matrix[:-1], self._matrix[-1]
        return F.conv2d(latents.float(), weight.T[:, :, None, None], bias)

    @torch.no_grad()
    def _fitted(self, device: torch.device) -> Tensor:
        """[C + 1, 3] on `device`; the last row is the offset."""
        colours = torch.cartesian_prod(*[torch.tensor(SHADES)] * 3)
        flat = colours[:, :, None, None].expand(-1, -1, FLAT_PX, FLAT_PX)
        encoded = self._vae.encode(flat.to(device, self._vae.dtype)).latent_dist.mode()
        latents = (encoded * self._vae.config.scaling_factor).float().mean((2, 3))
        with_offset = torch.cat([latents, torch.ones_like(latents[:, :1])], 1)
        matrix: Tensor = torch.linalg.lstsq(with_offset.cpu(), colours).solution.to(latents.device)
        return matrix


def to_pictures(pixels: Tensor) -> list[Image.Image]:
    """[B, 3, H, W] in [-1, 1] -> RGB pictures."""
    return [Image.fromarray(picture) for picture in to_uint8(pixels)]
