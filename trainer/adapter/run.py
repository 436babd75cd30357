"""One run of `python -m trainer adapter`: from a cache and a base to a folder with state, log, sheets and weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKL
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPVisionConfig

from engine.adapter.ip_adapter import IPAdapterBranches
from trainer.adapter.base import PublicBase
from trainer.adapter.batches import PairedPhotos
from trainer.adapter.cache import AdapterCache
from trainer.adapter.control import identity_net
from trainer.adapter.export import RUN_FILE, export_branches
from trainer.adapter.judging import judged_of, open_drawn
from trainer.adapter.learner import AdapterLearner, FrozenBase
from trainer.adapter.methods import build_branches, plan_of
from trainer.adapter.recipe import Recipe
from trainer.adapter.sheets import ValidationSheet
from trainer.errors import DataError
from trainer.files import replacing
from trainer.loop import TrainConfig, fit
from trainer.version import commit

DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class AdapterRun:
    """data: a cache of `python -m trainer precompute`. out: the run's folder. wandb: a project, or ""."""

    base: PublicBase
    data: Path
    out: Path
    recipe: Recipe
    wandb: str = ""


def train_adapter(run: AdapterRun) -> list[Path]:
    """Trains, or resumes an interrupted run in the folder; the exported files, below out/weights.

    Raises DataError for data or a base that do not fit, CheckpointError for a folder with a run of other settings."""
    cache = AdapterCache(run.data)
    if cache.settings.base != run.base.digest():
        raise DataError(
            f"expected a cache that {run.base.folder} and its image encoder made, got another base's in {run.data}: "
            "give that base, or run python -m trainer precompute for this one"
        )
    plan = plan_of(run.recipe)
    if plan.reads_embeddings and not any(photo.embedding for photo in cache.photos):
        raise DataError(
            f"expected embeddings of faces in {run.data} for {run.recipe.method}, found none: "
            "run python -m trainer precompute with --face-root into another folder"
        )
    judged = judged_of(plan, run.recipe)
    photos = PairedPhotos(cache, "train", run.recipe.pairing, plan.regions, plan.points, judged)
    sizes = encoder_sizes(run.base) | {"face_dim": photos.face_dim}
    unet = run.base.unet(DTYPES[run.recipe.base_precision])
    torch.manual_seed(run.recipe.seed)
    branches = build_branches(plan, unet, **sizes)
    branches.float().requires_grad_(True)
    for branch, path in run.recipe.start_from.items():
        begin_with(branches, branch, unet, path)
    scheduler = run.base.scheduler()
    vae_factor = 2 ** (len(_vae_config(run.base)["block_out_channels"]) - 1)
    control = None if plan.points is None else identity_net(unet, vae_factor).requires_grad_(True)
    base = _frozen(run.base, unet, scheduler)
    drawn = open_drawn(run.base, unet, scheduler, base.scaling, run.recipe, cache, judged)
    learner = AdapterLearner(base, branches, run.recipe, control, drawn)
    _describe(run, unet, {"image_encoder": sizes, "vae_factor": vae_factor}, cache)
    sheet = None
    if run.recipe.sheet_every:
        sheet = ValidationSheet(learner, _shown_people(cache, run.recipe, photos), run.base.vae(), scheduler)
    fit(_config(run, cache), learner, photos.batch, sheet)
    return export_branches(branches, run.recipe.method, unet, run.out / "weights", control)


def encoder_sizes(base: PublicBase) -> dict[str, int]:
    """Widths of the image encoder's states and embeddings, from its configuration."""
    try:
        config = CLIPVisionConfig.from_pretrained(base.image_encoder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(f"expected an image encoder in {base.image_encoder}, got {error}") from error
    return {"hidden_dim": int(config.hidden_size), "embed_dim": int(config.projection_dim)}


def begin_with(branches: IPAdapterBranches, branch: str, unet: Any, path: Path) -> None:
    """Initialises a branch from a file in the Plus layout: K, V and the resampler; each region begins with the file's
    queries.

    Raises DataError for a file that does not fit."""
    if branch not in branches.readings:
        raise DataError(f"expected start_from for {' or '.join(branches.readings) or 'no branch'}, got {branch}")
    try:
        state = load_file(path)
        stored = {k.removeprefix("image_proj."): v.float() for k, v in state.items() if k.startswith("image_proj.")}
        projection = unet._convert_ip_adapter_image_proj_to_diffusers(stored, low_cpu_mem_usage=False).state_dict()
        projection_state = branches.image_projections[branch].state_dict()
        regions = len(branches.readings[branch].regions)
        if projection["latents"].shape != projection_state["latents"].shape:
            projection["latents"] = projection["latents"].repeat(1, regions, 1)
        branches.image_projections[branch].load_state_dict(projection)
        for number, layer in enumerate(unet.attn_processors):
            if layer in branches.layer_names:
                mine = branches.layer(layer)
                mine.to_k[branch].load_state_dict({"weight": state[f"ip_adapter.{number}.to_k_ip.weight"].float()})
                mine.to_v[branch].load_state_dict({"weight": state[f"ip_adapter.{number}.to_v_ip.weight"].float()})
    except (OSError, SafetensorError, KeyError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"expected a Plus adapter of this base in {path} to begin {branch} with, got {reason}: "
            "give another start_from, or leave it out"
        ) from error


def _frozen(base: PublicBase, unet: Any, scheduler: Any) -> FrozenBase:
    scaling = float(_vae_config(base).get("scaling_factor", 0.18215))
    return FrozenBase(unet, scheduler.alphas_cumprod, str(scheduler.config.prediction_type), scaling)


def _vae_config(base: PublicBase) -> dict[str, Any]:
    config: dict[str, Any] = AutoencoderKL.load_config(base.folder, subfolder="vae", local_files_only=True)
    return config


def _shown_people(cache: AdapterCache, recipe: Recipe, photos: PairedPhotos) -> PairedPhotos:
    """The held-out people; those of the training split where there are none."""
    try:
        return PairedPhotos(cache, "validation", recipe.pairing, photos.regions, photos.points)
    except DataError:
        return photos


def _config(run: AdapterRun, cache: AdapterCache) -> TrainConfig:
    recipe = run.recipe
    elsewhere = {"steps", "batch", "learning_rate", "warmup_steps", "weight_decay", "ema_decay", "accumulation"}
    elsewhere |= {"optimizer", "seed", "save_every"} | {n for n in Recipe.model_fields if "sheet" in n}
    elsewhere |= {"identity"} if recipe.identity is None else set()  # runs that are older than these losses resume
    rest = recipe.model_dump(mode="json", exclude=elsewhere)
    people = hashlib.sha256("".join(sorted(photo.key for photo in cache.photos)).encode()).hexdigest()
    return TrainConfig(
        out=run.out,
        steps=recipe.steps,
        batch=recipe.batch,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_steps,
        ema_decay=recipe.ema_decay,
        weight_decay=recipe.weight_decay,
        hold=0.9,
        save_every=recipe.save_every,
        validate_every=recipe.sheet_every,
        seed=recipe.seed,
        compare=json.dumps([rest, people, cache.settings.base]),
        accumulation=recipe.accumulation,
        optimizer=recipe.optimizer,
        wandb=run.wandb,
    )


def _describe(run: AdapterRun, unet: Any, sizes: dict[str, Any], cache: AdapterCache) -> None:
    """Writes the origin of the weights to a file beside them."""
    run.out.mkdir(parents=True, exist_ok=True)
    content = {
        "recipe": run.recipe.model_dump(mode="json"),
        "layout": run.base.layout,
        "unet": dict(unet.config),
        "data": {"photos": len(cache.photos), "sources": cache.settings.sources},
        "commit": commit(),
        **sizes,
    }
    with replacing(run.out / RUN_FILE) as draft:
        draft.write_text(json.dumps(content, indent=1, default=str) + "\n", "utf-8")
