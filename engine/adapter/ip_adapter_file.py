"""Files in an IP-Adapter layout: reading them, and checking that their tensors fit a UNet.

diffusers fills the layers that it finds tensors for and skips the rest: a resampler of another depth, or K and V of
another UNet, load silently or with a message about meta tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.adapter.model import cross_attention_layers

SECTIONS: Final = ("image_proj", "ip_adapter")
DEPTH: Final = 4
"""The number of blocks of the resampler that diffusers builds for Plus and FaceID-Plus."""
EMBEDDING: Final = 512
"""The length of the engine's face embeddings."""
LORA_LAYERS: Final = ("to_q", "to_k", "to_v", "to_out")
_BLOCK: Final = re.compile(r"(?:^|\.)layers\.(\d+)\.")

AdapterState = dict[str, dict[str, Tensor]]
"""Section -> the tensor's name in it -> tensor."""


@dataclass(frozen=True)
class AdapterFile:
    """One file in an IP-Adapter layout: a hub repository or a folder, a folder in it, and the file's name."""

    source: str
    subfolder: str
    name: str


def read_adapter(file: AdapterFile) -> AdapterState:
    """Tensors on the CPU. Raises OSError for a file that is absent, ValueError for one that is not an adapter."""
    path = Path(file.source) / file.subfolder / file.name
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix == ".safetensors":
        flat = load_file(path)
        parted = [(*name.partition(".")[::2], value) for name, value in flat.items()]
        state = {section: {name: value for part, name, value in parted if part == section} for section in SECTIONS}
        rest = sorted({section for section, _, _ in parted} - set(SECTIONS))
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise ValueError(f"expected tensors by name in {path.name}, got a {type(state).__name__}")
        rest = sorted(set(state) - set(SECTIONS))
    if rest or not all(state.get(section) for section in SECTIONS):
        raise ValueError(f"expected {' and '.join(SECTIONS)} in {path.name}, got {', '.join(map(str, rest)) or 'less'}")
    return state


def check_adapter(state: AdapterState, unet: Any, name: str) -> None:
    """Raises ValueError where the file has tensors that `unet` has no layer for, or lacks tensors."""
    layers = cross_attention_layers(unet)
    numbers = {number for number, layer in enumerate(unet.attn_processors) if layer in layers}
    expected = {f"{number}.{part}.weight" for number in numbers for part in ("to_k_ip", "to_v_ip")}
    loras = {
        f"{number}.{layer}_lora.{way}.weight"
        for number in range(len(unet.attn_processors))
        for layer in LORA_LAYERS
        for way in ("down", "up")
    }
    found = set(state["ip_adapter"])
    _refuse(name, "lacks", expected - found)
    _refuse(name, "has no place in the UNet for", found - expected - loras)
    first = state["image_proj"].get("proj.0.weight")
    if first is not None and first.shape[1] != EMBEDDING:
        raise ValueError(f"{name} reads face embeddings of {first.shape[1]} numbers, ArcFace's have {EMBEDDING}")
    depth = _depth(state["image_proj"])
    if depth not in (0, DEPTH):
        raise ValueError(f"expected a resampler of {DEPTH} blocks in {name}, got {depth}")


def _refuse(name: str, fault: str, tensors: Iterable[str]) -> None:
    listed = sorted(tensors)
    if listed:
        raise ValueError(f"{name} {fault} {', '.join(listed[:3])}{' and more' if len(listed) > 3 else ''}")


def _depth(projection: dict[str, Tensor]) -> int:
    blocks = [int(match.group(1)) for name in projection if (match := _BLOCK.search(name))]
    return max(blocks) + 1 if blocks else 0
