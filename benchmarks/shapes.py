"""The UNets whose speed is measured, by their configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FEW, MANY = 20, 1280
"""Image tokens a picture: about those of IP-Adapter Plus, and of five body parts at 256 each."""
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
            "sample_size": (15, 10),
            "in_channels": 512,
            "out_channels": 192,
            "block_out_channels": (128, 192),
            "layers_per_block": 2,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": 192,
            "attention_head_dim": 4,
            "norm_num_groups": 16,
        },
        text_tokens=48,
    ),
    "sd15": Shape({"sample_size": 64, "cross_attention_dim": 768}, text_tokens=77),
    "sdxl": Shape(
        {
            "sample_size": 128,
            "cross_attention_dim": 2048,
            "block_out_channels": (320, 640, 1280),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 2, 10),
            "attention_head_dim": (5, 10, 20),
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        text_tokens=77,
        added=True,
    ),
}
