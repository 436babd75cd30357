"""Measures all models of a plan, one after another; measures.json and measures.md are written after each."""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.backbones.base import GenerationInput, NoisePredictor
from engine.errors import BadReference, EngineError
from engine.identity.profile import IdentityProfile, View
from trainer.errors import DataError, TrainerError
from trainer.evaluation.coco_figures import PICTURES_EACH
from trainer.measure.captions import CaptionRun, measure_captions
from trainer.measure.cases import PersonCase, Target, people_cases, target_of, with_embedding
from trainer.measure.equation import equation_row
from trainer.measure.models import OpenedModel, open_model
from trainer.measure.networks import MeasuringNetworks, open_networks
from trainer.measure.people import PersonRow, distances_of, person_row, values_of
from trainer.measure.pictures import KeyedDrawing, PictureFolder
from trainer.measure.plan import MeasurePlan, ModelPlan
from trainer.measure.report import Measured, write_report

OnProgress = Callable[[str, int, int], None]
"""Called with the name of the current part, the number of finished pictures, and their total."""
TRUE, STRANGER = "another true photo", "a stranger's photo"
"""Rows with the figures of photos in place of drawn pictures, as a scale for the others."""


@dataclass(frozen=True)
class MeasureRun:
    """data: shards or curated folders with the people of the plan's split; coco: COCO 2017 val. out: the folder of
    figures and pictures. state: the folder ENGINE_STATE."""

    plan: MeasurePlan
    out: Path
    state: Path
    data: tuple[Path, ...] = ()
    coco: Path | None = None
    device: str = "auto"
    on_progress: OnProgress = field(default=lambda what, done, total: None)


def measure(run: MeasureRun) -> dict[str, Measured]:
    """Model -> its figures. A model that cannot be loaded is reported with the reason, and the others are measured.

    Raises DataError without data, for a given network that cannot be loaded, and where no model can be loaded."""
    if not run.data and run.coco is None:
        raise DataError("expected people or captions to measure on, got neither: give --data or --coco")
    device = "cuda" if torch.cuda.is_available() and run.device in ("auto", "cuda") else "cpu"
    networks = open_networks(run.plan.networks, run.state, device)
    cases = people_cases(run.data, run.plan.split, run.plan.references, run.plan.people) if run.data else []
    run.out.mkdir(parents=True, exist_ok=True)
    results, absent = dict[str, Measured](), dict[str, str]()
    for plan in run.plan.models:
        try:
            model = open_model(plan, run.device, run.plan.networks.face_root)
        except (TrainerError, EngineError) as error:
            absent[plan.name] = str(error)
            continue
        if cases and not results:
            results |= _yardsticks(cases, networks, _size(model))
        results[plan.name] = _measured(run, model, cases, networks)
        del model
        gc.collect()
        torch.cuda.empty_cache()
        write_report(run.out, run.plan, results, absent, networks, len(cases))
    if len(absent) == len(run.plan.models):
        name, reason = next(iter(absent.items()))
        raise DataError(f"expected a model that can be loaded, got none: {name}: {reason}")
    write_report(run.out, run.plan, results, absent, networks, len(cases))
    return results


def _size(model: OpenedModel) -> tuple[int, int]:
    return model.backbone.capabilities.width, model.backbone.capabilities.height


def _measured(
    run: MeasureRun, model: OpenedModel, cases: Sequence[PersonCase], networks: MeasuringNetworks
) -> Measured:
    can, settings = model.backbone.capabilities, model.plan.settings
    facts: dict[str, Any] = {
        "backbone": model.plan.backbone,
        "digest": model.digest,
        "licence": can.licence,
        "steps": can.steps(settings.steps),
        "guidance": can.guidance(settings.guidance),
        "pose": can.pose,
        "size": list(_size(model)),
        "note": model.note,
    }
    found = Measured(facts)
    folder = run.out / _slug(model.plan)
    if cases:
        _measure_people(run, model, cases, networks, folder, found)
    if run.coco is not None:
        total = run.plan.captions * PICTURES_EACH
        counted = _counter(run, f"{model.plan.name}: captions", total)
        captions = CaptionRun(run.coco, folder / "captions", run.plan.captions, run.plan.seed)
        found.captions.update(measure_captions(captions, model, networks, counted))
    return found


def _slug(plan: ModelPlan) -> str:
    """A unique folder name per model name."""
    plain = re.sub(r"[^a-z0-9]+", "-", plan.name.lower()).strip("-")
    return f"{plain}-{hashlib.sha256(plan.name.encode()).hexdigest()[:6]}"


def _counter(run: MeasureRun, what: str, total: int) -> Callable[[], None]:
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        run.on_progress(what, done, total)

    return one_more


def _measure_people(
    run: MeasureRun,
    model: OpenedModel,
    cases: Sequence[PersonCase],
    networks: MeasuringNetworks,
    folder: Path,
    found: Measured,
) -> None:
    pictures = PictureFolder(model, folder / "people")
    counted = _counter(run, f"{model.plan.name}: people", len(cases) * run.plan.pictures)
    rows, errors = [], []
    for case in cases:
        views = [with_embedding(photo.open(), networks.finder) for photo in case.references]
        target = target_of(case.held_out.open(), _size(model))
        drawings = _drawings(run.plan, model, case, views, target)
        drawn = [picture for picture in pictures.draw(drawings, counted) if picture is not None]
        rows.append(person_row(networks, drawn, _pixels(views[0]), target, case.prompt))
        errors.append(_errors(run.plan, model, folder / "equation", case, drawings[0].drawing, target) if drawn else {})
    found.people.update(values_of(rows))
    found.sets.update(distances_of(rows))
    found.facts["refused"] = len({key.rpartition("-")[0] for key in pictures.refusals})
    for name in dict.fromkeys(name for row in errors for name in row):
        found.people[name] = np.array([row.get(name, np.nan) for row in errors])


def _drawings(
    plan: MeasurePlan, model: OpenedModel, case: PersonCase, views: list[View], target: Target
) -> list[KeyedDrawing]:
    """The drawings of a case, with the pose of the held-out photo; models without pose control ignore it."""
    settings = model.plan.settings.model_copy(update={"aspect": None})
    has_joints = target.joints is not None and bool((target.joints[:, 2] > 0).any())
    return [
        KeyedDrawing(
            f"{case.person}-{number}",
            GenerationInput(
                IdentityProfile(tuple(views)), case.prompt, "", plan.seed + number, settings,
                target.joints if has_joints else None,
            ),
        )
        for number in range(plan.pictures)
    ]  # fmt: skip


def _errors(
    plan: MeasurePlan, model: OpenedModel, folder: Path, case: PersonCase, drawing: GenerationInput, target: Target
) -> dict[str, float]:
    if not isinstance(model.backbone, NoisePredictor):
        return {}
    try:
        return equation_row(model, folder, case.person, drawing, target, plan.times)
    except BadReference:
        return {}


def _yardsticks(cases: Sequence[PersonCase], networks: MeasuringNetworks, size: tuple[int, int]) -> dict[str, Measured]:
    """Figures of photos in place of drawn pictures: another photo of the same person, and the next person's held-out
    photo."""
    targets = [target_of(case.held_out.open(), size) for case in cases]
    references = [_pixels(case.references[0].open()) for case in cases]
    real_photos = [[] if case.other is None else [target_of(case.other.open(), size).image] for case in cases]
    others = [[target.image] for target in [*targets[1:], targets[0]]]
    found = {}
    for name, images in ((TRUE, real_photos), (STRANGER, others)):
        rows: list[PersonRow] = [
            person_row(networks, pictures, reference, target, case.prompt)
            for pictures, reference, target, case in zip(images, references, targets, cases, strict=True)
        ]
        sets = distances_of(rows) if name == TRUE else {}  # other people's photos are the held-out photos themselves
        found[name] = Measured({"yardstick": True}, values_of(rows), sets)
    return found


def _pixels(view: View) -> NDArray[np.uint8]:
    return np.array(view.image.convert("RGB"), np.uint8)
