"""The way from a draft to a picture.

A Brownian bridge in latent space (BBDM: Li et al., 2023; I2SB: Liu et al., 2023): at time 1 there is the draft, at time
0 the picture, between them their mixture and noise, most in the middle. Who starts at a draft that is nearly right has
hardly any noise to remove, and needs few steps for it. In units of what the draft lacks (`Guidance.spread`), so that
every channel counts alike.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from engine.adapter.guide import Guidance

NOISE: Final = 0.5
"""Its standard deviation at time t is this times sqrt(t (1 - t)), as a share of what the draft lacks."""
TIMES: Final = 1000.0
"""A UNet's time embedding is made for times from 0 to this."""


def on_the_way(clean: Tensor, time: Tensor, guidance: Guidance, noise: Tensor) -> Tensor:
    """Latents at time [B] between the draft's and clean [B, C, h, w]; noise likewise, of unit variance."""
    time = _over_latents(time)
    deviation = NOISE * (time * (1 - time)).sqrt() * guidance.spread.sqrt()
    return clean + time * (guidance.latents - clean) + deviation * noise


def beside(latents: Tensor, time: Tensor, guidance: Guidance) -> Tensor:
    """What the UNet reads [B, C + G, h, w] of latents [B, C, h, w] at time [B]: how far they are from the draft, at
    unit variance, and the guide's channels."""
    share = 1 - _over_latents(time)
    variance = share * (share + NOISE**2 * (1 - share))
    return torch.cat([_off(latents, guidance) / variance.clamp(min=1e-6).sqrt(), guidance.channels], 1)


def clean_of(output: Tensor, latents: Tensor, time: Tensor, guidance: Guidance) -> Tensor:
    """The clean latents that the UNet's output means. Preconditioned (Karras et al., 2022): the output has unit
    variance at every time; one of zero draws the draft at time 1."""
    time = _over_latents(time)
    spread = 1 - time + NOISE**2 * time
    lacking = _off(latents, guidance) / spread + (NOISE**2 * time / spread).sqrt() * output
    return guidance.latents + guidance.spread.sqrt() * lacking


def step(latents: Tensor, clean: Tensor, start: float, end: float, guidance: Guidance, noise: Tensor) -> Tensor:
    """From time start to end, were clean [B, C, h, w] the picture; noise likewise: of unit variance for the bridge's
    own way, zero for its middle."""
    deviation = NOISE * (end * (start - end) / start) ** 0.5 * guidance.spread.sqrt()
    reached: Tensor = clean + end / start * (latents - clean) + deviation * noise
    return reached


def _off(latents: Tensor, guidance: Guidance) -> Tensor:
    return (latents - guidance.latents) / guidance.spread.sqrt()


def _over_latents(time: Tensor) -> Tensor:
    return time.view(-1, 1, 1, 1)
