"""A run's averaged weights as files: IP-Adapter's layouts, which stock diffusers and the engine load.

ip_adapter        -> ip-adapter.safetensors (diffusers)
ip_adapter_plus   -> ip-adapter-plus.safetensors (diffusers, and the engine as ENGINE_BODY_ADAPTER)
bolid             -> face.safetensors, body.safetensors (the engine; each also loads in diffusers)
instantid         -> ip-adapter.safetensors (diffusers, with a face's embedding), controlnet/ (diffusers)
instantid_body    -> body.safetensors (the engine, without the ControlNet), controlnet/ (diffusers)
pulid             -> face.safetensors (FaceID-Plus v2: the engine as ENGINE_FACE_ADAPTER, and diffusers)
pulid_body        -> body.safetensors (the engine; also diffusers)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import ImageProjection
from safetensors.torch import save_file

from engine.adapter.ip_adapter import IPAdapterBranches, export_plus, plus_names
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
    "pulid": {"face": "face.safetensors"},
    "pulid_body": {"body": "body.safetensors"},
}
"""Method -> branch -> the file's name."""
assert set(FILES) == set(METHODS)


def export_branches(branches: IPAdapterBranches, method: str, unet: Any, out: Path, control: Any = None) -> list[Path]:
    """Writes a method's files, and its IdentityNet as a ControlNet; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for branch, name in FILES[method].items():
        path = out / name
        projection = branches.image_projections[branch]
        with replacing(path) as draft:
            if isinstance(projection, ImageProjection):
                _save(branches, branch, unet, draft, _global_names(projection))
            elif branches.reads_embeddings(branch):
                _save(branches, branch, unet, draft, _face_names(projection))
            else:
                export_plus(branches, branch, unet, draft)
        paths.append(path)
    if control is not None:
        control.save_pretrained(out / CONTROLNET)
        paths.append(out / CONTROLNET)
    return paths


def _save(branches: IPAdapterBranches, branch: str, unet: Any, path: Path, projection: dict[str, torch.Tensor]) -> None:
    state = {f"image_proj.{name}": value for name, value in projection.items()}
    for number, layer in enumerate(unet.attn_processors):
        if layer in branches.layer_names:
            projections = branches.layer(layer)
            state[f"ip_adapter.{number}.to_k_ip.weight"] = projections.to_k[branch].state_dict()["weight"]
            state[f"ip_adapter.{number}.to_v_ip.weight"] = projections.to_v[branch].state_dict()["weight"]
    save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, path)


def _global_names(projection: ImageProjection) -> dict[str, torch.Tensor]:
    """IP-Adapter's first layout: four tokens from one embedding."""
    names = {"image_embeds.weight": "proj.weight", "image_embeds.bias": "proj.bias"}
    return {names.get(name, name): value for name, value in projection.state_dict().items()}


def _face_names(projection: Any) -> dict[str, torch.Tensor]:
    """FaceID-Plus: the resampler's tensors as in the Plus layout, and a projection of the embedding before it."""
    names = {"proj.net.0.proj": "proj.0", "proj.net.2": "proj.2", "norm": "norm"}
    found = {}
    for name, value in plus_names(projection).items():
        module, _, kind = name.rpartition(".")
        found[f"{names[module]}.{kind}" if module in names else f"perceiver_resampler.{name}"] = value
    return found


def export_run(run: Path, out: Path) -> list[Path]:
    """The averaged weights in a run's folder, of a finished or an interrupted run. Raises CheckpointError."""
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
            tensors = {
                key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")
            }
            part.load_state_dict(tensors, assign=True)
    return export_branches(branches, recipe.method, unet, out, control)
