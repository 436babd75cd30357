"""Classifiers of pictures: Vision Transformers (Dosovitskiy et al., 2021) from folders of two layouts.

- transformers: `config.json` with "model_type": "vit" and `id2label`, `preprocessor_config.json`, `model.safetensors`;
- timm: `config.json` with "architecture", "label_names" and "pretrained_cfg", `model.safetensors` with timm's keys. It
  runs as the same transformers model, since timm itself needs torchvision.

Pictures are prepared with Pillow. A picture that is not square is cut into squares that cover it, so that its ends are
classified too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.errors import WeightsError

if TYPE_CHECKING:
    from transformers import ViTForImageClassification

SQUARES_MAX: Final = 4
TIMM_HEAD_WIDTH: Final = 64
"""The width of an attention head in the usual timm ViTs (tiny, small, base, large)."""
TIMM_EPSILON: Final = 1e-6
_TIMM_BLOCK: Final = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.o_proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_TIMM_OUTSIDE: Final = {
    "cls_token": "vit.embeddings.cls_token",
    "pos_embed": "vit.embeddings.position_embeddings",
    "patch_embed.proj.weight": "vit.embeddings.patch_embeddings.projection.weight",
    "patch_embed.proj.bias": "vit.embeddings.patch_embeddings.projection.bias",
    "norm.weight": "vit.layernorm.weight",
    "norm.bias": "vit.layernorm.bias",
    "head.weight": "classifier.weight",
    "head.bias": "classifier.bias",
}


class Classifier(Protocol):
    """Returns the probability that a picture shows something."""

    def probability(self, image: Image.Image) -> float:
        """`image` is RGB of any size; the answer is in 0..1."""
        ...


@dataclass(frozen=True)
class Preparation:
    """The preparation of pictures that the model was trained with."""

    side_px: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    resample: Image.Resampling

    def __call__(self, image: Image.Image) -> Tensor:
        """Squares that cover an RGB picture: float32 [N, 3, side, side], 1 <= N <= SQUARES_MAX."""
        scale = self.side_px / min(image.size)
        size = (max(self.side_px, round(image.width * scale)), max(self.side_px, round(image.height * scale)))
        scaled = image.resize(size, self.resample)
        squares = np.stack([self._square(scaled, offset) for offset in self._offsets(max(size))])
        return torch.from_numpy(squares)

    def _offsets(self, length: int) -> list[int]:
        count = min(SQUARES_MAX, -(-length // self.side_px))
        return [round(offset) for offset in np.linspace(0, length - self.side_px, count)]

    def _square(self, scaled: Image.Image, offset: int) -> NDArray[np.float32]:
        left, top = (offset, 0) if scaled.width >= scaled.height else (0, offset)
        pixels = np.asarray(scaled.crop((left, top, left + self.side_px, top + self.side_px)), np.float32) / 255
        normal = (pixels - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)
        return np.asarray(normal.transpose(2, 0, 1), np.float32)


class VitClassifier:
    """The probability of the chosen labels: the highest over the squares."""

    def __init__(self, model: ViTForImageClassification, preparation: Preparation, chosen: Collection[int]) -> None:
        self._model: Any = model
        self._preparation = preparation
        self._chosen = sorted(chosen)

    def probability(self, image: Image.Image) -> float:
        squares = self._preparation(image.convert("RGB")).to(self._model.device)
        with torch.inference_mode():
            logits: Tensor = self._model(pixel_values=squares).logits
        return float(logits.float().softmax(-1)[:, self._chosen].sum(-1).max())


def load_classifier(folder: Path, fits: Callable[[str], bool], setting: str, device: str = "cpu") -> VitClassifier:
    """The classifier in `folder` for the labels that satisfy `fits`, in fp32 on a torch device. Raises WeightsError
    naming `setting` for a folder of another layout, and where none or all labels satisfy it."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
        timm = "architecture" in config
        model, names, preparation = _load_timm(folder, config) if timm else _load_transformers(folder)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise WeightsError(f"{setting}: expected a ViT classifier in {folder}, got {reason}") from error
    chosen = [number for number, name in enumerate(names) if fits(name)]
    if not 0 < len(chosen) < len(names):
        labels = setting.removesuffix("_MODEL") + "_LABELS"
        raise WeightsError(
            f"{setting}: expected a classifier some of whose labels are refused, got {names}: set {labels}"
        )
    return VitClassifier(model.to(device), preparation, chosen)  # type: ignore[arg-type]


def _load_transformers(folder: Path) -> tuple[ViTForImageClassification, list[str], Preparation]:
    from transformers import ViTForImageClassification

    model: Any = ViTForImageClassification.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    preprocessor = json.loads((folder / "preprocessor_config.json").read_bytes())
    preparation = Preparation(
        side_px=int(model.config.image_size),
        mean=tuple(preprocessor["image_mean"]),
        deviation=tuple(preprocessor["image_std"]),
        resample=Image.Resampling(preprocessor.get("resample", Image.Resampling.BILINEAR)),
    )
    return model, [str(model.config.id2label[number]) for number in range(model.config.num_labels)], preparation


def _load_timm(folder: Path, config: dict[str, Any]) -> tuple[ViTForImageClassification, list[str], Preparation]:
    from transformers import ViTConfig, ViTForImageClassification

    learnt = config["pretrained_cfg"]
    weights = load_file(folder / "model.safetensors")
    blocks = {int(found.group(1)) for key in weights if (found := re.match(r"blocks\.(\d+)\.", key))}
    width, channels, patch, _ = weights["patch_embed.proj.weight"].shape
    names = [str(name) for name in config.get("label_names") or learnt["label_names"]]
    model: Any = ViTForImageClassification(
        ViTConfig(
            hidden_size=width,
            num_hidden_layers=len(blocks),
            num_attention_heads=width // TIMM_HEAD_WIDTH,
            intermediate_size=weights["blocks.0.mlp.fc1.weight"].shape[0],
            image_size=int(learnt["input_size"][-1]),
            patch_size=patch,
            num_channels=channels,
            id2label=dict(enumerate(names)),
            layer_norm_eps=TIMM_EPSILON,
        )
    )
    model.load_state_dict({k: value.float() for key, tensor in weights.items() for k, value in _renamed(key, tensor)})
    preparation = Preparation(
        side_px=int(learnt["input_size"][-1]),
        mean=tuple(learnt["mean"]),
        deviation=tuple(learnt["std"]),
        resample=Image.Resampling[str(learnt.get("interpolation", "bicubic")).upper()],
    )
    return model.eval(), names, preparation


def _renamed(key: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    """A timm weight under its names in transformers; queries, keys and values lie in one there. KeyError if unknown."""
    if key in _TIMM_OUTSIDE:
        return [(_TIMM_OUTSIDE[key], tensor)]
    block, number, rest = key.split(".", 2)
    if block != "blocks":
        raise KeyError(key)
    part, kind = rest.rsplit(".", 1)
    place = f"vit.layers.{number}"
    if part == "attn.qkv":
        return [
            (f"{place}.attention.{name}_proj.{kind}", value) for name, value in zip("qkv", tensor.chunk(3), strict=True)
        ]
    return [(f"{place}.{_TIMM_BLOCK[part]}.{kind}", tensor)]
