"""The adapter family on Stable Diffusion's layouts: one loop for sd15 and sdxl, whose files declare what is theirs.

The parts are those of diffusers' pipelines; the loop is ours, because a batch mixes people with different photos,
scales and poses, each picture has a seed of its own, and K and V of the photos are computed once a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import ControlNetUnionModel
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from engine.adapter.attention import BRANCHES, BranchCondition, with_negative
from engine.adapter.ip_adapter import IPAdapterBranches, ReferencePhotos
from engine.adapter.model import text_keys_values
from engine.adapter.region_tokens import RegionPhotos, RegionReading, region_photos
from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback
from engine.backbones.previews import PreviewDecoder, to_pictures
from engine.contract import Clothes, Settings
from engine.identity.alignment import aligned_face
from engine.identity.clothes import without_clothes
from engine.identity.crops import body_crop, head_crop
from engine.identity.profile import View
from engine.pose import draw_skeleton

OPENPOSE_TYPE = 0
"""Of a union ControlNet's control types."""


@dataclass(frozen=True)
class Parts:
    """The loaded parts; branches, image_encoder and controlnet may be absent. `new_scheduler` gives one per drawing."""

    pipeline: Any
    branches: IPAdapterBranches | None
    image_encoder: Any
    controlnet: Any
    preview: PreviewDecoder
    new_scheduler: Callable[[], Any]
    offloaded: bool = False
    """The pipeline's models are on the device only while they run."""


@dataclass(frozen=True)
class _Text:
    """states [B, M, D]; added: what SDXL wants beside the time. Doubled when guided."""

    states: Tensor
    added: dict[str, Tensor] | None


@dataclass(frozen=True)
class _Control:
    """skeletons [B, 3, H, W] in [0, 1]; scale [B, 1, 1, 1], zero where no pose is asked for. Doubled when guided."""

    skeletons: Tensor
    scale: Tensor


class DiffusionBackbone:
    """Draws with the parts of a StableDiffusionPipeline or StableDiffusionXLPipeline (see `base.Backbone`)."""

    def __init__(self, parts: Parts, capabilities: Capabilities, device: str, compiled: bool = False) -> None:
        self._parts = parts
        self.capabilities = capabilities
        self.device = device
        self._unet = torch.compile(parts.pipeline.unet) if compiled else parts.pipeline.unet
        self._dtype = parts.pipeline.unet.dtype
        self._crop_px = 224 if parts.image_encoder is None else parts.image_encoder.config.image_size
        self._to_tensor = CLIPImageProcessorPil(
            size={"shortest_edge": self._crop_px}, crop_size={"height": self._crop_px, "width": self._crop_px}
        )

    @torch.inference_mode()
    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        """RGB pictures of capabilities.width x height px, in the order of `drawings`; steps and guidance are kept
        within what the capabilities say."""
        try:
            return self._draw(drawings, on_step)
        finally:
            self._parts.pipeline.maybe_free_model_hooks()  # a cancelled drawing leaves its models on the device

    def _draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None) -> list[Image.Image]:
        steps, guidance = self._strength(drawings[0].settings)
        guided = guidance > 1.0
        text, control = self._text(drawings, guided), None
        known = self._known(drawings, text, guided)
        if self._parts.controlnet is not None and any(drawing.pose is not None for drawing in drawings):
            control = self._control(drawings, guided)
        scheduler = self._parts.new_scheduler()
        scheduler.set_timesteps(steps, device=self.device)
        generators = [torch.Generator().manual_seed(drawing.seed) for drawing in drawings]
        latents = self._noise(generators) * scheduler.init_noise_sigma
        for number, timestep in enumerate(scheduler.timesteps, start=1):
            doubled = torch.cat([latents, latents]) if guided else latents
            sample = scheduler.scale_model_input(doubled, timestep)
            noise = self._predict(sample, timestep, text, known, control)
            if guided:
                negative, positive = noise.chunk(2)
                noise = negative + guidance * (positive - negative)
            step = scheduler.step(noise, timestep, latents, generator=generators)
            latents = step.prev_sample
            if on_step is not None:
                clean = _clean(step)
                on_step(Step(number, len(scheduler.timesteps), lambda clean=clean: self._previews(clean)))  # type: ignore[misc]
        return self._decode(latents)

    def _strength(self, settings: Settings) -> tuple[int, float]:
        """Steps and guidance: a few-step model that is guided like others draws garish pictures."""
        can = self.capabilities
        steps = can.steps_default if settings.steps is None else settings.steps
        guidance = can.guidance_default if settings.guidance is None else settings.guidance
        (least, most), (weak, strong) = can.steps_range, can.guidance_range
        return min(max(steps, least), most), min(max(guidance, weak), strong)

    def _predict(
        self,
        sample: Tensor,
        timestep: Tensor,
        text: _Text,
        known: dict[str, Any] | None,
        control: _Control | None,
    ) -> Tensor:
        residuals: dict[str, Any] = {}
        if control is not None:
            down, mid = self._controlled(sample, timestep, text, control)
            residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        predicted: Tensor = self._unet(
            sample,
            timestep,
            encoder_hidden_states=text.states,
            added_cond_kwargs=text.added,
            cross_attention_kwargs=known,
            return_dict=False,
            **residuals,
        )[0]
        return predicted

    def _text(self, drawings: Sequence[GenerationInput], guided: bool) -> _Text:
        pipeline = self._parts.pipeline
        encoded = pipeline.encode_prompt(
            prompt=[drawing.prompt for drawing in drawings],
            device=self.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=guided,
            negative_prompt=[drawing.negative_prompt for drawing in drawings] if guided else None,
        )
        states, negative_states, *pooled = encoded
        if guided and pooled and pipeline.config.force_zeros_for_empty_prompt:
            said = torch.tensor([bool(drawing.negative_prompt) for drawing in drawings], device=negative_states.device)
            negative_states, pooled[1] = negative_states * said[:, None, None], pooled[1] * said[:, None]
        if guided:
            states = torch.cat([negative_states, states])
        if not pooled:
            return _Text(states, None)
        embeds = torch.cat([pooled[1], pooled[0]]) if guided else pooled[0]
        size = (self.capabilities.height, self.capabilities.width)
        times = torch.tensor([[*size, 0, 0, *size]], device=self.device, dtype=embeds.dtype)
        return _Text(states, {"text_embeds": embeds, "time_ids": times.repeat(len(embeds), 1)})

    def _noise(self, generators: list[torch.Generator]) -> Tensor:
        pipeline = self._parts.pipeline
        factor = pipeline.vae_scale_factor
        shape = (
            len(generators),
            pipeline.unet.config.in_channels,
            self.capabilities.height // factor,
            self.capabilities.width // factor,
        )
        noise: Tensor = randn_tensor(shape, generator=generators, device=torch.device(self.device), dtype=self._dtype)
        return noise

    def _known(self, drawings: Sequence[GenerationInput], text: _Text, guided: bool) -> dict[str, Any] | None:
        """What attention need not compute at every step: K and V of people and words. None for stock attention."""
        if self._parts.branches is None:
            return None
        identity = self._identity(drawings, guided)
        if self._parts.offloaded:  # the UNet waits elsewhere: its own K and V are computed when it runs
            return {"identity": identity}
        return {"identity": identity, "text": text_keys_values(self._parts.pipeline.unet, text.states)}

    def _identity(self, drawings: Sequence[GenerationInput], guided: bool) -> dict[str, BranchCondition]:
        """K and V of every branch that some picture uses."""
        branches, condition, negative = self._parts.branches, {}, {}
        for name in BRANCHES:
            if branches is None or name not in branches.image_projections:
                continue
            scales = [getattr(drawing.settings, f"{name}_scale") for drawing in drawings]
            photos = self._photos(name, drawings)
            if photos is None or not any(s * c for s, c in zip(scales, photos.counts, strict=True)):
                continue
            condition[name] = branches.condition(name, photos, scales)
            if guided:
                unseen = ReferencePhotos(self._encoded_zeros(), [1], photos.embeddings)
                negative[name] = branches.negative(name, unseen, condition[name])
        if branches is None or not condition:
            return {}
        cached = branches.cache(condition)
        return with_negative(cached, branches.cache(negative)) if guided else cached

    def _photos(self, branch: str, drawings: Sequence[GenerationInput]) -> ReferencePhotos | RegionPhotos | None:
        """What the branch reads of everybody; None where nobody has anything for it."""
        assert self._parts.branches is not None
        if branch in self._parts.branches.readings:
            return self._regions(self._parts.branches.readings[branch], drawings)
        embedded = self._parts.branches.reads_embeddings(branch)
        crops: list[Image.Image] = []
        embeddings, counts = [], []
        for drawing in drawings:
            before = len(crops)
            for view in drawing.identity.views[: self.capabilities.references_max]:
                embedding = view.observation.face_embedding
                crop = self._crop(branch, view, drawing.settings.clothes)
                if crop is None or (embedded and embedding is None):
                    continue
                crops.append(crop)
                if embedded and embedding is not None:
                    embeddings.append(torch.from_numpy(embedding))
            counts.append(len(crops) - before)
        if not crops:
            return None
        stacked = torch.stack(embeddings).to(self.device, self._dtype) if embedded else None
        return ReferencePhotos(self._encoded(crops), counts, stacked)

    def _regions(self, reading: RegionReading, drawings: Sequence[GenerationInput]) -> RegionPhotos | None:
        patch_px = self._parts.image_encoder.config.patch_size
        people = [
            [
                reading.shown(view, drawing.settings.clothes, self._crop_px, patch_px)
                for view in drawing.identity.views[: self.capabilities.references_max]
            ]
            for drawing in drawings
        ]
        return region_photos(people, reading, self._encoded)

    def _crop(self, branch: str, view: View, clothes: Clothes) -> Image.Image | None:
        if branch == "face":
            return self._face(view)
        image = without_clothes(view) if clothes is Clothes.CHANGE else view.image
        return body_crop(image, view.observation.body_box, self._crop_px, self._crop_px)

    def _face(self, view: View) -> Image.Image | None:
        """Aligned for FaceID, the head with its hair for others: what each was trained on."""
        assert self._parts.branches is not None
        if self._parts.branches.reads_embeddings("face"):
            return aligned_face(view, self._crop_px)
        box = view.observation.face_box
        return None if box is None else head_crop(view.image, box, self._crop_px)

    def _encoded(self, crops: list[Image.Image]) -> Tensor:
        """Penultimate states [n, S, D] of the image encoder."""
        pixels = self._to_tensor(crops, return_tensors="pt").pixel_values
        return self._hidden(pixels)

    def _encoded_zeros(self) -> Tensor:
        return self._hidden(torch.zeros(1, 3, self._crop_px, self._crop_px))

    def _hidden(self, pixels: Tensor) -> Tensor:
        encoder = self._parts.image_encoder
        output = encoder(pixels.to(self.device, encoder.dtype), output_hidden_states=True)
        hidden: Tensor = output.hidden_states[-2].to(self._dtype)
        return hidden

    def _control(self, drawings: Sequence[GenerationInput], guided: bool) -> _Control:
        size = (self.capabilities.width, self.capabilities.height)
        blank = Image.new("RGB", size)
        drawn = [blank if drawing.pose is None else draw_skeleton(drawing.pose, *size) for drawing in drawings]
        skeletons = self._parts.pipeline.image_processor.preprocess(drawn, *reversed(size)) / 2 + 0.5
        scale = torch.tensor([drawing.settings.pose_scale * (drawing.pose is not None) for drawing in drawings])
        scale = scale.view(-1, 1, 1, 1)
        if guided:
            skeletons, scale = torch.cat([skeletons, skeletons]), torch.cat([scale, scale])
        return _Control(skeletons.to(self.device, self._dtype), scale.to(self.device, self._dtype))

    def _controlled(
        self, sample: Tensor, timestep: Tensor, text: _Text, control: _Control
    ) -> tuple[list[Tensor], Tensor]:
        """The ControlNet's residuals at every picture's own scale."""
        controlnet, shown = self._parts.controlnet, control.skeletons
        extra: dict[str, Any] = {"controlnet_cond": shown}
        if isinstance(controlnet, ControlNetUnionModel):
            kinds = sample.new_zeros(len(sample), controlnet.config.num_control_type)
            kinds[:, OPENPOSE_TYPE] = 1
            extra = {"controlnet_cond": [shown], "control_type": kinds, "control_type_idx": [OPENPOSE_TYPE]}
        down, mid = controlnet(
            sample,
            timestep,
            encoder_hidden_states=text.states,
            added_cond_kwargs=text.added,
            return_dict=False,
            **extra,
        )
        return [residual * control.scale for residual in down], mid * control.scale

    def _previews(self, latents: Tensor) -> list[Image.Image]:
        return to_pictures(self._parts.preview(latents))

    def _decode(self, latents: Tensor) -> list[Image.Image]:
        vae = self._parts.pipeline.vae
        decoded = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype), return_dict=False)[0]
        return to_pictures(decoded)


def _clean(step: Any) -> Tensor:
    """The scheduler's estimate of the finished latents, under the name that it has there."""
    for name in ("pred_original_sample", "denoised"):
        if getattr(step, name, None) is not None:
            clean: Tensor = getattr(step, name)
            return clean
    latents: Tensor = step.prev_sample
    return latents
