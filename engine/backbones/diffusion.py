"""The sampling loop of sd15 and sdxl; their modules declare what differs.

The models are those of diffusers' pipelines. The loop is ours, because a batch mixes people with different photos,
scales and poses, each picture has its own seed, and K and V of the photos are computed once per request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import torch
from diffusers import ControlNetUnionModel, DDPMScheduler
from diffusers.utils.torch_utils import randn_tensor
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.adapter.ip_adapter import IPAdapterBranches
from engine.adapter.model import text_keys_values
from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback
from engine.backbones.branch_reader import BranchReader, BranchSettings
from engine.backbones.head_pass import STRENGTH, blend_head, square_around
from engine.backbones.long_prompts import encode_prompts
from engine.backbones.previews import PreviewDecoder, to_pictures
from engine.backbones.reference_crops import ReferenceReader
from engine.contract import Aspect, Settings
from engine.identity.observation import Box
from engine.pose import draw_skeleton, reframed

OPENPOSE_TYPE = 0
"""The index of "openpose" among a union ControlNet's control types."""
HEAD_PROMPT: Final = "close-up of the face"
"""Put before the prompt where a head is redrawn."""


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
    """Each model is on the device only while it runs."""
    branch_settings: Mapping[str, BranchSettings] = field(default_factory=dict)
    """Branch -> settings that differ from the defaults."""


@dataclass(frozen=True)
class _Text:
    """states [B, M, D]; added: SDXL's further conditions (pooled text, sizes). The batch is doubled with guidance."""

    states: Tensor
    added: dict[str, Tensor] | None


@dataclass(frozen=True)
class _Control:
    """skeletons [B, 3, H, W] in [0, 1]; scale [B, 1, 1, 1], zero without a pose. The batch is doubled with guidance."""

    skeletons: Tensor
    scale: Tensor


class DiffusionBackbone:
    """Draws with the parts of a StableDiffusionPipeline or StableDiffusionXLPipeline (see `base.Backbone`)."""

    def __init__(
        self,
        parts: Parts,
        capabilities: Capabilities,
        device: str,
        compiled: bool = False,
        sizes: Mapping[Aspect, tuple[int, int]] | None = None,
    ) -> None:
        """sizes: aspect -> width and height in px; if empty, every picture has the size of the capabilities."""
        self._parts = parts
        self.capabilities = capabilities
        self.device = device
        self._sizes = dict(sizes or {})
        self._unet = torch.compile(parts.pipeline.unet) if compiled else parts.pipeline.unet
        self._dtype = parts.pipeline.unet.dtype
        self._branches = None
        if parts.branches is not None:
            reader = ReferenceReader(parts.image_encoder, self._dtype)
            count = capabilities.references_max
            self._branches = BranchReader(parts.branches, reader, parts.branch_settings, count, device)

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        """RGB pictures in the order of `drawings`, of the requested aspect; steps and guidance are clamped to the
        capabilities."""
        return self._sample(drawings, self._size(drawings[0].settings), on_step)

    def redraw_head(
        self, drawing: GenerationInput, picture: Image.Image, face: Box, on_step: StepCallback | None = None
    ) -> Image.Image:
        """See `base.HeadRedrawer`: a square around the head is enlarged to the model's size and repeats the last
        STRENGTH of the steps. The person's branches read the heads of the photos."""
        square = square_around(face, picture.size)
        side = self._sizes.get(Aspect.SQUARE, (min(self._size(drawing.settings)),))[0]
        close = replace(drawing, prompt=f"{HEAD_PROMPT}, {drawing.prompt}", pose=None)
        start_image = picture.crop(square).resize((side, side), Image.Resampling.LANCZOS)
        return blend_head(picture, self._sample([close], (side, side), on_step, start_image)[0], square)

    @torch.inference_mode()
    def _sample(
        self,
        drawings: Sequence[GenerationInput],
        size: tuple[int, int],
        on_step: StepCallback | None,
        start_image: Image.Image | None = None,
    ) -> list[Image.Image]:
        """size: width, height in px. start_image: a head of that size, which repeats the last STRENGTH of the steps."""
        try:
            return self._denoised(drawings, size, on_step, start_image)
        finally:
            self._release()

    @torch.inference_mode()
    def noise_errors(self, drawing: GenerationInput, photo: Image.Image, times: Sequence[float]) -> NDArray[np.float32]:
        """See `base.NoisePredictor`."""
        size = self._size(drawing.settings)
        try:
            text = self._text([drawing], False, size)
            attention = self._fixed_attention([drawing], text, False, of_head=False, size=size)
            posed = self._parts.controlnet is not None and drawing.pose is not None
            control = self._control([drawing], False, size) if posed else None
            clean = self._encoded(photo)
            noise = self._noise([torch.Generator().manual_seed(drawing.seed)], size)
            schedule = DDPMScheduler.from_config(self._parts.pipeline.scheduler.config)
            errors = []
            for time in times:
                steps = schedule.config.num_train_timesteps
                timestep = torch.tensor([max(round(time * steps), 1) - 1], device=self.device)
                noisy = schedule.add_noise(clean, noise, timestep)
                predicted = self._predict(noisy, timestep, text, attention, control)
                if schedule.config.prediction_type == "v_prediction":
                    alpha = schedule.alphas_cumprod.to(noisy)[timestep].view(-1, 1, 1, 1)
                    predicted = alpha.sqrt() * predicted + (1 - alpha).sqrt() * noisy
                errors.append((predicted.float() - noise.float()).square().mean(1)[0])
            found: NDArray[np.float32] = torch.stack(errors).cpu().numpy()
            return found
        finally:
            self._release()

    def _release(self) -> None:
        """Offloads the models, also after a cancelled drawing, which leaves them on the device."""
        if self._parts.branches is not None and self._parts.branches.lora is not None:
            self._parts.branches.lora.switch((), self.device)
        self._parts.pipeline.maybe_free_model_hooks()

    def _denoised(
        self,
        drawings: Sequence[GenerationInput],
        size: tuple[int, int],
        on_step: StepCallback | None,
        start_image: Image.Image | None,
    ) -> list[Image.Image]:
        settings = drawings[0].settings
        steps, guidance = self.capabilities.steps(settings.steps), self.capabilities.guidance(settings.guidance)
        guided = guidance > 1.0
        text, control = self._text(drawings, guided, size), None
        attention = self._fixed_attention(drawings, text, guided, of_head=start_image is not None, size=size)
        if self._parts.controlnet is not None and any(drawing.pose is not None for drawing in drawings):
            control = self._control(drawings, guided, size)
        scheduler = self._parts.new_scheduler()
        scheduler.set_timesteps(steps, device=self.device)
        generators = [torch.Generator().manual_seed(drawing.seed) for drawing in drawings]
        latents, timesteps = self._begin(scheduler, self._noise(generators, size), start_image)
        for number, timestep in enumerate(timesteps, start=1):
            doubled = torch.cat([latents, latents]) if guided else latents
            sample = scheduler.scale_model_input(doubled, timestep)
            acting = self._acting(attention, (number - 1) / len(timesteps))
            noise = self._predict(sample, timestep, text, acting, control)
            if guided:
                negative, positive = noise.chunk(2)
                noise = negative + guidance * (positive - negative)
            step = scheduler.step(noise, timestep, latents, generator=generators)
            latents = step.prev_sample
            if on_step is not None:
                clean = _clean(step)
                on_step(Step(number, len(timesteps), lambda clean=clean: self._previews(clean)))  # type: ignore[misc]
        return self._decode(latents)

    def _begin(self, scheduler: Any, noise: Tensor, start_image: Image.Image | None) -> tuple[Tensor, Tensor]:
        """The first latents [B, C, h, w] and the times to denoise at: all of them, or with a start image the last
        ones."""
        timesteps: Tensor = scheduler.timesteps
        if start_image is None:
            return noise * scheduler.init_noise_sigma, timesteps
        first = len(timesteps) - max(round(STRENGTH * len(timesteps)), 1)
        scheduler.set_begin_index(first)
        noisy: Tensor = scheduler.add_noise(self._encoded(start_image), noise, timesteps[first : first + 1])
        return noisy.to(self._dtype), timesteps[first:]

    def _encoded(self, picture: Image.Image) -> Tensor:
        """Latents [1, C, h, w] of a picture of the model's size."""
        vae = self._parts.pipeline.vae
        pixels = self._parts.pipeline.image_processor.preprocess(picture).to(self.device, vae.dtype)
        latents: Tensor = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
        return latents.to(self._dtype)

    def _size(self, settings: Settings) -> tuple[int, int]:
        """Width and height in px; those of the default aspect where the aspect has no size."""
        default = self.capabilities.width, self.capabilities.height
        return default if settings.aspect is None else self._sizes.get(settings.aspect, default)

    def _latent_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Columns and rows of the latents of a picture of width x height px."""
        factor = self._parts.pipeline.vae_scale_factor
        return size[0] // factor, size[1] // factor

    def _predict(
        self,
        sample: Tensor,
        timestep: Tensor,
        text: _Text,
        attention: dict[str, Any] | None,
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
            cross_attention_kwargs=attention,
            return_dict=False,
            **residuals,
        )[0]
        return predicted

    def _text(self, drawings: Sequence[GenerationInput], guided: bool, size: tuple[int, int]) -> _Text:
        """size: width, height in px; one of SDXL's conditions."""
        pipeline, count = self._parts.pipeline, len(drawings)
        prompts = [drawing.prompt for drawing in drawings]
        negatives = [drawing.negative_prompt for drawing in drawings] if guided else []
        encoded = encode_prompts(pipeline, [*negatives, *prompts], self.device)
        states, pooled = encoded.states.to(self._dtype), encoded.pooled
        if guided and pooled is not None and pipeline.config.force_zeros_for_empty_prompt:
            counts = torch.tensor([bool(negative) for negative in negatives] + [True] * count, device=states.device)
            states, pooled = states * counts[:, None, None], pooled * counts[:, None]
        if pooled is None:
            return _Text(states, None)
        width, height = size
        times = torch.tensor([[height, width, 0, 0, height, width]], device=self.device, dtype=pooled.dtype)
        return _Text(states, {"text_embeds": pooled, "time_ids": times.repeat(len(pooled), 1)})

    def _noise(self, generators: list[torch.Generator], size: tuple[int, int]) -> Tensor:
        pipeline = self._parts.pipeline
        width, height = self._latent_size(size)
        shape = (len(generators), pipeline.unet.config.in_channels, height, width)
        noise: Tensor = randn_tensor(shape, generator=generators, device=torch.device(self.device), dtype=self._dtype)
        return noise

    def _fixed_attention(
        self, drawings: Sequence[GenerationInput], text: _Text, guided: bool, of_head: bool, size: tuple[int, int]
    ) -> dict[str, Any] | None:
        """The inputs of attention that are equal in all steps: K and V of people and text. None for stock attention."""
        if self._branches is None:
            return None
        identity = self._branches.conditions(drawings, guided, of_head, self._latent_size(size))
        if self._parts.offloaded:  # the UNet is not on the device yet: K and V of the text are computed when it runs
            return {"identity": identity}
        return {"identity": identity, "text": text_keys_values(self._parts.pipeline.unet, text.states)}

    def _acting(self, attention: dict[str, Any] | None, passed: float) -> dict[str, Any] | None:
        """`attention` without the branches that have ended; `passed`: the share of the steps that is done."""
        if attention is None or self._branches is None:
            return attention
        return {**attention, "identity": self._branches.acting(attention["identity"], passed)}

    def _control(self, drawings: Sequence[GenerationInput], guided: bool, size: tuple[int, int]) -> _Control:
        """Skeletons in a picture of width x height px."""
        blank = Image.new("RGB", size)
        poses = [None if drawing.pose is None else reframed(drawing.pose, *size) for drawing in drawings]
        drawn = [blank if pose is None else draw_skeleton(pose, *size) for pose in poses]
        skeletons = self._parts.pipeline.image_processor.preprocess(drawn, *reversed(size)) / 2 + 0.5
        scale = torch.tensor([drawing.settings.pose_scale * (drawing.pose is not None) for drawing in drawings])
        scale = scale.view(-1, 1, 1, 1)
        if guided:
            skeletons, scale = torch.cat([skeletons, skeletons]), torch.cat([scale, scale])
        return _Control(skeletons.to(self.device, self._dtype), scale.to(self.device, self._dtype))

    def _controlled(
        self, sample: Tensor, timestep: Tensor, text: _Text, control: _Control
    ) -> tuple[list[Tensor], Tensor]:
        """The ControlNet's residuals, multiplied by each picture's scale."""
        controlnet, skeletons = self._parts.controlnet, control.skeletons
        extra: dict[str, Any] = {"controlnet_cond": skeletons}
        if isinstance(controlnet, ControlNetUnionModel):
            kinds = sample.new_zeros(len(sample), controlnet.config.num_control_type)
            kinds[:, OPENPOSE_TYPE] = 1
            extra = {"controlnet_cond": [skeletons], "control_type": kinds, "control_type_idx": [OPENPOSE_TYPE]}
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
    """The scheduler's estimate of the clean latents; its name differs between schedulers."""
    for name in ("pred_original_sample", "denoised"):
        if getattr(step, name, None) is not None:
            clean: Tensor = getattr(step, name)
            return clean
    latents: Tensor = step.prev_sample
    return latents
