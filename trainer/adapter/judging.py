"""Opens the parts of the losses on drawn pictures: LoRA, sampler, decoder and recognition networks, checked against the
cache that has the target embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from diffusers import AutoencoderTiny

from engine.hub.repositories import HuggingFaceHub
from trainer.adapter.base import FAMILIES, PublicBase, frozen
from trainer.adapter.batches import Judged
from trainer.adapter.cache import AdapterCache
from trainer.adapter.face_networks import open_face_network
from trainer.adapter.few_steps import DistilledLora, FewStepBranch, few_steps_of, find_lora
from trainer.adapter.identity_losses import Decode, DrawnPictures, decoder_of
from trainer.adapter.methods import MethodPlan
from trainer.adapter.recipe import IdentityRecipe, Recipe
from trainer.adapter.recognition import Recognition, embedding_dim, open_body_recognition
from trainer.errors import DataError

PUBLISHED: Final = "taesd"


def judged_of(plan: MethodPlan, recipe: Recipe) -> tuple[Judged, ...]:
    """The subjects that the run's losses compare. Raises DataError where the method needs losses that the recipe
    lacks."""
    if recipe.identity is None:
        if plan.drawn:
            raise DataError(f"expected the section identity in the recipe of {recipe.method}: see docs/training.md")
        return ()
    weights = {"face": recipe.identity.face, "body": recipe.identity.body}
    return tuple(name for name in plan.judged if weights[name] > 0)


def open_drawn(base: PublicBase, unet: Any, scheduler: Any, scaling: float, recipe: Recipe, cache: AdapterCache,
               judged: tuple[Judged, ...]) -> DrawnPictures | None:  # fmt: skip
    """The losses on drawn pictures; None where the recipe has none. Adds the LoRA to the UNet, so anything copied from
    the UNet must be built before. Raises DataError for absent parts, and for recognition networks other than those that
    made the cache."""
    settings = recipe.identity
    if settings is None:
        return None
    if not judged:
        raise DataError("expected a weight above 0 for identity.face or identity.body, got none: correct the recipe")
    recognition: dict[Judged, Recognition] = {name: _recognition(name, settings, cache) for name in judged}
    few = few_steps_of(base.layout, settings.few_steps)
    lora = DistilledLora(base.layout, unet, find_lora(base, few, settings.lora))
    branch = FewStepBranch(unet, lora, few, scheduler.config, settings.steps)
    return DrawnPictures(settings, branch, _decoder(base, scaling, settings), recognition)


def _recognition(judged: Judged, settings: IdentityRecipe, cache: AdapterCache) -> Recognition:
    if judged == "body":
        found, network_of_cache = open_body_recognition(settings.body_network), cache.settings.body_network
        length = max(photo.body for photo in cache.photos)
    else:
        found, network_of_cache = _faces(settings), cache.settings.face_network
        length = max(photo.embedding for photo in cache.photos)
    if not length:
        raise DataError(
            f"expected embeddings of a {judged} in {cache.folder}, found none: run python -m trainer precompute into "
            "another folder, for faces with --face-root or --face-network dlib"
        )
    if network_of_cache and network_of_cache != found.name:
        raise DataError(
            f"expected the network {network_of_cache} that embedded the {judged} in {cache.folder}, got {found.name}: "
            "give that one in the section identity"
        )
    if (dim := embedding_dim(found)) != length:
        raise DataError(
            f"expected a network whose embeddings of a {judged} have {length} numbers as in {cache.folder}, got "
            f"{found.name} with {dim}: give that one in the section identity"
        )
    return found


def _faces(settings: IdentityRecipe) -> Recognition:
    try:
        return open_face_network(settings.face_network, settings.face_root, settings.face_pack)
    except DataError as error:
        raise DataError(
            f"{error}; the section identity: give face_root, or face_network: dlib, or face: 0 to do without"
        ) from error


def _decoder(base: PublicBase, scaling: float, settings: IdentityRecipe) -> Decode:
    if settings.decoder is None:
        return decoder_of(base.vae(), scaling, tiny=False)
    folder: Path | None = Path(settings.decoder)
    if settings.decoder == PUBLISHED:
        folder = HuggingFaceHub().folder(FAMILIES[base.layout].preview)
    if folder is None:
        raise DataError(
            f"expected {FAMILIES[base.layout].preview} in the hub's cache, found none: run `python -m engine doctor "
            f"--backbone {base.layout} --download all`, or give identity.decoder a folder"
        )
    load = lambda: AutoencoderTiny.from_pretrained(folder, local_files_only=True)  # noqa: E731
    return decoder_of(frozen(load, f"a tiny autoencoder in {folder}"), scaling, tiny=True)
