"""nano's parts, how they are kept in a folder, and what its UNet is told.

An ordinary Stable-Diffusion-shaped folder (`unet`, `vae`, `text_encoder`, `tokenizer`, `scheduler`) plus `adapter`,
`guide` and `metadata.json`, and, where they were trained, `prior`, `scenes` and `stand_ins`. The scheduler is for those
who take the UNet for one that begins at noise: nano itself begins at a draft.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from engine.adapter.attention import IdentityCondition, KeysValues
from engine.adapter.bridge import TIMES, beside, clean_of
from engine.adapter.guide import Guidance, Guide
from engine.adapter.model import Adapter, AdapterConfig, cross_attention_layers
from engine.adapter.pose_prior import PosePrior
from engine.adapter.scene_prior import ScenePrior
from engine.adapter.stand_in import StandIns
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
    guide: Guide
    metadata: dict[str, Any]
    prior: PosePrior | None = None
    scenes: ScenePrior | None = None
    stand_ins: StandIns | None = None

    def modules(self) -> tuple[nn.Module, ...]:
        parts = (getattr(self, field.name) for field in fields_of(self))
        return tuple(part for part in parts if isinstance(part, nn.Module))


def load_model(folder: Path) -> NanoModel:
    """Reads a nano folder in float32 on the CPU. Raises WeightsError naming what is missing."""
    needed = (*PARTS, "tokenizer", "scheduler", "adapter", "guide", "metadata.json")
    missing = [name for name in needed if not (folder / name).exists()]
    if missing:
        raise WeightsError(f"expected a nano checkpoint in {folder}, found no {', '.join(missing)}: set ENGINE_WEIGHTS")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, low_cpu_mem_usage=False)
    config = json.loads((folder / "adapter" / "config.json").read_text("utf-8"))
    adapter = Adapter(AdapterConfig.from_dict(config), cross_attention_layers(unet))
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
        guide=_load_guide(folder / "guide", unet, vae),
        prior=_load_prior(folder / "prior", unet),
        scenes=_load_scenes(folder / "scenes"),
        stand_ins=_load_stand_ins(folder / "stand_ins"),
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
        _forget_origin(folder / name / "config.json")
    model.tokenizer.save_pretrained(folder / "tokenizer")
    model.scheduler.save_pretrained(folder / "scheduler")
    _save_halves(model.adapter, folder / "adapter")
    (folder / "adapter" / "config.json").write_text(json.dumps(model.adapter.config.to_dict(), indent=1) + "\n")
    for name in ("guide", "prior", "scenes", "stand_ins"):
        if (optional := getattr(model, name)) is not None:
            _save_halves(optional, folder / name)
    if model.scenes is not None:
        model.scenes.save_examples(folder / "scenes" / EXAMPLES)
        (folder / "scenes" / "places.json").write_text(json.dumps(model.scenes.places) + "\n", "utf-8")
    if model.stand_ins is not None:
        model.stand_ins.save_images(folder / "stand_ins" / EXAMPLES)
    (folder / "metadata.json").write_text(json.dumps(model.metadata, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _forget_origin(config: Path) -> None:
    """diffusers notes from which folder of which machine a model was read."""
    fields = json.loads(config.read_text("utf-8"))
    fields.pop("_name_or_path", None)
    config.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", "utf-8")


def _save_halves(part: nn.Module, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    halves = {key: value.detach().half().contiguous() for key, value in part.state_dict().items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})


def _load_guide(folder: Path, unet: UNet2DConditionModel, vae: NanoAutoencoder) -> Guide:
    guide = Guide.of(unet, int(vae.config.patch_px))
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


def _load_stand_ins(folder: Path) -> StandIns | None:
    """None for a checkpoint that makes up itself what a photo does not show."""
    if not folder.exists():
        return None
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    stand_ins = StandIns(weights["foretell.weight"].shape[1], len(weights["joints"]))
    stand_ins.load_state_dict(weights)
    stand_ins.load_images(folder / EXAMPLES)
    return stand_ins


def _load_prior(folder: Path, unet: UNet2DConditionModel) -> PosePrior | None:
    """None for a checkpoint that makes up its poses itself."""
    if not folder.exists():
        return None
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    classes, examples = weights["poses"].shape[:2]
    prior = PosePrior(unet.config.cross_attention_dim, classes, examples)
    prior.load_state_dict(weights)
    return prior


def pool_words(states: Tensor, tokens: Tensor, end: int) -> Tensor:
    """The words of states [B, M, D] in one [B, D]: the positions of tokens [B, M] before the first `end`.

    Their sum over the root of their number, so that one word more or less weighs the same in a long prompt. The state
    at the end token itself, which CLIP pools by, says little in so small a text encoder.
    """
    words = ((tokens == end).cumsum(1) == 0).to(states.dtype)
    return (states * words[..., None]).sum(1) / words.sum(1, keepdim=True).sqrt()


@dataclass(frozen=True)
class Told:
    """All that the UNet is told of B pictures: text [B, M, D], pooled [B, P], the person, what the guide says, and the
    text's keys and values where they are known."""

    text: Tensor
    pooled: Tensor
    identity: IdentityCondition
    guide: Guidance
    text_keys_values: KeysValues | None = None


def predict_clean(model: NanoModel, latents: Tensor, time: Tensor, told: Told) -> Tensor:
    """Latents [B, C, h, w] on the way from the draft, time [B] in 0..1 -> the picture's latents [B, C, h, w]."""
    known: dict[str, Any] = {"identity": told.identity}
    if told.text_keys_values is not None:
        known["text"] = told.text_keys_values
    output: Tensor = model.unet(
        beside(latents, time, told.guide),
        TIMES * time,
        told.text,
        class_labels=told.pooled,
        cross_attention_kwargs=known,
        return_dict=False,
    )[0]
    return clean_of(output, latents, time, told.guide)
