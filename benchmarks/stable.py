"""Whole requests on Stable Diffusion 1.5's parts with random weights, both contenders on the very same UNet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from benchmarks.comparison import Contender
from benchmarks.requests import (
    Requests,
    baseline_contender,
    byte_tokenizer,
    load_adapter,
    new_resampler,
    our_contender,
    stock_pipeline,
    text_config,
)
from benchmarks.shapes import Shape
from engine.adapter.ip_adapter import new_branches
from engine.backbones.base import Capabilities
from engine.backbones.diffusion import DiffusionBackbone, Parts
from engine.backbones.previews import LinearDecoder
from engine.backbones.sd15 import SD15

IMAGE_TOKENS = 16
"""As in IP-Adapter Plus."""


@dataclass(frozen=True)
class Around:
    """The parts around the UNet, by default of the true sizes: CLIP ViT-L's text half, the autoencoder, CLIP ViT-H.

    Sizes are width, depth and heads.
    """

    text: tuple[int, int, int] = (768, 12, 12)
    vae: tuple[int, ...] = (128, 256, 512, 512)
    vae_groups: int = 32
    tower: tuple[int, int, int] = (1280, 32, 16)
    tower_px: int = 224


def stable_requests(shape: Shape, device: str, around: Around | None = None) -> Requests:
    """Pictures are as large as the shape's latents say."""
    dtype = torch.float16 if device.startswith("cuda") else torch.float32
    torch.manual_seed(0)
    with torch.device(device):
        parts = _parts(shape, around or Around())
    pipeline = stock_pipeline(**parts, tokenizer=byte_tokenizer(shape.text_tokens), scheduler=DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )).to(device, dtype)  # fmt: skip
    unet = pipeline.unet
    branches = new_branches(unet, {"body": new_resampler(pipeline, IMAGE_TOKENS)}).to(device, dtype)
    branches.eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        load_adapter(pipeline, branches, Path(folder))
    prepare_baseline = _with_adapter(unet)

    def prepare_ours() -> None:
        unet.encoder_hid_proj = None
        unet.config.encoder_hid_dim_type = None
        branches.attach(unet)

    few = SD15.few_steps[SD15.distilled]
    backbone = DiffusionBackbone(
        Parts(
            pipeline=_without_adapter(pipeline),
            branches=branches,
            image_encoder=pipeline.image_encoder,
            controlnet=None,
            preview=LinearDecoder(pipeline.vae),
            new_scheduler=lambda: few.scheduler.from_config(pipeline.scheduler.config, **few.settings),
        ),
        _capabilities(shape, pipeline.vae_scale_factor),
        device,
    )
    declared = backbone.capabilities
    ours, baseline = our_contender(backbone), baseline_contender(pipeline, (declared.height, declared.width))
    return Requests(
        backbone,
        lambda *settings: Contender(prepare_ours, ours(*settings).run),
        lambda *settings: Contender(prepare_baseline, baseline(*settings).run),
    )


def _parts(shape: Shape, around: Around) -> dict[str, Any]:
    width, depth, heads = around.tower
    tower = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        image_size=around.tower_px,
        patch_size=14,
        projection_dim=width,
    )
    levels = len(around.vae)
    return {
        "unet": UNet2DConditionModel(**shape.unet),
        "vae": AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=around.vae,
            layers_per_block=2,
            latent_channels=shape.unet.get("in_channels", 4),
            norm_num_groups=around.vae_groups,
        ),
        "text_encoder": CLIPTextModel(text_config(*around.text, shape.text_tokens)),
        "image_encoder": CLIPVisionModelWithProjection(tower),
    }


def _with_adapter(unet: Any) -> Callable[[], None]:
    """Puts back what diffusers' loader has just put on the UNet."""
    processors, projection = dict(unet.attn_processors), unet.encoder_hid_proj

    def prepare() -> None:
        unet.encoder_hid_proj = projection  # first: its attentions' processors are among those set
        unet.set_attn_processor(dict(processors))
        unet.config.encoder_hid_dim_type = "ip_image_proj"

    return prepare


def _without_adapter(pipeline: Any) -> Any:
    part_names = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
    parts = {name: getattr(pipeline, name) for name in part_names}
    return StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, image_encoder=None, requires_safety_checker=False
    )


def _capabilities(shape: Shape, factor: int) -> Capabilities:
    side = shape.unet["sample_size"]
    height, width = (side, side) if isinstance(side, int) else side
    few = SD15.few_steps[SD15.distilled]
    return Capabilities(
        name=SD15.name,
        family="adapter",
        width=width * factor,
        height=height * factor,
        references_max=4,
        batch_max=SD15.batch_max,
        steps_default=few.steps,
        steps_range=(1, 100),
        guidance_default=few.guidance,
        guidance_range=(1.0, 15.0),
        pose=False,
        strength=True,
        styles="words",
        preview_decoder="linear",
        languages=("en",),
        photorealistic=True,
        licence=SD15.licence,
        commercial_use=True,
    )
