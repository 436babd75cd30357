"""Opens the models of a plan. A public adapter without a loader is reported with the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from engine.backbones import SHIPPED_NANO, choose_device, load_backbone
from engine.backbones.base import Backbone
from engine.backbones.options import NONE, Options, Placement, file_place, folder_place
from engine.hub.repositories import HuggingFaceHub
from trainer.adapter.base import file_ends, open_base
from trainer.adapter.export import CONTROLNET, FILES, RUN_FILE
from trainer.adapter.face_networks import open_face_network
from trainer.errors import DataError
from trainer.measure.plan import ModelPlan
from trainer.measure.stock import Points, StockBackbone, StockPlan

UNLOADABLE: Final = {
    "pulid": "PuLID v1.1 reads EVA02-CLIP-L/14's states of several depths through an encoder (IDFormer) and attention "
    "layers of its own; neither the engine nor diffusers has them",
    "storymaker": "StoryMaker's projection reads CLIP's states of face and person beside an embedding, and its "
    "file holds LoRAs of all attention layers, for a pipeline of its own; neither the engine nor diffusers has it",
    "photomaker": "PhotoMaker v2 puts photos into words of the prompt by an encoder of its own package, out of CLIP "
    "ViT-L's states and a face's embedding; neither the engine nor diffusers has it",
}
"""Public adapters without a loader -> the reason."""
INSTANTID, IP_ADAPTER = "instantid", "ip_adapter"
STOCK: Final = (INSTANTID, IP_ADAPTER)
INSTANTID_FILES: Final = ("InstantX/InstantID/ip-adapter.bin", "InstantX/InstantID/ControlNetModel")


@dataclass(frozen=True)
class OpenedModel:
    """digest: a hash of the weights and of all other inputs of a picture. note: a limitation of the figures, for the
    report."""

    plan: ModelPlan
    backbone: Backbone
    digest: str
    note: str = ""


def open_model(plan: ModelPlan, device: str = "auto", face_root: Path | None = None) -> OpenedModel:
    """Opens a model; face_root: the folder of insightface's packs. Raises DataError, SetupError or WeightsError with
    the reason where it cannot be loaded."""
    if plan.backbone in UNLOADABLE:
        raise DataError(UNLOADABLE[plan.backbone])
    served, points, note = served_run(plan)
    if served.backbone in STOCK:
        stock = stock_plan(served, points, face_root)
        places = [stock.base.folder, stock.adapter, stock.controlnet]
        return OpenedModel(plan, StockBackbone(stock, choose_device(device)), _digest(plan, places), note)
    backbone = load_backbone(served.backbone, device, served.weights, served.options)
    weights = served.weights or (SHIPPED_NANO if served.backbone == "nano" else None)
    return OpenedModel(plan, backbone, _digest(plan, [weights, *_option_places(served.options)]), note)


def served_run(plan: ModelPlan) -> tuple[ModelPlan, Points, str]:
    """The plan with the files of its run as options; the points that its IdentityNet was trained on; and the note on
    parts of the method that are not drawn. Raises DataError for a folder that is no run."""
    if plan.run is None:
        return plan, "published", ""
    try:
        method = json.loads((plan.run / RUN_FILE).read_text("utf-8"))["recipe"]["method"]
        files = {branch: str(plan.run / "weights" / name) for branch, name in FILES[method].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"expected a run of python -m trainer adapter in {plan.run}, got {error}") from error
    control = plan.run / "weights" / CONTROLNET
    options = replace(plan.options, face_adapter=files.get("face", NONE), body_adapter=files.get("body", NONE))
    if method == INSTANTID:
        options = replace(options, controlnet=str(control))
    if method in STOCK:
        base = plan.weights or Path(plan.backbone)
        return plan.model_copy(update={"backbone": method, "weights": base, "options": options}), "head", ""
    note = "its branch alone: the engine has no ControlNet that reads a body's tokens" if control.is_dir() else ""
    return plan.model_copy(update={"options": options}), "published", note


def stock_plan(plan: ModelPlan, points: Points, face_root: Path | None) -> StockPlan:
    """The plan of instantid (default: the published files on sdxl) or ip_adapter. Raises DataError."""
    options, base = plan.options, str(plan.weights or "sdxl")
    if plan.backbone == INSTANTID:
        adapter = _file(options.face_adapter or INSTANTID_FILES[0])
        control = _folder(options.controlnet or INSTANTID_FILES[1])
        faces = open_face_network("arcface", face_root, plan.face_pack) if points == "published" else None
        return StockPlan(open_base(base, Path()), adapter, control, points, faces)  # it reads no pictures
    if options.body_adapter is None or options.body_adapter == NONE:
        raise DataError(f"expected the file of {plan.name} as body_adapter, got none: add it to the plan's options")
    encoder = None if options.image_encoder is None else Path(options.image_encoder)
    return StockPlan(open_base(base, encoder), _file(options.body_adapter))


def _file(name: str) -> Path:
    place = file_place(name)
    path = _on_disk(place) / place.subfolder / place.name
    if not path.is_file():
        raise DataError(f"expected the file {name} on disk or in the hub's cache, found none: download it")
    return path


def _folder(name: str) -> Path:
    place = folder_place(name)
    path = _on_disk(place) / place.subfolder
    if not path.is_dir():
        raise DataError(f"expected the folder {name} on disk or in the hub's cache, found none: download it")
    return path


def _on_disk(place: Placement) -> Path:
    folder = Path(place.source)
    return folder if folder.exists() else HuggingFaceHub().folder(place.source) or folder


def _option_places(options: Options) -> list[Path]:
    """The files and folders among the options that are on disk."""
    values = [getattr(options, field.name) for field in fields(options)]
    return [path for value in values if isinstance(value, str) and (path := Path(value).expanduser()).exists()]


def _digest(plan: ModelPlan, places: list[Path | None]) -> str:
    """A hash of the settings and of the ends of all weights on disk; published weights in the hub's cache count by
    name."""
    settings: dict[str, Any] = plan.model_dump(mode="json", exclude={"name", "settings"})
    found = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in sorted(file for place in places if place is not None for file in _files(place)):
        found.update(path.name.encode() + file_ends(path))
    return found.hexdigest()


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from (path for path in place.rglob("*") if path.is_file() and path.suffix != ".md")
