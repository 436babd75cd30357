"""Contenders in a whole request: words and a photo in, a picture out, everything loaded and warm.

Ours is a backbone's own `draw`. The baseline is diffusers' StableDiffusionPipeline with an IP-Adapter "Plus" loaded by
`load_ip_adapter`, on the same UNet, text encoder and autoencoder weights. Both encode the words and the photo, denoise
and decode within the time; neither keeps anything of an earlier request.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from PIL import Image
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from benchmarks.comparison import Contender
from engine.adapter.ip_adapter import IPAdapterBranches, export_plus, new_branches
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.base import Backbone, GenerationInput, Step
from engine.backbones.nano.backbone import NanoBackbone
from engine.backbones.nano.network import BODY_SIZE, FACE_SIZE, VIEW_PATCH
from engine.backbones.nano.pipeline import load_nano
from engine.backbones.nano.prompt_reader import PromptReader
from engine.config import load_config
from engine.contract import PosePreset, Settings
from engine.errors import Cancelled
from engine.identity.body import BodyPart
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset
from engine.upscale import open_upscaler

BASELINE_STEPS, BASELINE_GUIDANCE = 30, 7.5
TEXT_TOKENS = 48
PROMPT, NEGATIVE = "a woman on a beach at sunset", "blurry"


@dataclass(frozen=True)
class Requests:
    """ours(steps, guidance, pictures) and baseline(steps, guidance); a guidance of 1.0 is none."""

    backbone: Backbone
    ours: Callable[[int, float, int], Contender]
    baseline: Callable[[int, float], Contender]

    def at_defaults(self) -> Contender:
        declared = self.backbone.capabilities
        return self.ours(declared.steps_default, declared.guidance_default, 1)


def photo() -> Image.Image:
    """512 x 768 px of noise: what is on it costs nothing."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (768, 512, 3), dtype=np.uint8))


def person(image: Image.Image) -> IdentityProfile:
    """A person with known joints and outline: their use by a backbone is within the time."""
    joints = preset(PosePreset.STANDING) * (512, 768, 1)
    observation = Observation(
        width=512,
        height=768,
        face_box=(200.0, 60.0, 300.0, 180.0),
        body_box=(100.0, 40.0, 400.0, 760.0),
        keypoints=joints.astype(np.float32),
        parts=np.pad(np.full((72, 32), BodyPart.TOP, np.uint8), ((12, 12), (16, 16))),
        parts_box=(0.0, 0.0, 512.0, 768.0),
    )
    return IdentityProfile((View(image, observation),))


def nano_requests(folder: Path, device: str) -> Requests:
    """Of a nano pipeline. The baseline is of the same UNet's size and weights, as far as stock pipelines have them: it
    reads noisy latents and words alone, and its image tower costs no more than our two encoders (the usual large one
    would decide the comparison). Both pictures are enlarged by the same network."""
    nano, metadata = load_nano(folder)
    upscaler = open_upscaler(load_config().state, device)
    backbone = NanoBackbone(nano, metadata, PromptReader(), upscaler, device)
    config = nano.unet.config
    latent, token_dim = int(nano.vae.config.latent_channels), int(config.cross_attention_dim)
    without = {"class_embed_type": None, "projection_class_embeddings_input_dim": None}
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_config(dict(config) | without | {"in_channels": latent, "out_channels": latent})
    state, shapes = nano.unet.state_dict(), {name: value.shape for name, value in unet.state_dict().items()}
    unet.load_state_dict({name: state[name] for name in shapes if state[name].shape == shapes[name]}, strict=False)
    vae = _StockAutoencoder.from_config(nano.vae.config)
    vae.load_state_dict(nano.vae.state_dict())
    vae.register_to_config(block_out_channels=(1,) * (1 + int(math.log2(vae.config.patch_px))))
    heads = max(token_dim // 32, 1)
    tower = CLIPVisionConfig(
        hidden_size=token_dim,
        intermediate_size=4 * token_dim,
        num_hidden_layers=3,
        num_attention_heads=heads,
        image_size=64,
        patch_size=16,
        projection_dim=token_dim,
    )
    pipeline = stock_pipeline(
        unet=unet,
        vae=vae,
        text_encoder=CLIPTextModel(text_config(token_dim, 3, heads, TEXT_TOKENS)),
        tokenizer=byte_tokenizer(TEXT_TOKENS),
        scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False, steps_offset=1),
        image_encoder=CLIPVisionModelWithProjection(tower),
    ).to(device)
    tokens = sum(width * height // VIEW_PATCH**2 for width, height in ((FACE_SIZE, FACE_SIZE), BODY_SIZE))
    with tempfile.TemporaryDirectory() as adapter:
        load_adapter(pipeline, new_branches(unet, {"body": new_resampler(pipeline, tokens)}), Path(adapter))
    return Requests(backbone, our_contender(backbone), baseline_contender(pipeline, nano.size, upscaler.enlarge))


def stock_pipeline(image_encoder: Any, **parts: Any) -> Any:
    """A StableDiffusionPipeline ready for an IP-Adapter, in evaluation mode."""
    for module in (image_encoder, *parts.values()):
        if isinstance(module, nn.Module):
            module.eval().requires_grad_(False)
    side = image_encoder.config.image_size
    pipeline = StableDiffusionPipeline(
        **parts,
        safety_checker=None,
        feature_extractor=CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        ),
        image_encoder=image_encoder,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def new_resampler(pipeline: Any, tokens: int) -> IPAdapterPlusImageProjection:
    """IP-Adapter Plus's, from the pipeline's image tower to `tokens` tokens."""
    token_dim = pipeline.unet.config.cross_attention_dim
    return IPAdapterPlusImageProjection(
        embed_dims=pipeline.image_encoder.config.hidden_size,
        output_dims=token_dim,
        hidden_dims=token_dim,
        dim_head=64,
        heads=max(token_dim // 64, 1),
        num_queries=tokens,
    )


def load_adapter(pipeline: Any, branches: IPAdapterBranches, folder: Path) -> None:
    """The body branch as an IP-Adapter on the pipeline, through a file and diffusers' own loader."""
    export_plus(branches, "body", pipeline.unet, folder / "adapter.safetensors")
    pipeline.load_ip_adapter(
        str(folder), subfolder="", weight_name="adapter.safetensors", image_encoder_folder=None, local_files_only=True
    )


def our_contender(backbone: Backbone) -> Callable[[int, float, int], Contender]:
    identity = person(photo())

    def contender(steps: int, guidance: float, pictures: int) -> Contender:
        settings = Settings(steps=steps, guidance=guidance)
        drawings = [GenerationInput(identity, PROMPT, NEGATIVE, seed, settings) for seed in range(pictures)]
        return Contender(lambda: None, lambda: backbone.draw(drawings))

    return contender


def one_by_one(requests: Requests, pictures: int) -> Contender:
    """As many requests one after the other, at our defaults."""
    single = requests.at_defaults()
    return Contender(single.prepare, lambda: [single.run() for _ in range(pictures)])


def first_preview(backbone: Backbone) -> Contender:
    """A request at its defaults until a user could see something of it."""
    drawing = GenerationInput(person(photo()), PROMPT, NEGATIVE, 0, Settings())

    def show(step: Step) -> None:
        step.previews()
        raise Cancelled("seen")

    def run() -> None:
        with suppress(Cancelled):
            backbone.draw([drawing], show)

    return Contender(lambda: None, run)


def baseline_contender(
    pipeline: Any, size: tuple[int, int], finish: Callable[[Image.Image], Image.Image] = lambda picture: picture
) -> Callable[[int, float], Contender]:
    """size: height and width in px of its pictures, which `finish` then enlarges or leaves."""
    image, (height, width) = photo(), size

    def contender(steps: int, guidance: float) -> Contender:
        def run() -> object:
            drawn = pipeline(
                PROMPT,
                negative_prompt=NEGATIVE,
                ip_adapter_image=image,
                num_inference_steps=steps,
                guidance_scale=guidance,
                height=height,
                width=width,
                generator=torch.Generator().manual_seed(0),
            ).images
            return [finish(picture) for picture in drawn]

        return Contender(lambda: None, run)

    return contender


def text_config(width: int, depth: int, heads: int, tokens: int) -> CLIPTextConfig:
    """Of a text encoder that reads `byte_tokenizer`'s tokens."""
    return CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        max_position_embeddings=tokens,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )


def byte_tokenizer(length: int) -> CLIPTokenizer:
    """Every byte a token: what the words are costs nothing, how many tokens are encoded is fixed."""
    letters = sorted(ByteLevel.alphabet())
    symbols = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={symbol: number for number, symbol in enumerate(symbols)}, merges=[], model_max_length=length
    )


class _StockAutoencoder(NanoAutoencoder):
    """nano's, called the way stock pipelines call theirs."""

    def decode(self, z: Tensor, return_dict: bool = False, generator: object = None) -> tuple[Tensor]:  # type: ignore[override]
        """z [B, latent_channels, H/patch, W/patch] -> ([B, 3, H, W],)."""
        return (super().decode(z).sample,)
