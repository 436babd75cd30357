"""Contenders in one denoising step: a UNet with random weights, plain, with our branches, with diffusers' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from torch import Tensor, nn

from benchmarks.comparison import Contender
from benchmarks.shapes import Shape
from engine.adapter.attention import BranchCondition
from engine.adapter.model import BranchLayers, cross_attention_layers


class StepBench:
    """One UNet of a shape with random weights; each contender sets the attention that it needs."""

    def __init__(self, shape: Shape, device: str, dtype: torch.dtype | None = None) -> None:
        torch.manual_seed(0)
        self.shape, self.device = shape, device
        self.dtype = dtype or (torch.float16 if device.startswith("cuda") else torch.float32)
        with torch.device(device):
            self.unet = UNet2DConditionModel(**shape.unet).to(self.dtype).eval().requires_grad_(False)
        self.token_dim: int = self.unet.config.cross_attention_dim
        self._stock = dict(self.unet.attn_processors)
        with torch.device(device):
            layers = BranchLayers(self.token_dim, cross_attention_layers(self.unet))
            self._branches = layers.to(self.dtype).eval()
        self._branches.requires_grad_(False)

    def plain(self, rows: int = 1) -> Contender:
        """The UNet as diffusers makes it, without any image."""
        return Contender(self._restore, self._step(rows))

    def ours(self, tokens: int, rows: int = 1) -> Contender:
        """With `tokens` image tokens per picture on the body branch, K and V cached as in a request."""
        scale = torch.ones(rows, device=self.device, dtype=self.dtype)
        condition = {"body": BranchCondition(scale, self._random(rows, tokens, self.token_dim))}
        identity = {"identity": self._branches.cache(condition)}

        def prepare() -> None:
            self._restore()
            self._branches.attach(self.unet)

        return Contender(prepare, self._step(rows, cross_attention_kwargs=identity))

    def diffusers(self, tokens: int) -> Contender:
        """With diffusers' IP-Adapter processors. The tokens are ready: only the attention is compared."""
        processors = dict(self._stock)
        for name, (inner, _) in cross_attention_layers(self.unet).items():
            with torch.device(self.device):
                processors[name] = IPAdapterAttnProcessor2_0(inner, self.token_dim, (tokens,)).to(self.dtype)

        def prepare() -> None:
            self._restore()
            self.unet.set_attn_processor(dict(processors))
            self.unet.encoder_hid_proj = _Ready()
            self.unet.config.encoder_hid_dim_type = "ip_image_proj"

        embeds = [self._random(1, 1, tokens, self.token_dim)]
        return Contender(prepare, self._step(1, added={"image_embeds": embeds}))

    def one_by_one(self, tokens: int, rows: int) -> Contender:
        """`rows` pictures, one after the other."""
        single = self.ours(tokens)
        return Contender(single.prepare, lambda: [single.run() for _ in range(rows)])

    def _restore(self) -> None:
        self.unet.set_attn_processor(dict(self._stock))
        self.unet.encoder_hid_proj = None
        self.unet.config.encoder_hid_dim_type = None

    def _step(self, rows: int, added: dict[str, Any] | None = None, **extra: Any) -> Callable[[], Tensor]:
        side = self.unet.config.sample_size
        height, width = (side, side) if isinstance(side, int) else side
        latents = self._random(rows, self.unet.config.in_channels, height, width)
        text = self._random(rows, self.shape.text_tokens, self.token_dim)
        conditions = dict(added or {})
        if self.shape.added:
            conditions |= {"text_embeds": self._random(rows, 1280), "time_ids": self._random(rows, 6)}
        timestep = torch.tensor(500, device=self.device)

        @torch.inference_mode()
        def run() -> Tensor:
            output: Tensor = self.unet(
                latents, timestep, text, added_cond_kwargs=conditions, return_dict=False, **extra
            )[0]
            return output

        return run

    def _random(self, *size: int) -> Tensor:
        return torch.randn(*size, device=self.device, dtype=self.dtype)


class _Ready(nn.Module):
    """Replaces diffusers' projection of image embeddings: these are tokens already."""

    def forward(self, embeds: list[Tensor]) -> list[Tensor]:
        """Each [B, 1, N, D] -> [B, N, D]."""
        return [embed.flatten(0, 1) for embed in embeds]
