"""VAE, text encoders and CLIP's image encoder over photos and captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from engine.backbones.long_prompts import encode_prompts
from engine.pixels import to_tensor
from trainer.adapter.base import PublicBase


@dataclass(frozen=True)
class TextStates:
    """states [B, M, D]; pooled [B, D'] for SDXL, else None."""

    states: Tensor
    pooled: Tensor | None


class PhotoEncoders:
    """The frozen encoders of a base for photos and captions."""

    def __init__(self, base: PublicBase, device: torch.device) -> None:
        """On a GPU, all encoders except the autoencoder run in half precision."""
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.device = device
        self.vae = base.vae().to(device)
        self.text = base.text_pipeline(dtype).to(device)
        self.vision = base.vision_encoder(dtype).to(device)
        config = self.vision.config
        self.crop_px, self.patch_px = int(config.image_size), int(config.patch_size)
        size = {"height": self.crop_px, "width": self.crop_px}
        self._processor: Any = CLIPImageProcessorPil(size={"shortest_edge": self.crop_px}, crop_size=size)

    @property
    def vae_factor(self) -> int:
        """Pixels per latent cell and side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @torch.inference_mode()
    def latents(self, image: Image.Image) -> tuple[Tensor, Tensor]:
        """RGB, W x H px -> mean and standard deviation [C, h, w] of the posterior, unscaled."""
        pixels = to_tensor(np.array(image, np.uint8)[None]).to(self.device)
        posterior = self.vae.encode(pixels).latent_dist
        return posterior.mean[0], posterior.std[0]

    @torch.inference_mode()
    def captions(self, texts: Sequence[str]) -> TextStates:
        """Encodes in chunks of 77 tokens, as the engine does. An empty text gives zeros for bases configured so."""
        encoded = encode_prompts(self.text, texts, str(self.device))
        states, pooled = encoded.states, encoded.pooled
        if getattr(self.text.config, "force_zeros_for_empty_prompt", False):
            has_text = torch.tensor([bool(text) for text in texts], device=states.device)
            states = states * has_text[:, None, None]
            pooled = None if pooled is None else pooled * has_text[:, None]
        return TextStates(states, pooled)

    @torch.inference_mode()
    def crops(self, crops: Sequence[Image.Image]) -> tuple[Tensor, Tensor]:
        """RGB squares -> penultimate states [n, S, D], and embeddings [n, E] for adapters that read one embedding."""
        return self._hidden_states(self._processor(list(crops), return_tensors="pt").pixel_values)

    def nothing(self) -> tuple[Tensor, Tensor]:
        """The states [1, S, D] of a picture of zeros, and an embedding [1, E] of zeros, as in IP-Adapter's training."""
        with torch.inference_mode():
            hidden, embeds = self._hidden_states(torch.zeros(1, 3, self.crop_px, self.crop_px))
        return hidden, torch.zeros_like(embeds)

    def _hidden_states(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        found = self.vision(pixels.to(self.device, self.vision.dtype), output_hidden_states=True)
        return found.hidden_states[-2], found.image_embeds
