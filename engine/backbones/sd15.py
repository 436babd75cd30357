"""sd15: Stable Diffusion 1.5 with the public IP-Adapters, in six steps with LCM's LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from diffusers import LCMScheduler, StableDiffusionPipeline

from engine.backbones.diffusion import DiffusionBackbone
from engine.backbones.loading import Family, FewSteps, load_family
from engine.backbones.options import Options
from engine.contract import Aspect

SD15: Final = Family(
    name="sd15",
    pipeline=StableDiffusionPipeline,
    repository="stable-diffusion-v1-5/stable-diffusion-v1-5",
    few_steps={
        "lcm": FewSteps("latent-consistency/lcm-lora-sdv1-5/pytorch_lora_weights.safetensors", LCMScheduler, {}, 6)
    },
    distilled="lcm",
    body_adapter="h94/IP-Adapter/models/ip-adapter-plus_sd15.safetensors",
    face_adapter="h94/IP-Adapter-FaceID/ip-adapter-faceid-plusv2_sd15.bin",
    image_prompt_adapter="h94/IP-Adapter/models/ip-adapter-plus_sd15.safetensors",
    style_blocks=("up_blocks.1",),
    layout_blocks=("down_blocks.2", "mid_block"),
    image_encoder="h94/IP-Adapter/models/image_encoder",
    controlnet="lllyasviel/control_v11p_sd15_openpose",
    preview="madebyollin/taesd",
    licence="creativeml-openrail-m",
    sides={
        Aspect.PORTRAIT: (1.0, 1.5),
        Aspect.SQUARE: (1.25, 1.25),
        Aspect.LANDSCAPE: (1.5, 1.0),
        Aspect.TALL: (7 / 8, 1.5),
    },
    steps=30,
    guidance=7.0,
    batch_max=8,
)


def load_sd15(device: str, weights: Path | None = None, options: Options | None = None) -> DiffusionBackbone:
    """Loads the backbone from `weights` or the hub's cache; see `load_family`."""
    return load_family(SD15, device, weights, options or Options())
