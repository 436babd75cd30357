"""klein: FLUX.2 klein, the second family ("reference-edit"), which reads pictures of the person and an instruction.

The model reads the crops themselves, without an adapter, so likeness has no continuous strength: the scales decide only
which crops the model gets. A pose and an image prompt take the place of one photo each, as in the publisher's guide for
poses (docs.bfl.ai/guides/usecases_editing_controlnets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback
from engine.backbones.checkpoints import load_components
from engine.backbones.options import Options, Placement
from engine.contract import Aspect, Clothes
from engine.errors import WeightsError
from engine.identity.clothes import without_clothes
from engine.identity.crops import body_crop, head_crop
from engine.identity.profile import View
from engine.pose import draw_skeleton, reframed

REPOSITORY = "black-forest-labs/FLUX.2-klein-4B"
MODELS: Final = ("transformer", "vae", "text_encoder")
REFERENCES_MAX = 4
"""The publisher's limit for both sizes of klein (docs.bfl.ai/guides/prompting_editing_overview)."""
JOINT_DIMENSION_4B = 7680
"""Three layers of Qwen3-4B. The 9B has a wider text encoder, and a licence without commercial use."""
SIDE_MULTIPLE_PX = 16
REFERENCE_SIDE_MIN_PX = 64
REFERENCE_ASPECT_MAX = 8
"""The largest ratio of longer to shorter side that diffusers' pipeline accepts."""

SIDES: Final = {
    Aspect.PORTRAIT: (13 / 16, 19 / 16),
    Aspect.SQUARE: (1.0, 1.0),
    Aspect.LANDSCAPE: (19 / 16, 13 / 16),
    Aspect.TALL: (3 / 4, 21 / 16),
}
"""Width and height of each aspect, the default first, as shares of the side of a square picture."""


@dataclass(frozen=True)
class Sizes:
    """Sizes in px: `pictures` of results, by aspect, `body` and `head` of reference crops. A picture has about
    `side_px` squared pixels."""

    pictures: Mapping[Aspect, tuple[int, int]]
    body: tuple[int, int]
    head: int

    @classmethod
    def around(cls, side_px: int) -> Sizes:
        def sized(part: float) -> int:
            return max(SIDE_MULTIPLE_PX * round(side_px * part / SIDE_MULTIPLE_PX), REFERENCE_SIDE_MIN_PX)

        pictures = {aspect: (sized(width), sized(height)) for aspect, (width, height) in SIDES.items()}
        return cls(pictures, (sized(1 / 2), sized(3 / 4)), sized(1 / 2))

    def picture(self, aspect: Aspect | None) -> tuple[int, int]:
        """Width and height in px, the first aspect's where none is asked for."""
        return next(iter(self.pictures.values())) if aspect is None else self.pictures[aspect]


def load_klein(device: str, weights: Path | None = None, options: Options | None = None) -> KleinBackbone:
    """Loads the backbone from the folder `weights` or the hub's cache. Raises WeightsError, which names what is
    missing. Of the options, `precision`, `offload` and `compile` apply. "auto" is bfloat16 on a GPU: the published
    weights have it, and float16 has a smaller range than they were trained in."""
    options = options or Options()
    source = str(weights or REPOSITORY)
    try:
        automatic = options.precision == "auto" and device != "cpu"
        dtype = torch.bfloat16 if automatic else options.dtype(device)
        models = load_components(Placement(source), MODELS, dtype=dtype)
        pipeline = Flux2KleinPipeline.from_pretrained(source, dtype=dtype, local_files_only=True, **models)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise WeightsError(
            f"expected a FLUX.2 klein pipeline in {source}, could not load it ({reason}): "
            "run `python -m engine doctor --backbone klein --download`, or set ENGINE_WEIGHTS to a folder that holds it"
        ) from error
    return KleinBackbone(pipeline, device, options)


class KleinBackbone:
    """Draws with a klein pipeline (see `engine.backbones.base.Backbone`).

    One picture at a time: diffusers' pipeline shows the same pictures to every prompt of a batch. The model has no
    negative prompts."""

    def __init__(self, pipeline: Flux2KleinPipeline, device: str = "cpu", options: Options | None = None) -> None:
        options = options or Options()
        self.device = device
        self._pipeline = pipeline
        pipeline.set_progress_bar_config(disable=True)
        if options.compile:
            pipeline.transformer.compile_repeated_blocks(fullgraph=True, dynamic=True)
        if options.offload:
            pipeline.enable_model_cpu_offload(device=device)
        else:
            pipeline.to(device)
        self._sizes = Sizes.around(pipeline.vae.config.sample_size)
        self.capabilities = _capabilities(pipeline, self._sizes)

    @torch.inference_mode()
    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        """Draws one picture after another; steps are counted over all of them. Previews of later pictures are grey."""
        steps = drawings[0].settings.steps or self.capabilities.steps_default
        pictures: list[Image.Image] = []
        for drawing in drawings:
            size = self._sizes.picture(drawing.settings.aspect)
            watch = _Watch(self, steps, list(pictures), len(drawings), size, on_step)
            pictures.append(self._draw(drawing, steps, watch))
        return pictures

    def _draw(self, drawing: GenerationInput, steps: int, watch: _Watch) -> Image.Image:
        guidance = drawing.settings.guidance
        width, height = self._sizes.picture(drawing.settings.aspect)
        pictures = self._input_pictures(drawing, (width, height))
        noise = self._noise(drawing.seed, (width, height))
        watch.latents = self._pipeline._pack_latents(noise)
        try:
            drawn = self._pipeline(
                image=pictures,
                prompt=instruction(drawing, len(pictures)),
                width=width,
                height=height,
                num_inference_steps=steps,
                guidance_scale=self.capabilities.guidance_default if guidance is None else guidance,
                latents=noise,
                callback_on_step_end=watch,
            )
        finally:
            self._pipeline.maybe_free_model_hooks()  # a cancelled drawing leaves the pipeline in the middle
        return cast(Image.Image, drawn.images[0])

    @torch.inference_mode()
    def noise_errors(self, drawing: GenerationInput, photo: Image.Image, times: Sequence[float]) -> NDArray[np.float32]:
        """See `engine.backbones.base.NoisePredictor`. One step of the pipeline from noisy latents to time 0 gives the
        clean ones that the model predicts; a time is the share of noise itself, without the schedule's shift."""
        pipeline, size = self._pipeline, self._sizes.picture(drawing.settings.aspect)
        pixels = pipeline.image_processor.preprocess(photo, *reversed(size)).to(self.device, pipeline.vae.dtype)
        clean = pipeline._encode_vae_image(pixels, generator=None)
        noise, pictures = self._noise(drawing.seed, size).to(clean), self._input_pictures(drawing, size)
        schedule, errors = pipeline.scheduler, []
        pipeline.scheduler = FlowMatchEulerDiscreteScheduler()
        try:
            for time in times:
                noisy, captured = (1 - time) * clean + time * noise, list[Tensor]()

                def keep(*given: Any, captured: list[Tensor] = captured) -> dict[str, Tensor]:
                    captured.append(given[-1]["latents"])
                    return {}

                pipeline(
                    image=pictures, prompt=instruction(drawing, len(pictures)), width=size[0], height=size[1],
                    num_inference_steps=1, sigmas=[time], guidance_scale=1.0, latents=noisy,
                    callback_on_step_end=keep, output_type="latent",
                )  # fmt: skip
                packed, target = pipeline._pack_latents(noisy), pipeline._pack_latents(noise)
                predicted = (packed - (1 - time) * captured[0].to(packed)) / time
                error = (predicted.float() - target.float()).square().mean(-1)
                errors.append(error.reshape(clean.shape[2:]))
        finally:
            pipeline.scheduler = schedule
            pipeline.maybe_free_model_hooks()
        found: NDArray[np.float32] = torch.stack(errors).cpu().numpy()
        return found

    def _input_pictures(self, drawing: GenerationInput, size: tuple[int, int]) -> list[Image.Image]:
        """The input pictures: the person's first, then the pose's, then the image prompt."""
        style = image_prompt(drawing, self._sizes)
        others = (drawing.pose is not None) + (style is not None)
        pictures = person_pictures(drawing, self._sizes, REFERENCES_MAX - others)
        if drawing.pose is not None:
            pictures.append(draw_skeleton(reframed(drawing.pose, *size), *size))
        return pictures if style is None else [*pictures, style]

    def _noise(self, seed: int, size: tuple[int, int]) -> Tensor:
        """Noise [1, C, H, W] in the transformer's layout: 2 x 2 latents per position."""
        width, height = (side // SIDE_MULTIPLE_PX for side in size)
        channels = self._pipeline.transformer.config.in_channels
        return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed))

    def decode(self, latents: Tensor, size: tuple[int, int]) -> Image.Image:
        """Packed latents [1, H x W, C] as a picture of width x height px."""
        pipeline = self._pipeline
        width, height = (side // SIDE_MULTIPLE_PX for side in size)
        grid = latents.permute(0, 2, 1).reshape(1, -1, height, width)
        norm = pipeline.vae.bn
        deviation = (norm.running_var + pipeline.vae.config.batch_norm_eps).sqrt()
        grid = grid * deviation.view(1, -1, 1, 1).to(grid) + norm.running_mean.view(1, -1, 1, 1).to(grid)
        decoded = pipeline.vae.decode(pipeline._unpatchify_latents(grid), return_dict=False)[0]
        return cast(Image.Image, pipeline.image_processor.postprocess(decoded)[0])


class _Watch:
    """The pipeline's callback: reports steps, estimates the clean picture for previews."""

    def __init__(
        self,
        backbone: KleinBackbone,
        steps: int,
        done: list[Image.Image],
        count: int,
        size: tuple[int, int],
        on_step: StepCallback | None,
    ) -> None:
        self.latents: Tensor | None = None
        """Packed latents before the next step."""
        self._backbone = backbone
        self._steps = steps
        self._done = done
        self._count = count
        self._size = size
        self._on_step = on_step

    def __call__(self, pipeline: Any, index: int, _: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        after = tensors["latents"]
        before, self.latents = self.latents, after
        if self._on_step is not None and before is not None:
            now, following = pipeline.scheduler.sigmas[index : index + 2].tolist()
            clean = estimate(before.to(after), after, now, following)
            number = len(self._done) * self._steps + index + 1
            self._on_step(Step(number, self._count * self._steps, lambda: self._previews(clean)))
        return {}

    def _previews(self, clean: Tensor) -> list[Image.Image]:
        current = self._backbone.decode(clean, self._size)
        waiting = self._count - len(self._done) - 1
        return [*self._done, current, *(Image.new("RGB", current.size, "gray") for _ in range(waiting))]


def estimate(before: Tensor, after: Tensor, sigma: float, sigma_after: float) -> Tensor:
    """The latents at sigma 0 on a straight line through both: the prediction of the clean picture."""
    velocity = (after - before) / (sigma_after - sigma)
    return after - sigma_after * velocity


def person_pictures(drawing: GenerationInput, sizes: Sizes, limit: int) -> list[Image.Image]:
    """Crops of the person, at most `limit`: one per photo before a second one of any photo.

    The body comes first, or the head where the face weighs more; a scale of 0 leaves its crops out."""
    settings, views = drawing.settings, drawing.identity.views
    kinds = ["head", "body"] if settings.face_scale > settings.body_scale else ["body", "head"]
    kinds_used = [kind for kind in kinds if getattr(settings, "face_scale" if kind == "head" else "body_scale") > 0]
    pictures = [_crop(view, kind, settings.clothes, sizes) for kind in kinds_used for view in views]
    chosen = [picture for picture in pictures if picture is not None][:limit]
    if chosen:
        return chosen
    body = _crop(views[0], "body", settings.clothes, sizes)
    return [] if body is None else [body]


def _crop(view: View, kind: str, clothes: Clothes, sizes: Sizes) -> Image.Image | None:
    """The crop of the body or the head; None for a head without a face. Garments are hidden where other clothes are
    asked for, so that the pictures do not contradict the prompt."""
    observation = view.observation
    if kind == "head":
        return None if observation.face_box is None else head_crop(view.image, observation.face_box, sizes.head)
    image = without_clothes(view) if clothes is Clothes.CHANGE else view.image
    return body_crop(image, observation.body_box, *sizes.body)


def image_prompt(drawing: GenerationInput, sizes: Sizes) -> Image.Image | None:
    """The whole image prompt, at most as large as a body's crop, stretched where its sides' ratio exceeds the
    pipeline's limit; None without one, and where its scale is 0."""
    if drawing.image_prompt is None or drawing.settings.image_prompt_scale == 0:
        return None
    share = min(side / length for side, length in zip(sizes.body, drawing.image_prompt.size, strict=True))
    least = max(REFERENCE_SIDE_MIN_PX, max(sizes.body) // REFERENCE_ASPECT_MAX)
    width, height = (
        max(SIDE_MULTIPLE_PX * round(side * share / SIDE_MULTIPLE_PX), least) for side in drawing.image_prompt.size
    )
    return drawing.image_prompt.resize((width, height), Image.Resampling.LANCZOS)


def instruction(drawing: GenerationInput, pictures: int) -> str:
    """The prompt for the model; `pictures` is the number of input pictures. The user's prompt comes last, so that only
    its end is cut off where the text is too long."""
    styled = drawing.image_prompt is not None and drawing.settings.image_prompt_scale > 0
    of_person = pictures - (drawing.pose is not None) - styled
    which = "Image 1 shows a person." if of_person == 1 else f"Images 1 to {of_person} show one and the same person."
    sentences = [which, "Make a new photo of exactly this person: the same face, hair, skin and body build."]
    if drawing.settings.clothes is Clothes.CHANGE:
        sentences.append("Plain grey hides the old clothes: dress the person as the description says.")
    else:
        sentences.append("Keep the clothes of the images unless the description names others.")
    if drawing.pose is not None:
        sentences.append(
            f"Match the pose of the skeleton in image {pictures - styled}: the same position of head, arms and legs; "
            "do not draw the skeleton itself."
        )
    if styled:
        sentences.append(
            f"Take the style of image {pictures}: its technique, colours and mood; draw none of its people and things."
        )
    sentences.append(f"Setting and light follow the description: {drawing.prompt}")
    return " ".join(sentences)


def _capabilities(pipeline: Flux2KleinPipeline, sizes: Sizes) -> Capabilities:
    """The checkpoint's capabilities: distilled checkpoints take few steps and no guidance."""
    distilled = bool(pipeline.config.is_distilled)
    small = pipeline.transformer.config.joint_attention_dim <= JOINT_DIMENSION_4B
    width, height = sizes.picture(None)
    return Capabilities(
        name="klein",
        family="reference-edit",
        width=width,
        height=height,
        references_max=REFERENCES_MAX,
        batch_max=1,
        steps_default=4 if distilled else 50,
        steps_range=(1, 8) if distilled else (1, 100),
        guidance_default=1.0 if distilled else 4.0,
        guidance_range=(1.0, 1.0) if distilled else (1.0, 10.0),
        pose=True,
        strength=False,
        styles="words",
        preview_decoder="own",
        languages=("en",),
        photorealistic=True,
        licence="Apache-2.0" if small else "FLUX non-commercial",
        commercial_use=small,
        aspects=tuple(sizes.pictures),
        image_prompt=True,
    )
