"""An operator's choices about loading a model; every backbone reads those that concern it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "fp32", "fp16", "bf16"]
Distilled = Literal["auto", "lightning", "lcm", "none"]
NONE = "none"
"""This value in place of a file or a repository: the part is not used."""


@dataclass(frozen=True)
class Options:
    """`None` is the backbone's own choice. Files are a path, or a repository with the path in it after a slash."""

    precision: Precision = "auto"
    channels_last: bool = False
    compile: bool = False
    offload: bool = False
    """Models stay in main memory until they run; slower, for small GPUs."""
    distilled: Distilled = "auto"
    lora: str | None = None
    """The file of the few-step LoRA."""
    body_adapter: str | None = None
    face_adapter: str | None = None
    image_prompt_adapter: str | None = None
    """The adapter for image prompts, in the Plus layout."""
    image_encoder: str | None = None
    controlnet: str | None = None
    preview: str | None = None
    vae: str | None = None
    """The autoencoder in place of the model's own."""
    face_scale: float | None = None
    body_scale: float | None = None
    image_prompt_scale: float | None = None
    """Scales of the branches where the request's scales are 1."""
    image_prompt_blocks: str | None = None
    """The blocks of the UNet where an image prompt acts, separated by commas, each with "=scale" where that is not
    1."""
    image_prompt_until: float = 1.0
    """The share of the steps after which an image prompt is switched off."""
    face_lora: float = 0.6
    """Strength of the LoRA in a FaceID file, for people with a face embedding; 0: the LoRA is not loaded. The default
    is that of ComfyUI's FaceID loader: at 1, the value in training, faces look overdrawn on SDXL."""
    batch_max: int | None = None
    """The number of pictures that are drawn at once."""
    state: Path | None = None
    """The folder of fetched weights (ENGINE_STATE); None: nano's pictures are enlarged bicubically."""

    def dtype(self, device: str) -> torch.dtype:
        """ "auto" is half precision on a GPU, full precision on a CPU, where halves are emulated and slow."""
        import torch

        chosen = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
        if self.precision == "auto":
            return torch.float16 if device.startswith("cuda") else torch.float32
        return chosen[self.precision]


@dataclass(frozen=True)
class Placement:
    """The location of weights: a repository on the hub or a folder, a folder in it, and a file's name (or "")."""

    source: str
    subfolder: str = ""
    name: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.source, self.subfolder, self.name) if part)


def file_place(text: str) -> Placement:
    """A file on disk, or owner/repository/path/in/it."""
    path = Path(text).expanduser()
    if path.is_file():
        return Placement(str(path.parent), "", path.name)
    parts = text.split("/")
    return Placement("/".join(parts[:2]), "/".join(parts[2:-1]), parts[-1] if len(parts) > 2 else "")


def folder_place(text: str) -> Placement:
    """A folder on disk, or owner/repository/path/in/it."""
    path = Path(text).expanduser()
    if path.is_dir():
        return Placement(str(path))
    parts = text.split("/")
    return Placement("/".join(parts[:2]), "/".join(parts[2:]))
