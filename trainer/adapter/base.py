"""A public base model: the folders of the base and of its image encoder, the layout, and loading the models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.utils import logging as diffusers_logging
from transformers import CLIPVisionModelWithProjection

from engine.backbones.loading import Family
from engine.backbones.options import folder_place
from engine.backbones.sd15 import SD15
from engine.backbones.sdxl import SDXL
from engine.hub.repositories import HuggingFaceHub
from trainer.errors import DataError

Layout = Literal["sd15", "sdxl"]
FAMILIES: Final[dict[Layout, Family]] = {"sd15": SD15, "sdxl": SDXL}
LAYOUTS: Final[dict[str, Layout]] = {"StableDiffusionPipeline": "sd15", "StableDiffusionXLPipeline": "sdxl"}
PROBE_BYTES: Final = 65536
"""Bytes of both ends of a weights file that the digest reads, instead of gigabytes."""


@dataclass(frozen=True)
class PublicBase:
    """A public base model. folder: a diffusers pipeline; image_encoder: a CLIP vision model (with ViT-H, other software
    can load the adapter)."""

    layout: Layout
    folder: Path
    image_encoder: Path

    def unet(self, dtype: torch.dtype = torch.float32) -> Any:
        """The frozen UNet."""
        return frozen(lambda: self._part(UNet2DConditionModel, "unet", dtype), f"a UNet in {self.folder / 'unet'}")

    def vae(self) -> Any:
        """The frozen autoencoder in full precision: SDXL's overflows in float16."""
        load = lambda: self._part(AutoencoderKL, "vae", torch.float32)  # noqa: E731
        return frozen(load, f"an autoencoder in {self.folder / 'vae'}")

    def scheduler(self) -> Any:
        """The noise schedule that the base was trained with."""
        return _loaded(
            lambda: DDPMScheduler.from_pretrained(self.folder, subfolder="scheduler"),
            f"a schedule in {self.folder / 'scheduler'}",
        )

    def text_pipeline(self, dtype: torch.dtype = torch.float32) -> Any:
        """The pipeline with only tokenizers and text encoders, for `encode_prompt`."""
        kind = StableDiffusionPipeline if self.layout == "sd15" else StableDiffusionXLPipeline
        absent: dict[str, Any] = {"unet": None, "vae": None, "image_encoder": None, "feature_extractor": None}
        if self.layout == "sd15":
            absent |= {"safety_checker": None, "requires_safety_checker": False}
        variant = self._variant("text_encoder", "model")
        pipeline = _loaded(
            lambda: kind.from_pretrained(self.folder, dtype=dtype, variant=variant, local_files_only=True, **absent),
            f"text encoders in {self.folder}",
        )
        for name in ("text_encoder", "text_encoder_2"):
            if getattr(pipeline, name, None) is not None:
                getattr(pipeline, name).eval().requires_grad_(False)
        return pipeline

    def vision_encoder(self, dtype: torch.dtype = torch.float32) -> Any:
        load = lambda: CLIPVisionModelWithProjection.from_pretrained(  # noqa: E731
            self.image_encoder, dtype=dtype, local_files_only=True
        )
        return frozen(load, f"an image encoder in {self.image_encoder}")

    def digest(self) -> str:
        """Hashes of the models that a cache of encoded photos depends on: autoencoder, text encoders, image encoder."""
        found = hashlib.sha256(self.layout.encode())
        parts = [self.folder / name for name in ("vae", "text_encoder", "text_encoder_2")]
        for part in (*parts, self.image_encoder):
            for path in sorted(part.glob("*")) if part.is_dir() else []:
                if path.suffix in (".json", ".safetensors", ".bin"):
                    found.update(path.name.encode() + file_ends(path))
        return found.hexdigest()

    def unet_config(self) -> dict[str, Any]:
        """The configuration of the UNet. Raises DataError where it is absent."""
        path = self.folder / "unet" / "config.json"
        try:
            config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"expected a UNet's configuration in {path}, got {error}: give another --base") from error
        return config

    def _part(self, kind: Any, name: str, dtype: torch.dtype) -> Any:
        variant = self._variant(name, "diffusion_pytorch_model")
        return kind.from_pretrained(
            self.folder, subfolder=name, torch_dtype=dtype, variant=variant, local_files_only=True
        )

    def _variant(self, part: str, stem: str) -> str | None:
        """ "fp16" where only half-precision weights are present, else None."""
        folder = self.folder / part
        whole = (folder / f"{stem}.safetensors").is_file() or (folder / f"{stem}.bin").is_file()
        return "fp16" if not whole and (folder / f"{stem}.fp16.safetensors").is_file() else None


def open_base(name: str, image_encoder: Path | None = None) -> PublicBase:
    """name: sd15 or sdxl from the hub's cache, or a pipeline's folder. Raises DataError with the remedy."""
    diffusers_logging.set_verbosity_error()  # its loaders warn about choices that are intended here
    if name == "nano":
        raise DataError(
            "expected sd15, sdxl or a diffusers pipeline as --base, got nano: its denoiser and its encoder of photos "
            "learn together, there is no base without photos to add an adapter to; run python -m trainer nano"
        )
    if name in FAMILIES:
        layout: Layout = "sd15" if name == "sd15" else "sdxl"
        folder = HuggingFaceHub().folder(FAMILIES[layout].repository)
        if folder is None:
            raise DataError(
                f"expected {name} in the hub's cache, found none: "
                f"run `python -m engine doctor --backbone {name} --download`, or give a folder as --base"
            )
    else:
        folder = Path(name).expanduser()
        layout = _layout(folder)
    return PublicBase(layout, folder, image_encoder or _shipped_encoder(layout))


def _layout(folder: Path) -> Layout:
    path = folder / "model_index.json"
    try:
        kind = json.loads(path.read_text("utf-8")).get("_class_name")
    except (OSError, ValueError, AttributeError):
        raise DataError(f"expected sd15, sdxl or a diffusers pipeline as --base, found no {path}") from None
    if kind not in LAYOUTS:
        raise DataError(f"expected {' or '.join(LAYOUTS)} in {path}, got {kind}: give another --base")
    return LAYOUTS[kind]


def _shipped_encoder(layout: Layout) -> Path:
    place = folder_place(FAMILIES[layout].image_encoder)
    home = HuggingFaceHub().folder(place.source)
    if home is None or not (home / place.subfolder / "config.json").is_file():
        raise DataError(
            f"expected the image encoder {place} in the hub's cache, found none: "
            f"run `python -m engine doctor --backbone {layout} --download`, or give --image-encoder DIR"
        )
    return home / place.subfolder


def file_ends(path: Path) -> bytes:
    """A hash of a file's size, beginning and end, which identifies weights."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(PROBE_BYTES)
        stream.seek(max(size - PROBE_BYTES, 0))
        return size.to_bytes(8, "big") + head + stream.read(PROBE_BYTES)


def frozen(load: Callable[[], Any], expected: str) -> Any:
    """The loaded network without gradients. Raises DataError where it cannot be loaded."""
    return _loaded(load, expected).eval().requires_grad_(False)


def _loaded(load: Callable[[], Any], expected: str) -> Any:
    try:
        return load()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"expected {expected}, could not load it ({reason}): give another folder") from error
