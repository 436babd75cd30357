"""The UNets whose speed is measured, by their configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.backbones.nano.attributes import SLOTS
from engine.backbones.nano.network import LATENT_CHANNELS, LAYERS, SIZES, STRUCTURE_CHANNELS
from engine.backbones.published_unets import UNETS

FEW, MANY = 20, 1280
"""Image tokens per picture: about those of IP-Adapter Plus, and of five body parts at 256 each."""
BATCH = 8


@dataclass(frozen=True)
class Shape:
    """A UNet2DConditionModel configuration (nano's without its class embedding) and how many text tokens it reads.

    added: whether it also wants a pooled text and sizes, as SDXL's does.
    """

    unet: dict[str, Any]
    text_tokens: int
    added: bool = False


SHAPES = {
    "nano": Shape(
        {
            "sample_size": (60, 40),
            "in_channels": LATENT_CHANNELS + STRUCTURE_CHANNELS,
            "out_channels": LAYERS * LATENT_CHANNELS,
            "block_out_channels": SIZES["medium"].widths,
            "layers_per_block": SIZES["medium"].layers,
            "down_block_types": ("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            "cross_attention_dim": SIZES["medium"].token_dim,
            "attention_head_dim": 8,
            "norm_num_groups": 16,
        },
        text_tokens=len(SLOTS),
    ),
    "sd15": Shape(UNETS["sd15"], text_tokens=77),
    "sdxl": Shape(UNETS["sdxl"], text_tokens=77, added=True),
}
