"""What is known of a picture before it is drawn, and how a UNet is told.

The draft: who is on the photo, laid along the wanted joints (`engine.adapter.reposing`), before the place. It has torn
seams, no shadow and none of what the photo hides; the UNet draws the difference. As channels beside the latents,
as inpainting UNets have them, it is seen at full resolution in the first layer. None of it depends on the denoising
step, so it is computed once a request.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.adapter.reposing import Reposed, body_region

CHANNELS: Final = 128
FINEST_PX: Final = 4
WIDTHS: Final = (32, 64)
"""Of the convolutions before the last."""


@dataclass(frozen=True)
class Draft:
    """picture [B, 3, H, W] in [-1, 1], mid grey where nothing is known; shown [B, 1, H, W], 0 to 1, how far it is the
    person; doubtful [B, 1, H, W], 1 where it may be far from what is wanted: about the body, where nothing is
    known, and everywhere in another style."""

    picture: Tensor
    shown: Tensor
    doubtful: Tensor


@dataclass(frozen=True)
class Guidance:
    """channels [B, G, h, w], what the UNet reads beside the latents; latents [B, C, h, w] of the draft; spread
    [B, C, h, w], the variance of what it lacks."""

    channels: Tensor
    latents: Tensor
    spread: Tensor


class Guide(nn.Module):
    """Reads a skeleton and a draft for latents of `latent_channels` over patches of `patch_px`, a power of 2 from 8 on.

    spread [2, C, 1, 1]: the variance of what drafts lack where they are not doubtful and where they are, to be measured
    before training."""

    spread: Tensor

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
        self.register_buffer("spread", torch.ones(2, latent_channels, 1, 1))

    @classmethod
    def of(cls, unet: Any, patch_px: int) -> Guide:
        """For a UNet2DConditionModel that takes its channels beside the latents."""
        latent = int(unet.config.out_channels)
        return cls(latent, patch_px, int(unet.config.in_channels) - 2 * latent)

    def forward(self, skeleton: Tensor, draft: Draft, vae: Any) -> Guidance:
        """skeleton [B, 3, H, W] in [0, 1], black where no pose is known."""
        features = self.read(torch.cat([skeleton, draft.picture, draft.shown], 1))
        # drafts lack less than half precision rounds away
        with torch.no_grad(), torch.autocast(draft.picture.device.type, enabled=False):
            latents = vae.encode(draft.picture).latents * vae.config.scaling_factor
            level = latents / vae.variances().sqrt()
            doubtful = F.avg_pool2d(draft.doubtful, self.patch_px)
            spread = self.spread[:1] + doubtful * (self.spread[1:] - self.spread[:1])
        return Guidance(torch.cat([features, level], 1), latents, spread)


def draft_of(reposed: Reposed, place: Tensor, known: Tensor, wanted: Tensor, restyled: Tensor) -> Draft:
    """The person before the place [B, 3, H, W] in [-1, 1], where there is one: known bool [B]; wanted [B, 17, 3], the
    joints, of confidence 0 where no pose is known; restyled bool [B]: all of the picture is to look otherwise."""
    place = place * known[:, None, None, None]
    body = body_region(wanted, (int(place.shape[2]), int(place.shape[3])))
    sure = known & ~restyled & (wanted[..., 2] > 0).any(1)
    doubtful = (body | ~sure[:, None, None, None]).to(place.dtype)
    return Draft(reposed.picture + (1 - reposed.shown) * place, reposed.shown, doubtful)


def at_scales(reposed: Reposed, face: Tensor, body: Tensor) -> Reposed:
    """With the branches' scales [B], where they are below 1: the head shows as far as either branch does."""
    face, body = (scale.clamp(0, 1)[:, None, None, None].to(reposed.shown.dtype) for scale in (face, body))
    factor = torch.where(reposed.head, torch.maximum(face, body), body)
    return Reposed(reposed.picture * factor, reposed.shown * factor, reposed.head)


def behind(person: Reposed, stand_in: Reposed) -> Reposed:
    """The person, and of the stand-in what they do not show; its head only where they show none at all."""
    headless = ~((person.shown > 0) & person.head).flatten(1).any(1)
    there = stand_in.shown * (~stand_in.head | headless[:, None, None, None])
    free = (1 - person.shown) * (there > 0)
    return Reposed(person.picture + free * stand_in.picture, person.shown + free * stand_in.shown, person.head)


def nobody(rows: int, size: tuple[int, int], device: torch.device | str = "cpu") -> Reposed:
    """For pictures of `size` (rows, columns) px."""
    return Reposed(
        torch.zeros(rows, 3, *size, device=device),
        torch.zeros(rows, 1, *size, device=device),
        torch.zeros(rows, 1, *size, dtype=torch.bool, device=device),
    )


def _convolution(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.GroupNorm(8, out), nn.SiLU())
