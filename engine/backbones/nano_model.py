"""nano's parts, how they are kept in a folder, and what its UNet is told.

An ordinary Stable-Diffusion-shaped folder (`unet`, `vae`, `text_encoder`, `tokenizer`, `scheduler`) plus `adapter`
and `metadata.json`, and, where they were trained, `guide`, `prior`, `scenes`, `pose`.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from engine.adapter.attention import IdentityCondition, KeysValues
from engine.adapter.guide import Guidance, Guide
from engine.adapter.model import Adapter, AdapterConfig, cross_attention_layers
from engine.adapter.pose import PoseEncoder
from engine.adapter.pose_prior import PosePrior
from engine.adapter.scene_prior import ScenePrior
from engine.backbones.autoencoder import NanoAutoencoder
from engine.errors import WeightsError

PARTS = ("unet", "vae", "text_encoder")
EXAMPLES = "examples.zip"
SHARD_SIZE_MAX = "16MB"
"""Of one file of weights: they are kept in a repository."""


@dataclass(frozen=True)
class NanoModel:
    """The trainable and frozen parts together; the adapter is attached to the UNet."""

    unet: UNet2DConditionModel
    vae: NanoAutoencoder
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler
    adapter: Adapter
    metadata: dict[str, Any]
    pose: PoseEncoder | None = None
    prior: PosePrior | None = None
    guide: Guide | None = None
    scenes: ScenePrior | None = None

    def modules(self) -> tuple[nn.Module, ...]:
        learned = (self.pose, self.prior, self.guide, self.scenes)
        parts = (self.unet, self.vae, self.text_encoder, self.adapter, *learned)
        return tuple(part for part in parts if part is not None)


def load_model(folder: Path) -> NanoModel:
    """Reads a nano folder in float32 on the CPU. Raises WeightsError naming what is missing."""
    missing = [n for n in (*PARTS, "tokenizer", "scheduler", "adapter", "metadata.json") if not (folder / n).exists()]
    if missing:
        raise WeightsError(f"expected a nano checkpoint in {folder}, found no {', '.join(missing)}: set ENGINE_WEIGHTS")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, low_cpu_mem_usage=False)
    config = json.loads((folder / "adapter" / "config.json").read_text("utf-8"))
    adapter = Adapter(adapter_config(config), cross_attention_layers(unet))
    adapter.load_state_dict({k: v.float() for k, v in load_file(folder / "adapter" / "model.safetensors").items()})
    adapter.attach(unet)
    vae = NanoAutoencoder.from_pretrained(folder / "vae", torch_dtype=torch.float32, low_cpu_mem_usage=False)
    model = NanoModel(
        unet=unet,
        vae=vae,
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=DDIMScheduler.from_pretrained(folder / "scheduler"),
        adapter=adapter,
        metadata=json.loads((folder / "metadata.json").read_text("utf-8")),
        pose=_load_pose(folder / "pose", unet, vae),
        prior=_load_prior(folder / "prior", unet),
        guide=_load_guide(folder / "guide", unet, vae),
        scenes=_load_scenes(folder / "scenes"),
    )
    for module in model.modules():
        module.eval().requires_grad_(False)
    return model


def save_model(model: NanoModel, folder: Path) -> None:
    """Writes a nano folder with float16 weights."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        copy = deepcopy(getattr(model, name))  # the model itself may be at work in another thread
        copy.half().save_pretrained(folder / name, max_shard_size=SHARD_SIZE_MAX)
    model.tokenizer.save_pretrained(folder / "tokenizer")
    model.scheduler.save_pretrained(folder / "scheduler")
    _save_halves(model.adapter, folder / "adapter")
    (folder / "adapter" / "config.json").write_text(json.dumps(model.adapter.config.to_dict(), indent=1) + "\n")
    for name in ("pose", "prior", "guide", "scenes"):
        if (optional := getattr(model, name)) is not None:
            _save_halves(optional, folder / name)
    if model.scenes is not None:
        model.scenes.save_examples(folder / "scenes" / EXAMPLES)
        (folder / "scenes" / "places.json").write_text(json.dumps(model.scenes.places) + "\n", "utf-8")
    (folder / "metadata.json").write_text(json.dumps(model.metadata, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _save_halves(part: nn.Module, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    halves = {key: value.detach().half().contiguous() for key, value in part.state_dict().items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})


def _load_pose(folder: Path, unet: UNet2DConditionModel, vae: NanoAutoencoder) -> PoseEncoder | None:
    """None for a checkpoint without pose control."""
    if not folder.exists():
        return None
    encoder = PoseEncoder.of(unet, int(vae.config.patch_px))
    encoder.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
    return encoder


def _load_guide(folder: Path, unet: UNet2DConditionModel, vae: NanoAutoencoder) -> Guide | None:
    """None for a checkpoint whose UNet reads nothing but noisy latents."""
    guide = Guide.of(unet, int(vae.config.patch_px))
    if guide is not None:
        if not (folder / "model.safetensors").exists():
            raise WeightsError(f"expected what guides this UNet in {folder}, found nothing: set ENGINE_WEIGHTS")
        guide.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
    return guide


def _load_scenes(folder: Path) -> ScenePrior | None:
    """None for a checkpoint that makes up its places itself."""
    if not folder.exists():
        return None
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    scenes = ScenePrior(weights["classify.weight"].shape[1], json.loads((folder / "places.json").read_text("utf-8")))
    scenes.load_state_dict(weights)
    scenes.load_examples(folder / EXAMPLES)
    return scenes


def _load_prior(folder: Path, unet: UNet2DConditionModel) -> PosePrior | None:
    """None for a checkpoint that makes up its poses itself."""
    if not folder.exists():
        return None
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    classes, examples = weights["poses"].shape[:2]
    prior = PosePrior(unet.config.cross_attention_dim, classes, examples)
    prior.load_state_dict(weights)
    return prior


def adapter_config(fields: dict[str, Any]) -> AdapterConfig:
    """The configuration that `AdapterConfig.to_dict` gave, as it comes back from JSON."""
    fields = dict(fields)
    for size in ("face_size", "body_size"):
        width, height = fields[size]
        fields[size] = (int(width), int(height))
    return AdapterConfig(**fields)


def pool_words(states: Tensor, tokens: Tensor, end: int) -> Tensor:
    """The words of states [B, M, D] in one [B, D]: the positions of tokens [B, M] before the first `end`.

    Their sum over the root of their number, so that one word more or less weighs the same in a long prompt. The state
    at the end token itself, which CLIP pools by, says little in so small a text encoder.
    """
    words = ((tokens == end).cumsum(1) == 0).to(states.dtype)
    return (states * words[..., None]).sum(1) / words.sum(1, keepdim=True).sqrt()


def preconditioning(alpha_bar: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """alpha_bar [B], variances [1 or B, C, 1 or h, 1 or w] of clean latents -> skip and gain of v = skip noisy + gain
    output, with which the output has unit variance at every time and in every channel (Karras et al., 2022, C.3, for
    v): a fine channel, nearly all noise, need not pass through the network to be told from it."""
    alpha_bar = alpha_bar.view(-1, 1, 1, 1)
    spread = alpha_bar * variances + 1 - alpha_bar
    skip = (alpha_bar * (1 - alpha_bar)).sqrt() * (1 - variances) / spread
    return skip, (variances / spread).sqrt()


def beside(noisy: Tensor, alpha_bar: Tensor, guidance: Guidance) -> Tensor:
    """What the UNet reads [B, C + G, h, w] of noisy [B, C, h, w] at alpha_bar [B]: of the noisy latents what the draft
    does not explain, at unit variance, and the guide's channels."""
    alpha_bar = alpha_bar.view(-1, 1, 1, 1)
    rest = noisy - alpha_bar.sqrt() * guidance.latents
    return torch.cat([rest / (alpha_bar * guidance.spread + 1 - alpha_bar).sqrt(), guidance.channels], 1)


def v_of(output: Tensor, noisy: Tensor, alpha_bar: Tensor, guidance: Guidance) -> Tensor:
    """The v [B, C, h, w] that the UNet's output means: that of the draft, and of what it lacks. An output of zero
    draws the draft."""
    skip, gain = preconditioning(alpha_bar, guidance.spread)
    alpha_bar = alpha_bar.view(-1, 1, 1, 1)
    rest = noisy - alpha_bar.sqrt() * guidance.latents
    return skip * rest + gain * output - (1 - alpha_bar).sqrt() * guidance.latents


@dataclass(frozen=True)
class Told:
    """All that the UNet is told of B pictures: text [B, M, D], pooled [B, P], the person, what the guide says,
    residuals of a pose, and the text's keys and values where they are known."""

    text: Tensor
    pooled: Tensor
    identity: IdentityCondition
    guide: Guidance | None = None
    pose: list[Tensor] | None = None
    text_keys_values: KeysValues | None = None


def predict_v(model: NanoModel, noisy: Tensor, time: Tensor, told: Told) -> Tensor:
    """noisy [B, C, h, w], time int64 [B] or [] -> v [B, C, h, w]."""
    known: dict[str, Any] = {"identity": told.identity}
    if told.text_keys_values is not None:
        known["text"] = told.text_keys_values
    alpha_bar = model.scheduler.alphas_cumprod.to(noisy.device)[time].expand(len(noisy))
    output: Tensor = model.unet(
        noisy if told.guide is None else beside(noisy, alpha_bar, told.guide),
        time,
        told.text,
        class_labels=told.pooled,
        cross_attention_kwargs=known,
        down_intrablock_additional_residuals=None if told.pose is None else list(told.pose),
        return_dict=False,
    )[0]
    return output if told.guide is None else v_of(output, noisy, alpha_bar, told.guide)
