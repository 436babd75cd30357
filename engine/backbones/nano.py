"""nano: the small model trained here from scratch and shipped with the project.

An ordinary Stable-Diffusion-shaped folder (`unet`, `vae`, `text_encoder`, `tokenizer`, `scheduler`) plus `adapter`,
`pose`, `prior` (both optional) and `metadata.json`. It understands English and Russian by training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from engine.adapter.attention import BRANCHES, BranchCondition, repeat_condition
from engine.adapter.model import Adapter, AdapterConfig, condition_of, cross_attention_layers, text_keys_values
from engine.adapter.pose import PoseEncoder
from engine.adapter.pose_prior import PosePrior
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.base import Capabilities, Drawing, Step, StepCallback
from engine.contract import Clothes
from engine.errors import WeightsError
from engine.identity.clothes import without_clothes
from engine.identity.parts import body_crop, head_crop
from engine.identity.profile import View
from engine.pose import draw_skeleton

SHIPPED_WEIGHTS = Path(__file__).parent.parent / "weights" / "nano"
PARTS = ("unet", "vae", "text_encoder")
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

    def modules(self) -> tuple[nn.Module, ...]:
        parts = (self.unet, self.vae, self.text_encoder, self.adapter, self.pose, self.prior)
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
    )
    for module in model.modules():
        module.eval().requires_grad_(False)
    return model


def save_model(model: NanoModel, folder: Path) -> None:
    """Writes a nano folder with float16 weights."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        part = getattr(model, name)
        before = {key: value.clone() for key, value in part.state_dict().items()}
        part.half().save_pretrained(folder / name, max_shard_size=SHARD_SIZE_MAX)
        part.float().load_state_dict(before)
    model.tokenizer.save_pretrained(folder / "tokenizer")
    model.scheduler.save_pretrained(folder / "scheduler")
    _save_halves(model.adapter, folder / "adapter")
    (folder / "adapter" / "config.json").write_text(json.dumps(model.adapter.config.to_dict(), indent=1) + "\n")
    for name, optional in (("pose", model.pose), ("prior", model.prior)):
        if optional is not None:
            _save_halves(optional, folder / name)
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


def to_pixels(images: Sequence[Image.Image]) -> Tensor:
    """RGB pictures of one size -> float32 [B, 3, H, W] in [-1, 1]."""
    stacked = np.stack([np.asarray(image, np.uint8) for image in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_unit(images: Sequence[Image.Image]) -> Tensor:
    """RGB pictures of one size -> float32 [B, 3, H, W] in [0, 1]."""
    return (to_pixels(images) + 1) / 2


def pool_words(states: Tensor, tokens: Tensor, end: int) -> Tensor:
    """The words of states [B, M, D] in one [B, D]: the positions of tokens [B, M] before the first `end`.

    Their sum over the root of their number, so that one word more or less weighs the same in a long prompt. The state
    at the end token itself, which CLIP pools by, says little in so small a text encoder.
    """
    words = ((tokens == end).cumsum(1) == 0).to(states.dtype)
    return (states * words[..., None]).sum(1) / words.sum(1, keepdim=True).sqrt()


def view_crops(view: View, config: AdapterConfig, clothes: Clothes = Clothes.KEEP) -> dict[str, Image.Image]:
    """Branch name -> the crop that the branch reads; without a face box there is no face crop."""
    seen = view.observation
    whole = without_clothes(view) if clothes is Clothes.CHANGE else view.image
    crops = {"body": body_crop(whole, seen.body_box, *config.body_size)}
    if seen.face_box is not None:
        crops["face"] = head_crop(view.image, seen.face_box, config.face_size[0])
    return crops


class NanoBackbone:
    """Draws with a nano checkpoint (see `engine.backbones.base.Backbone`)."""

    def __init__(self, model: NanoModel, device: str = "cpu") -> None:
        self.model = model
        self.device = device
        for module in model.modules():
            module.to(device)
        sampling = model.metadata["sampling"]
        self.capabilities = Capabilities(
            name="nano",
            family="adapter",
            width=model.vae.config.patch_px * model.unet.config.sample_size[1],
            height=model.vae.config.patch_px * model.unet.config.sample_size[0],
            references_max=4,
            batch_max=8,
            steps_default=int(sampling["steps"]),
            guidance_default=float(sampling["guidance"]),
            steps_range=(1, 50),
            guidance_range=(1.0, 10.0),
            pose=model.pose is not None,
            strength=True,
            preview_decoder="own",
            languages=("en", "ru"),
            photorealistic=False,
            licence="Apache-2.0",
            commercial_use=True,
        )

    @torch.inference_mode()
    def draw(self, drawings: Sequence[Drawing], on_step: StepCallback | None = None) -> list[Image.Image]:
        """RGB pictures of capabilities.width x height px, in the order of `drawings`."""
        settings = drawings[0].settings
        guidance = self.capabilities.guidance_default if settings.guidance is None else settings.guidance
        steps = settings.steps or self.capabilities.steps_default
        guided = guidance > 1.0
        text, words = self._text([d.prompt for d in drawings])
        tokens = self._identity(drawings)
        pooled = self.model.adapter.pooled(words, tokens)
        identity = self.model.adapter.cache(tokens)
        if guided:
            negative_text, negative_pooled = self._text([d.negative_prompt for d in drawings])
            text = torch.cat([negative_text, text])
            pooled = torch.cat([self.model.adapter.pooled(negative_pooled, {}), pooled])
            identity = repeat_condition(identity)
        pose = self._pose(self._posed(drawings, words))
        if guided and pose is not None:  # as in training, who is told nothing has no pose: guidance sharpens it too
            pose = [torch.cat([torch.zeros_like(residual), residual]) for residual in pose]
        known = {"identity": identity, "text": text_keys_values(self.model.unet, text)}
        scheduler = DDIMScheduler.from_config(self.model.scheduler.config)
        scheduler.set_timesteps(steps, device=self.device)
        latents = self._noise([d.seed for d in drawings])
        for number, timestep in enumerate(scheduler.timesteps, start=1):
            doubled = torch.cat([latents, latents]) if guided else latents
            output = self.model.unet(
                doubled,
                timestep,
                text,
                class_labels=pooled,
                cross_attention_kwargs=known,
                down_intrablock_additional_residuals=None if pose is None else list(pose),
                return_dict=False,
            )[0]
            if guided:
                negative, positive = output.chunk(2)
                output = negative + guidance * (positive - negative)
            step = scheduler.step(output, timestep, latents, return_dict=True)
            latents, clean = step.prev_sample, step.pred_original_sample
            if on_step is not None:
                on_step(Step(number, steps, lambda clean=clean: self._decode(clean)))  # type: ignore[misc]
        return self._decode(latents)

    def _text(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """Token states [B, M, D] and the words pooled [B, D]."""
        tokenizer = self.model.tokenizer
        tokens = tokenizer(
            prompts,
            padding="max_length",
            truncation=True,
            max_length=self.model.text_encoder.config.max_position_embeddings,
            return_tensors="pt",
        )
        ids = tokens.input_ids.to(self.device)
        states = self.model.text_encoder(ids).last_hidden_state
        return states, pool_words(states, ids, tokenizer.eos_token_id)

    def _noise(self, seeds: list[int]) -> Tensor:
        channels, (height, width) = self.model.unet.config.in_channels, self.model.unet.config.sample_size
        noise = [torch.randn(channels, height, width, generator=torch.Generator().manual_seed(s)) for s in seeds]
        return torch.stack(noise).to(self.device)

    def _identity(self, drawings: Sequence[Drawing]) -> dict[str, BranchCondition]:
        """Crops of every person's views, encoded in one batch a branch, padded to the largest number of tokens."""
        adapter, limit = self.model.adapter, self.capabilities.references_max
        scales = {
            "face": [drawing.settings.face_scale for drawing in drawings],
            "body": [drawing.settings.body_scale for drawing in drawings],
        }
        crops = [
            [view_crops(view, adapter.config, drawing.settings.clothes) for view in drawing.identity.views[:limit]]
            for drawing in drawings
        ]
        condition = {}
        for branch in BRANCHES:
            owned = [[view[branch] for view in person if branch in view] for person in crops]
            counts = [len(views) for views in owned]
            if not any(count * scale for count, scale in zip(counts, scales[branch], strict=True)):
                continue
            encoded = adapter.encoders[branch](to_pixels([crop for views in owned for crop in views]).to(self.device))
            condition[branch] = condition_of(encoded, counts, scales[branch])
        return condition

    def _posed(self, drawings: Sequence[Drawing], words: Tensor) -> Sequence[Drawing]:
        """The same, each with the pose it asks for or else the one its words [B, D] suggest."""
        if self.model.prior is None or self.model.pose is None:
            return drawings
        suggested = self.model.prior.suggest(words, [drawing.seed for drawing in drawings])
        return [d if d.pose is not None else replace(d, pose=own) for d, own in zip(drawings, suggested, strict=True)]

    def _pose(self, drawings: Sequence[Drawing]) -> list[Tensor] | None:
        """Residuals of the poses asked for, zero in the rows of the others; None where nobody asks for any."""
        if self.model.pose is None or all(drawing.pose is None for drawing in drawings):
            return None
        size = (self.capabilities.width, self.capabilities.height)
        nobody = np.zeros((17, 3), np.float32)
        skeletons = [draw_skeleton(nobody if d.pose is None else d.pose, *size) for d in drawings]
        scale = torch.tensor([d.settings.pose_scale * (d.pose is not None) for d in drawings], device=self.device)
        residuals: list[Tensor] = self.model.pose(to_unit(skeletons).to(self.device), scale)
        return residuals

    def _decode(self, latents: Tensor) -> list[Image.Image]:
        decoded = self.model.vae.decode(latents / self.model.vae.config.scaling_factor).sample
        pixels = ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        return [Image.fromarray(picture) for picture in pixels]
