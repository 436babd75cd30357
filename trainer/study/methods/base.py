"""The frozen text-to-image model under all methods: `train_base` makes it, every method adds to it.

It begins with nano's UNet and text encoder and learns, at the study's size, to draw from words and a skeleton alone;
what nano knew of photos is cut out. So no method starts with a base that was trained for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.collage_model import load_model, pool_words
from trainer.errors import CheckpointError
from trainer.study.methods.pose_encoder import PoseEncoder

PARTS = ("unet", "text_encoder", "vae", "tokenizer", "scheduler")


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
        """The same, ready for methods: nothing learns, dropout is off."""
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


def base_from_nano(folder: Path, width: int, height: int) -> StudyBase:
    """nano's parts without its image branches. Raises WeightsError where `folder` is no nano folder."""
    model = load_model(folder)
    patch = int(model.vae.config.patch_px)
    unet = _without_branches(model.unet, (height // patch, width // patch))
    pose = PoseEncoder.of(unet, patch)
    return StudyBase(unet, model.text_encoder, pose, model.vae, model.tokenizer, model.scheduler, width, height)


def _without_branches(unet: UNet2DConditionModel, size: tuple[int, int]) -> UNet2DConditionModel:
    """A UNet that reads noisy latents alone and whose time embedding takes the pooled words alone, with nano's weights
    for those."""
    config = dict(unet.config) | {
        "sample_size": size,
        "in_channels": unet.config.out_channels,
        "projection_class_embeddings_input_dim": unet.config.cross_attention_dim,
    }
    plain = UNet2DConditionModel.from_config(config)
    weights = {name: value for name, value in unet.state_dict().items() if ".processor." not in name}
    words, noisy = "class_embedding.weight", "conv_in.weight"
    weights[noisy] = weights[noisy][:, : unet.config.out_channels]
    weights[words] = weights[words][:, : unet.config.cross_attention_dim]
    plain.load_state_dict(weights)
    return plain


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
