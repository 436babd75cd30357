"""The models that can draw. Adding one means adding a file here and a line in `load_backbone`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final, cast

from engine.backbones.base import Backbone
from engine.backbones.options import Options
from engine.errors import SetupError

SHIPPED_NANO: Final = Path(__file__).parents[1] / "weights" / "nano"


def load_backbone(name: str, device: str, weights: Path | None = None, options: Options | None = None) -> Backbone:
    """A loaded backbone: `name` is one of the engine's, or `package.module:factory`, called as `factory(device,
    weights)`.

    `weights` replaces the backbone's own folder. Raises SetupError for an unknown name,
    WeightsError for a bad folder.
    """
    if ":" in name:
        module, _, factory = name.partition(":")
        return cast(Backbone, getattr(importlib.import_module(module), factory)(device, weights))
    if name == "nano":
        from engine.backbones.nano.backbone import load_nano_backbone

        return load_nano_backbone(weights or SHIPPED_NANO, choose_device(device), (options or Options()).state)
    if name == "sd15":
        from engine.backbones.sd15 import load_sd15

        return load_sd15(choose_device(device), weights, options)
    if name == "sdxl":
        from engine.backbones.sdxl import load_sdxl

        return load_sdxl(choose_device(device), weights, options)
    if name == "klein":
        from engine.backbones.klein import load_klein

        return load_klein(choose_device(device), weights, options)
    raise SetupError(
        f"expected the backbone nano, sd15, sdxl, klein or package.module:factory, got {name!r}: set ENGINE_BACKBONE"
    )


def choose_device(name: str) -> str:
    """The torch device that "auto" means here: a GPU where there is one. Any other name stays."""
    import torch

    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"
