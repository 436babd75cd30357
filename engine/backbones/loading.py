"""Loads the models of sd15 and sdxl, by name or from files.

Nothing is downloaded here: the error for missing weights names the command that downloads them. Optional weights (face
adapter, ControlNet, small preview decoder) are used if they are present, unless a setting says otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, EulerDiscreteScheduler
from diffusers.utils import logging as diffusers_logging
from transformers import CLIPVisionModelWithProjection

from engine.adapter.attention import IMAGE_PROMPT
from engine.adapter.ip_adapter import IPAdapterBranches, load_branches
from engine.adapter.ip_adapter_file import AdapterFile
from engine.adapter.model import cross_attention_layers
from engine.backbones.base import Capabilities
from engine.backbones.branch_reader import BranchSettings, read_block_scales
from engine.backbones.checkpoints import load_components, load_controlnet, load_whole
from engine.backbones.diffusion import DiffusionBackbone, Parts
from engine.backbones.options import NONE, Options, Placement, file_place, folder_place
from engine.backbones.previews import LinearDecoder, PreviewDecoder, TinyDecoder
from engine.contract import Aspect
from engine.errors import SetupError, WeightsError
from engine.hub.repositories import HuggingFaceHub

log = logging.getLogger(__name__)
MODELS: Final = ("unet", "vae", "text_encoder", "text_encoder_2")
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class FewSteps:
    """A LoRA distilled for few steps, and its settings."""

    lora: str
    scheduler: Any
    settings: Mapping[str, Any]
    steps: int
    guidance: float = 1.0


@dataclass(frozen=True)
class Family:
    """The names, files and defaults of sd15 or sdxl. Files are named as in Options.

    sides: aspect -> width and height as shares of the side that the UNet was trained at, the default aspect first. vae:
    an autoencoder for half precision, or "" for the pipeline's own.

    face_scale, body_scale: the scales of IP-Adapter's attention that a request's scale of 1 stands for. diffusers'
    guide calls 0.5 balanced: at 1 the photos outweigh the prompt, the style and the pose. The effects of both branches
    add up, so neither scale is much above 0.5.

    image_prompt_adapter: the adapter for image prompts, named like body_adapter. style_blocks, layout_blocks: the
    blocks where an image prompt acts, at scale 1, as in InstantStyle.
    """

    name: str
    pipeline: Any
    repository: str
    few_steps: Mapping[str, FewSteps]
    distilled: str
    body_adapter: str
    face_adapter: str
    image_encoder: str
    controlnet: str
    preview: str
    licence: str
    sides: Mapping[Aspect, tuple[float, float]]
    steps: int
    guidance: float
    batch_max: int
    image_prompt_adapter: str
    style_blocks: tuple[str, ...]
    layout_blocks: tuple[str, ...]
    vae: str = ""
    face_scale: float = 0.6
    body_scale: float = 0.55
    image_prompt_scale: float = 1.0


def load_family(family: Family, device: str, weights: Path | None, options: Options) -> DiffusionBackbone:
    """Loads a backbone. Raises WeightsError naming what is missing, SetupError for a setting that does not fit."""
    if options.offload and device == "cpu":
        raise SetupError("expected a GPU to spare the memory of, got the CPU: unset ENGINE_OFFLOAD")
    diffusers_logging.set_verbosity_error()  # its loaders warn about choices that are intended here
    few = _few_steps(family, options)
    pipeline = _pipeline(family, device, weights, options)
    if few is not None:
        fuse_lora(pipeline, file_place(options.lora or few.lora), family.name)
    if not options.offload:
        pipeline.to(device)
    branches, encoder = _adapters(family, pipeline, options)
    controlnet = _optional(
        options.controlnet, family.controlnet, lambda p: _controlnet(p, pipeline), family, "ENGINE_CONTROLNET"
    )
    tiny = _optional(options.preview, family.preview, lambda p: _tiny(p, pipeline), family, "ENGINE_PREVIEW")
    preview: PreviewDecoder = LinearDecoder(pipeline.vae) if tiny is None else TinyDecoder(tiny)
    for part in (branches, encoder, controlnet, tiny):
        if part is not None:
            part.to(device)
    if options.channels_last:
        pipeline.unet.to(memory_format=torch.channels_last)
    if pipeline.vae.dtype == torch.float16 and pipeline.vae.config.force_upcast:
        pipeline.vae.to(torch.float32)  # its activations overflow in half precision
    if options.offload:
        pipeline.enable_model_cpu_offload(device=device)
    pipeline.vae.enable_slicing()  # decodes a batch picture by picture, since decoding needs the most memory
    settings = branch_settings(family, options, pipeline.unet)
    scheduler = _scheduler(pipeline, few)
    parts = Parts(pipeline, branches, encoder, controlnet, preview, scheduler, options.offload, settings)
    sizes = picture_sizes(family, parts.pipeline)
    capabilities = _capabilities(family, parts, few, sizes, options)
    return DiffusionBackbone(parts, capabilities, device, options.compile, sizes)


def _few_steps(family: Family, options: Options) -> FewSteps | None:
    chosen = family.distilled if options.distilled == "auto" else options.distilled
    if chosen == NONE:
        return None
    if chosen not in family.few_steps:
        raise SetupError(
            f"expected one of {', '.join([*family.few_steps, NONE])} for {family.name}, got {chosen}: "
            "set ENGINE_DISTILLED"
        )
    return family.few_steps[chosen]


def _pipeline(family: Family, device: str, weights: Path | None, options: Options) -> Any:
    place, dtype = Placement(str(weights or family.repository)), options.dtype(device)
    variant, source = _variant(replace(place, subfolder="unet")), _on_disk(place).source
    extra = {"safety_checker": None, "requires_safety_checker": False} if family.name == "sd15" else {}
    vae = _other_vae(family, options, dtype)
    names = [name for name in MODELS if name != "vae" or vae is None]

    def load() -> Any:
        models = load_components(Placement(source), names, dtype=dtype, variant=variant)
        models |= {} if vae is None else {"vae": vae}
        return family.pipeline.from_pretrained(
            source, dtype=dtype, variant=variant, local_files_only=True,
            image_encoder=None, feature_extractor=None, **models, **extra,
        )  # fmt: skip

    pipeline = _loaded(load, f"a {family.name} pipeline in {place}", family.name, "ENGINE_WEIGHTS")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _other_vae(family: Family, options: Options, dtype: torch.dtype) -> Any:
    """The autoencoder that replaces the pipeline's: the operator's, or one that does not overflow in half precision;
    else None."""
    if options.vae is None and (not family.vae or dtype != torch.float16):
        return None
    return _optional(
        options.vae, family.vae, lambda place: load_whole(AutoencoderKL, place, dtype=dtype), family, "ENGINE_VAE"
    )


def fuse_lora(pipeline: Any, place: Placement, backbone: str) -> None:
    """Fuses a LoRA into the weights, so that it takes no time while drawing. Raises WeightsError.

    Some loaders silently drop unknown tensors, so it is checked that the UNet's weights have changed."""
    before, found = _fingerprint(pipeline.unet), _on_disk(place)

    def load() -> None:
        pipeline.load_lora_weights(
            found.source, subfolder=found.subfolder or None, weight_name=found.name, local_files_only=True
        )
        pipeline.fuse_lora()
        pipeline.unload_lora_weights()

    _loaded(load, f"a LoRA in {place}", backbone, "ENGINE_LORA")
    if _fingerprint(pipeline.unet) == before:
        raise WeightsError(f"expected a LoRA for {backbone} in {place}, got one that changes nothing: set ENGINE_LORA")


def _fingerprint(unet: Any) -> list[float]:
    """The sums of the attention layers' tensors."""
    return [float(value.float().sum()) for name, value in unet.state_dict().items() if ".attn" in name]


def _adapters(family: Family, pipeline: Any, options: Options) -> tuple[IPAdapterBranches | None, Any]:
    """The branches whose files are present, and their image encoder."""
    body = None if options.body_adapter == NONE else file_place(options.body_adapter or family.body_adapter)
    face = None if options.face_adapter == NONE else file_place(options.face_adapter or family.face_adapter)
    files = {name: _adapter_file(place) for name, place in (("body", body), ("face", face)) if place is not None}
    if face is not None and options.face_adapter is None and not _is_there(face):
        log.info("%s draws without a face adapter: %s is not there", family.name, face)
        del files["face"]
    place = folder_place(options.image_encoder or family.image_encoder)
    picture = file_place(options.image_prompt_adapter or family.image_prompt_adapter)
    usable = _is_there(picture) and (bool(files) or _is_there(replace(place, name="config.json")))
    if options.image_prompt_adapter != NONE and (options.image_prompt_adapter is not None or usable):
        files[IMAGE_PROMPT] = _adapter_file(picture)
    if not files:
        return None, None
    found = _on_disk(place)
    encoder = _loaded(
        lambda: load_whole(CLIPVisionModelWithProjection, found, dtype=pipeline.dtype),
        f"an image encoder in {place}", family.name, "ENGINE_IMAGE_ENCODER",
    )  # fmt: skip
    return load_branches(pipeline, files, family.name, options.face_lora), encoder


def branch_settings(family: Family, options: Options, unet: Any) -> dict[str, BranchSettings]:
    """Raises SetupError where the operator names a block without cross-attention, which branches need."""
    layers = cross_attention_layers(unet)
    blocks = dict.fromkeys((*family.style_blocks, *family.layout_blocks), 1.0)
    if options.image_prompt_blocks is not None:
        blocks = read_block_scales(options.image_prompt_blocks, layers)
    return {
        "face": BranchSettings(family.face_scale if options.face_scale is None else options.face_scale),
        "body": BranchSettings(family.body_scale if options.body_scale is None else options.body_scale),
        IMAGE_PROMPT: BranchSettings(
            family.image_prompt_scale if options.image_prompt_scale is None else options.image_prompt_scale,
            {**dict.fromkeys({layer.partition(".")[0] for layer in layers}, 0.0), **blocks},
            family.layout_blocks,
            options.image_prompt_until,
        ),
    }


def _adapter_file(place: Placement) -> AdapterFile:
    found = _on_disk(place)
    return AdapterFile(found.source, found.subfolder, found.name)


def _on_disk(place: Placement) -> Placement:
    """A repository in the hub's cache becomes its folder there; other placements are returned unchanged."""
    if Path(place.source).exists() or place.source.count("/") != 1:
        return place
    folder = HuggingFaceHub().folder(place.source)
    return place if folder is None else replace(place, source=str(folder))


def _is_there(place: Placement) -> bool:
    """Whether a file exists, on disk or in the hub's cache."""
    found = _on_disk(place)
    return (Path(found.source) / found.subfolder / found.name).is_file()


def _variant(place: Placement) -> str | None:
    """ "fp16" where weights are stored in half precision under that name, whatever precision they are used in."""
    halves = replace(place, name="diffusion_pytorch_model.fp16.safetensors")
    return "fp16" if _is_there(halves) else None


def _controlnet(place: Placement, pipeline: Any) -> Any:
    return load_controlnet(place, dtype=pipeline.unet.dtype, variant=_variant(place))


def _tiny(place: Placement, pipeline: Any) -> Any:
    return load_whole(AutoencoderTiny, place, dtype=pipeline.unet.dtype)


def _optional(
    chosen: str | None, default: str, load: Callable[[Placement], Loaded], family: Family, variable: str
) -> Loaded | None:
    """The weights that the operator names, which must load, else the default ones; None where these are absent or
    damaged, or where the operator chose none."""
    if chosen == NONE:
        return None
    place = folder_place(chosen or default)
    if chosen is not None:
        return _loaded(lambda: load(_on_disk(place)), f"weights in {place}", family.name, variable)
    if not _is_there(replace(place, name="config.json")):
        log.info("%s does without %s: it is not there", family.name, place)
        return None
    try:
        return load(_on_disk(place))
    except (OSError, ValueError) as error:
        log.warning("%s does without %s, which cannot be loaded: %s", family.name, place, error)
        return None


def _loaded(load: Callable[[], Loaded], what: str, backbone: str, variable: str) -> Loaded:
    try:
        return load()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise WeightsError(
            f"expected {what}, could not load it ({reason}): "
            f"run `python -m engine doctor --backbone {backbone} --download`, or set {variable}"
        ) from error


def _scheduler(pipeline: Any, few: FewSteps | None) -> Callable[[], Any]:
    """A factory of schedulers: one per drawing, because a scheduler keeps its step."""
    kind, settings = (EulerDiscreteScheduler, {}) if few is None else (few.scheduler, dict(few.settings))
    return lambda: kind.from_config(pipeline.scheduler.config, **settings)


def picture_sizes(family: Family, pipeline: Any) -> dict[Aspect, tuple[int, int]]:
    """Aspect -> width and height in px, the default first."""
    factor = pipeline.vae_scale_factor
    side = pipeline.unet.config.sample_size * factor
    return {
        aspect: (_even(side * width, factor), _even(side * height, factor))
        for aspect, (width, height) in family.sides.items()
    }


def _capabilities(
    family: Family, parts: Parts, few: FewSteps | None, sizes: Mapping[Aspect, tuple[int, int]], options: Options
) -> Capabilities:
    face = parts.branches is not None and "face" in parts.branches.image_projections
    body = parts.branches is not None and "body" in parts.branches.image_projections
    knows_faces = face and parts.branches is not None and parts.branches.reads_embeddings("face")
    width, height = next(iter(sizes.values()))
    return Capabilities(
        name=family.name,
        family="adapter",
        width=width,
        height=height,
        references_max=4,
        batch_max=family.batch_max if options.batch_max is None else options.batch_max,
        steps_default=family.steps if few is None else few.steps,
        steps_range=(1, 100) if few is None else (1, 8),
        guidance_default=family.guidance if few is None else few.guidance,
        guidance_range=(1.0, 15.0) if few is None else (1.0, 2.0),
        pose=parts.controlnet is not None,
        strength=face or body,
        styles="words",
        preview_decoder=family.preview if isinstance(parts.preview, TinyDecoder) else "linear",
        languages=("en",),
        photorealistic=True,
        licence=family.licence + (", FaceID: non-commercial" if knows_faces else ""),
        commercial_use=not knows_faces,
        negative_prompt="guided",
        aspects=tuple(sizes),
        companion=face or body,
        image_prompt=parts.branches is not None and IMAGE_PROMPT in parts.branches.image_projections,
    )


def _even(side: float, factor: int) -> int:
    """A side in px that fits UNets, which halve the latents' sides up to three times."""
    return max(round(side / (8 * factor)), 1) * 8 * factor
