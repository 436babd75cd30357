"""sdxl: SDXL with the public IP-Adapters, in four steps with SDXL-Lightning (Lin et al., 2024) or LCM's LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from diffusers import EulerDiscreteScheduler, LCMScheduler, StableDiffusionXLPipeline

from engine.backbones.diffusion import DiffusionBackbone
from engine.backbones.loading import Family, FewSteps, load_family
from engine.backbones.options import Options
from engine.contract import Aspect

SDXL: Final = Family(
    name="sdxl",
    pipeline=StableDiffusionXLPipeline,
    repository="stabilityai/stable-diffusion-xl-base-1.0",
    few_steps={
        "lightning": FewSteps(
            "ByteDance/SDXL-Lightning/sdxl_lightning_4step_lora.safetensors",
            EulerDiscreteScheduler,
            {"timestep_spacing": "trailing"},
            4,
        ),
        "lcm": FewSteps("latent-consistency/lcm-lora-sdxl/pytorch_lora_weights.safetensors", LCMScheduler, {}, 6),
    },
    distilled="lightning",
    body_adapter="h94/IP-Adapter/sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",
    face_adapter="h94/IP-Adapter-FaceID/ip-adapter-faceid-plusv2_sdxl.bin",
    image_prompt_adapter="h94/IP-Adapter/sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",
    style_blocks=("up_blocks.0.attentions.1",),
    layout_blocks=("down_blocks.2.attentions.1",),
    image_encoder="h94/IP-Adapter/models/image_encoder",
    controlnet="xinsir/controlnet-union-sdxl-1.0",
    preview="madebyollin/taesdxl",
    licence="openrail++",
    sides={
        Aspect.PORTRAIT: (13 / 16, 19 / 16),
        Aspect.SQUARE: (1.0, 1.0),
        Aspect.LANDSCAPE: (19 / 16, 13 / 16),
        Aspect.TALL: (3 / 4, 21 / 16),
    },
    steps=30,
    guidance=5.0,
    batch_max=4,
    vae="madebyollin/sdxl-vae-fp16-fix",
)


def load_sdxl(device: str, weights: Path | None = None, options: Options | None = None) -> DiffusionBackbone:
    """Loads the backbone from `weights` or the hub's cache; see `load_family`."""
    return load_family(SDXL, device, weights, options or Options())
