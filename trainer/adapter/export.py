"""A run's averaged weights as files: IP-Adapter's layouts, which stock diffusers and the engine load.

ip_adapter        -> ip-adapter.safetensors (diffusers)
ip_adapter_plus   -> ip-adapter-plus.safetensors (diffusers, and the engine as ENGINE_BODY_ADAPTER)
bolid             -> face.safetensors, body.safetensors (the engine; each also loads in diffusers)
instantid         -> ip-adapter.safetensors (diffusers, with a face's embedding), controlnet/ (diffusers)
instantid_body    -> body.safetensors (the engine, without the ControlNet), controlnet/ (diffusers)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import ImageProjection
from safetensors.torch import save_file

from engine.adapter.ip_adapter import IPAdapterBranches, export_plus
from trainer.adapter.control import identity_net
from trainer.adapter.methods import METHODS, build_branches, plan_of
from trainer.adapter.recipe import Recipe
from trainer.errors import CheckpointError
from trainer.files import load_state, replacing

CONTROLNET: Final = "controlnet"
RUN_FILE: Final = "adapter.json"
FILES: Final = {
    "ip_adapter": {"body": "ip-adapter.safetensors"},
    "ip_adapter_plus": {"body": "ip-adapter-plus.safetensors"},
    "bolid": {"face": "face.safetensors", "body": "body.safetensors"},
    "instantid": {"face": "ip-adapter.safetensors"},
    "instantid_body": {"body": "body.safetensors"},
}
"""Method -> branch -> the file's name."""
assert set(FILES) == set(METHODS)


def export_branches(branches: IPAdapterBranches, method: str, unet: Any, out: Path, control: Any = None) -> list[Path]:
    """Writes a method's files, and its IdentityNet as a ControlNet; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for branch, name in FILES[method].items():
        path = out / name
        with replacing(path) as draft:
            if not isinstance(branches.image_projections[branch], ImageProjection):
                export_plus(branches, branch, unet, draft)
            else:
                export_global(branches, branch, unet, draft)
        paths.append(path)
    if control is not None:
        control.save_pretrained(out / CONTROLNET)
        paths.append(out / CONTROLNET)
    return paths


def export_global(branches: IPAdapterBranches, branch: str, unet: Any, path: Path) -> None:
    """IP-Adapter's first layout: four tokens out of one embedding."""
    projection = branches.image_projections[branch]
    assert isinstance(projection, ImageProjection)
    names = {"image_embeds.weight": "proj.weight", "image_embeds.bias": "proj.bias"}
    state = {f"image_proj.{names.get(name, name)}": value for name, value in projection.state_dict().items()}
    for number, layer in enumerate(unet.attn_processors):
        if layer in branches.layer_names:
            own = branches.layer(layer)
            state[f"ip_adapter.{number}.to_k_ip.weight"] = own.to_k[branch].state_dict()["weight"]
            state[f"ip_adapter.{number}.to_v_ip.weight"] = own.to_v[branch].state_dict()["weight"]
    save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, path)


def export_run(run: Path, out: Path) -> list[Path]:
    """The averaged weights of a run's folder as they are now, finished or not. Raises CheckpointError."""
    try:
        stored = json.loads((run / RUN_FILE).read_text("utf-8"))
        recipe, sizes = Recipe.model_validate(stored["recipe"]), stored["image_encoder"]
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"expected a run of python -m trainer adapter in {run}, got {error}") from error
    state = load_state(run / "state.pt", "cpu")["average"]
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(stored["unet"])
        branches = build_branches(plan_of(recipe), unet, **sizes)
        control = None if plan_of(recipe).points is None else identity_net(unet, stored["vae_factor"])
    for name, part in (("branches", branches), ("control", control)):
        if part is not None:
            own = {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
            part.load_state_dict(own, assign=True)
    return export_branches(branches, recipe.method, unet, out, control)
