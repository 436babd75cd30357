"""The frozen text-to-image model under all methods: `train_base` makes it, every method adds to it.

A small UNet and text encoder with random weights learn, at the study's size, to draw from words and a skeleton alone.
So no method starts with a base that was trained for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.backbones.autoencoder import NanoAutoencoder
from trainer.errors import CheckpointError
from trainer.study.methods.pose_encoder import PoseEncoder

PARTS = ("unet", "text_encoder", "vae", "tokenizer", "scheduler")
TOKENIZER: Final = Path(__file__).parents[2] / "weights" / "tokenizer"
"""The tokenizer, with 6,000 pieces of English and Russian captions."""
PATCH_PX: Final = 16
LATENT_CHANNELS: Final = 192
TOKEN_DIM: Final = 192
TEXT_TOKENS: Final = 48


@dataclass(frozen=True)
class StudyBase:
    """width and height of its pictures in px; all learned parts are frozen but while the base itself is trained."""

    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    pose: PoseEncoder
    vae: NanoAutoencoder
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler
    width: int
    height: int

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of the latents."""
        patch = int(self.vae.config.patch_px)
        return self.height // patch, self.width // patch

    @property
    def token_dim(self) -> int:
        return int(self.unet.config.cross_attention_dim)

    def learners(self) -> tuple[nn.Module, ...]:
        return self.unet, self.text_encoder, self.pose

    def parts(self) -> tuple[nn.Module, ...]:
        return (*self.learners(), self.vae)

    def frozen(self) -> StudyBase:
        """The same base, ready for methods: no gradients, no dropout."""
        for part in self.parts():
            part.eval().requires_grad_(False)
        return self

    def to(self, device: torch.device | str) -> StudyBase:
        for part in self.parts():
            part.to(device)
        return self

    def text(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token states [B, M, D], and the words pooled [B, D] for the time embedding."""
        device = self.unet.device
        ids = self.tokenizer(
            list(prompts),
            padding="max_length",
            truncation=True,
            max_length=self.text_encoder.config.max_position_embeddings,
            return_tensors="pt",
        ).input_ids.to(device)
        states = self.text_encoder(ids).last_hidden_state
        return states, pool_words(states, ids, self.tokenizer.eos_token_id)

    def alphas(self) -> Tensor:
        """Cumulative products [T] of the schedule."""
        alphas: Tensor = self.scheduler.alphas_cumprod.to(self.unet.device)
        return alphas

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """[B, 3, H, W] in [-1, 1] -> latents [B, C, *latent_size] of about unit variance."""
        latents: Tensor = self.vae.encode(pixels).latents * self.vae.config.scaling_factor
        return latents

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents -> [B, 3, H, W] in [-1, 1]."""
        decoded: Tensor = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return decoded.clamp(-1, 1)


def fitted_autoencoder(pictures: Tensor) -> NanoAutoencoder:
    """The principal components of pictures [B, 3, H, W] in [-1, 1]; sides are multiples of PATCH_PX."""
    vae: NanoAutoencoder = NanoAutoencoder(LATENT_CHANNELS, patch_px=PATCH_PX)
    vae.fit(pictures)
    vae.eval().requires_grad_(False)
    return vae


def new_base(vae: NanoAutoencoder, width: int, height: int) -> StudyBase:
    """A base with random weights over the latents of `vae`; width and height in px."""
    tokenizer = CLIPTokenizer.from_pretrained(TOKENIZER)
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TOKEN_DIM,
            intermediate_size=4 * TOKEN_DIM,
            projection_dim=TOKEN_DIM,
            num_hidden_layers=3,
            num_attention_heads=6,
            max_position_embeddings=TEXT_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    patch, latent = int(vae.config.patch_px), int(vae.config.latent_channels)
    unet = UNet2DConditionModel(
        sample_size=(height // patch, width // patch),
        in_channels=latent,
        out_channels=latent,
        block_out_channels=(128, 192),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TOKEN_DIM,
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=TOKEN_DIM,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    scheduler = DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )
    return StudyBase(unet, text_encoder, PoseEncoder.of(unet, patch), vae, tokenizer, scheduler, width, height)


def pool_words(states: Tensor, tokens: Tensor, end: int) -> Tensor:
    """The words of states [B, M, D] in one [B, D]: the positions of tokens [B, M] before the first `end`.

    Their sum over the root of their number, so that one word more or less weighs the same in a long prompt. The state
    at the end token itself, which CLIP pools by, says little in so small a text encoder.
    """
    words = ((tokens == end).cumsum(1) == 0).to(states.dtype)
    return (states * words[..., None]).sum(1) / words.sum(1, keepdim=True).sqrt()


def save_base(base: StudyBase, folder: Path, metadata: dict[str, Any]) -> None:
    """Writes the base in diffusers' layout, float32, with metadata.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        getattr(base, name).save_pretrained(folder / name)
    save_file({name: value.contiguous() for name, value in base.pose.state_dict().items()}, folder / "pose.safetensors")
    metadata = metadata | {"width": base.width, "height": base.height}
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", "utf-8")


def load_base(folder: Path) -> StudyBase:
    """The frozen base. Raises CheckpointError where there is none."""
    if not (folder / "metadata.json").exists():
        raise CheckpointError(f"expected the study's base in {folder}, found none: run python -m trainer study")
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    vae = NanoAutoencoder.from_pretrained(folder / "vae")
    pose = PoseEncoder.of(unet, int(vae.config.patch_px))
    pose.load_state_dict(load_file(folder / "pose.safetensors"))
    return StudyBase(
        unet=unet,
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        pose=pose,
        vae=vae,
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=DDIMScheduler.from_pretrained(folder / "scheduler"),
        width=metadata["width"],
        height=metadata["height"],
    ).frozen()
