"""Loads diffusers' and transformers' checkpoints, and refuses weights that do not fit the model.

Both libraries drop tensors that a model has no layer for, and initialise absent ones at random, with a warning at most;
a picture drawn with half of a ControlNet looks like one with a badly followed pose.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from diffusers import ControlNetModel, ControlNetUnionModel, DiffusionPipeline
from safetensors import safe_open

from engine.backbones.options import Placement

BUFFERS: Final = ("position_ids", "num_batches_tracked")
"""Suffixes of tensors that older versions stored, and that newer ones compute or do not need."""
NAMED_AT_MOST: Final = 3
WEIGHTS_FILE: Final = "diffusion_pytorch_model{variant}.safetensors"
LIBRARIES: Final = ("diffusers", "transformers")


def load_whole(kind: Any, place: Placement, **settings: Any) -> Any:
    """A model of class `kind`, in evaluation mode and frozen. Raises ValueError for weights that do not fit it."""
    folder = {"subfolder": place.subfolder} if place.subfolder else {}
    model, found = kind.from_pretrained(
        place.source, local_files_only=True, output_loading_info=True, **folder, **settings
    )
    info = found if isinstance(found, Mapping) else vars(found)
    refuse("has no place for", info["unexpected_keys"], kind, place)
    refuse("lacks", info["missing_keys"], kind, place)
    refuse("has other shapes for", [entry[0] for entry in info["mismatched_keys"]], kind, place)
    return model.eval().requires_grad_(False)


def refuse(fault: str, names: Iterable[str], kind: Any, place: Placement) -> None:
    """Raises ValueError that lists the first of `names`, if any remain without BUFFERS."""
    faulty = sorted(name for name in names if not name.endswith(BUFFERS))
    if faulty:
        more = f" and {len(faulty) - NAMED_AT_MOST} more" if len(faulty) > NAMED_AT_MOST else ""
        raise ValueError(f"{kind.__name__} {fault} {', '.join(faulty[:NAMED_AT_MOST])}{more} of {place}")


def load_components(place: Placement, names: Iterable[str], **settings: Any) -> dict[str, Any]:
    """Name -> model for those of `names` that the pipeline has, each of the class that model_index.json states. Raises
    ValueError for weights that do not fit, or for a class of an unexpected library."""
    index = DiffusionPipeline.load_config(place.source, local_files_only=True)
    listed = {name: index[name] for name in names if isinstance(index.get(name), list | tuple) and index[name][0]}
    foreign = [library for library, _ in listed.values() if library not in LIBRARIES]
    if foreign:
        raise ValueError(f"expected models of {' and '.join(LIBRARIES)} in {place}, got one of {foreign[0]}")
    return {
        name: load_whole(
            getattr(importlib.import_module(library), kind), Placement(place.source, name), **settings
        )
        for name, (library, kind) in listed.items()
    }  # fmt: skip


def load_controlnet(place: Placement, **settings: Any) -> Any:
    """A ControlNet of `place`, which is on disk. Raises ValueError for weights that do not fit.

    A union ControlNet is recognised by its tensors: the config that xinsir publishes names "ControlNetModel" and lacks
    the union's fields, so these are derived from the tensors' shapes."""
    shapes = _shapes(place, settings.get("variant"))
    if "task_embedding" not in shapes:
        return load_whole(ControlNetModel, place, **settings)
    kinds, channels = shapes["task_embedding"]
    union_fields = {
        "num_control_type": kinds,
        "num_trans_channel": channels,
        "num_proj_channel": shapes.get("spatial_ch_projs.weight", (channels,))[0],
        "num_trans_layer": len({name.split(".")[1] for name in shapes if name.startswith("transformer_layes.")}),
    }
    return load_whole(ControlNetUnionModel, place, **union_fields, **settings)


def _shapes(place: Placement, variant: str | None) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape of a model's one safetensors file; empty where it has none."""
    name = WEIGHTS_FILE.format(variant=f".{variant}" if variant else "")
    file = Path(place.source) / place.subfolder / name
    if not file.is_file():
        return {}
    with safe_open(file, framework="pt") as stored:
        return {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
