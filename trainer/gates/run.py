"""One run of the gates: cases, pictures, figures, and what is written of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from engine.backbones.base import Backbone
from engine.contract import Settings
from engine.identity.body import BodyObserver
from engine.identity.faces import FaceFinder
from trainer.evaluation.examiners import Examiners
from trainer.gates.cases import Case, cases_of
from trainer.gates.drawing import Pictures, Studio, Wish
from trainer.gates.figures import GALLERY, Figure
from trainer.gates.likeness import PEOPLE_MAX, likeness_of
from trainer.gates.measuring import Meter, Shown
from trainer.gates.page import write_page, write_real, write_sheet
from trainer.gates.real import measure_real
from trainer.version import commit

TYPED_MAX: Final = 200
"""People whose scene is asked for again in the words of users."""


@dataclass(frozen=True)
class Gate:
    """What nano must reach: at least `wanted`, or at most where less is better."""

    name: str
    wanted: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.wanted if self.at_most else value >= self.wanted

    @property
    def at(self) -> str:
        return "most" if self.at_most else "least"


GATES: Final = (
    Gate("reid_rank1", 0.6),
    Gate("top_de2000", 12.0, at_most=True),
    Gate("bottom_de2000", 12.0, at_most=True),
    Gate("background_accuracy", 0.9),
    Gate("pose_pck", 0.7),
    Gate("reference_wins", 0.95),
)


@dataclass(frozen=True)
class GatesRun:
    """Whom to draw, how, and where the figures, the sheet of a dozen cases and the page go.

    Photos and pictures are kept in a folder beside the figures."""

    first_identity: int
    identities: int
    json: Path
    settings: Settings = field(default_factory=Settings)
    sheet: Path | None = None
    page: Path | None = None

    @property
    def kept(self) -> Path:
        return self.json.with_name(f"{self.json.stem}.pictures")


@dataclass(frozen=True)
class Instruments:
    """Who looks, and who draws by weights of which hash."""

    examiners: Examiners
    finder: FaceFinder
    reader: BodyObserver
    weights: str
    backbone: Backbone


def run_gates(run: GatesRun, tools: Instruments) -> dict[str, Any]:
    """Draws what is not yet drawn, measures, writes, prints the table and returns what was written.

    Raises DataError for people that are too few or not of an unseen split."""
    run.json.parent.mkdir(parents=True, exist_ok=True)
    sizes = tools.backbone.capabilities
    cases = cases_of(run.first_identity, run.identities, (sizes.width, sizes.height), run.kept / "photos")
    studio = Studio(tools.backbone, tools.weights, tools.finder, tools.reader, run.kept)
    meter = Meter(cases, tools.examiners, tools.reader)
    drawn = _drawn(cases, studio, meter, run.settings)
    console = Console()
    with console.status("measuring"):
        figures, missing = meter.measure(drawn)
        ceiling, ceiling_missing = meter.measure(ceiling_of(cases))
    few = cases[:PEOPLE_MAX]

    def draw(what: str, settings: Settings) -> Pictures:
        as_usual = settings == run.settings
        return drawn.own[: len(few)] if as_usual else studio.draw(what, _wishes(few, few, settings))

    likeness = likeness_of(few, tools.examiners, run.settings, draw)
    asked = cases[:TYPED_MAX]
    figures["background_accuracy_typed"] = meter.places(_typed(asked, studio, run.settings), asked)
    real, real_pictures = measure_real(studio, tools.examiners, run.settings)
    write_real(real_pictures, real["people"], run.kept / "real.png")
    report = _origin(run, tools) | told(figures, missing) | {"real": real}
    report |= {"ceiling": told(ceiling, ceiling_missing), "likeness": likeness, "gates": gates_of(figures)}
    report["examiners"] = tools.examiners.held_out
    write_json(run.json, report)
    if run.sheet is not None:
        write_sheet(cases, drawn, run.sheet)
    if run.page is not None:
        write_page(cases, drawn, report, run.page)
    console.print(table_of(figures, ceiling))
    return report


def _drawn(cases: Sequence[Case], studio: Studio, meter: Meter, settings: Settings) -> Shown:
    """A stranger's picture has the next person's photo, and words and seed of the case."""
    strangers = [*cases[1:], cases[0]]
    posed = None
    own = studio.draw("right", _wishes(cases, cases, settings))
    stranger = studio.draw("stranger", _wishes(cases, strangers, settings))
    if studio.backbone.capabilities.pose:
        wishes = _wishes(cases, cases, settings)
        asked = [Wish(w.reference, w.prompt, w.seed, w.settings, p) for w, p in zip(wishes, meter.poses, strict=True)]
        posed = studio.draw("posed", asked)
    return Shown(own, stranger, posed, [case.background for case in cases])


def _typed(cases: Sequence[Case], studio: Studio, settings: Settings) -> Pictures:
    """The same scenes in the words of users."""
    return studio.draw("typed", [Wish(c.reference.image, c.typed, c.identity, settings) for c in cases])


def _wishes(cases: Sequence[Case], people: Sequence[Case], settings: Settings) -> list[Wish]:
    return [
        Wish(person.reference.image, case.prompt, case.identity, settings)
        for case, person in zip(cases, people, strict=True)
    ]


def ceiling_of(cases: Sequence[Case]) -> Shown:
    """What true photos get: another of the person, a stranger's; for the pose the held-out one itself, so that the
    figure is the reader's own accuracy. Every photo is asked for its own place."""
    others = np.stack([case.other.image for case in cases])
    held_out: Pictures = np.stack([case.held_out.image for case in cases])
    return Shown(others, np.roll(others, -1, axis=0), held_out, [case.other.background for case in cases])


def _origin(run: GatesRun, tools: Instruments) -> dict[str, Any]:
    can, settings = tools.backbone.capabilities, run.settings
    return {
        "identities": run.identities,
        "first_identity": run.first_identity,
        "steps": settings.steps or can.steps_default,
        "width": can.width,
        "height": can.height,
        "reid_gallery": min(GALLERY, run.identities),
        "face_finder": tools.finder.name,
        "weights": tools.weights,
        "commit": commit(),
    }


def told(figures: dict[str, Figure], missing: dict[str, int]) -> dict[str, Any]:
    """The values under their own names, their intervals, and how many pictures lack a part."""
    plain = {name: figure.plain() for name, figure in figures.items()}
    values = {name: row["value"] for name, row in plain.items()}
    asked = {name: None for name in ("pose_pck", "pose_pck_unasked") if name not in values}
    intervals = {name: {key: row[key] for key in ("low", "high", "count")} for name, row in plain.items()}
    return values | asked | {"missing": missing, "intervals": intervals}


def gates_of(figures: dict[str, Figure]) -> list[dict[str, Any]]:
    """A row a gate; one that could not be measured is not met."""
    unknown = Figure(np.nan, np.nan, np.nan, 0)
    rows = []
    for gate in GATES:
        figure = figures.get(gate.name, unknown)
        row = figure.plain()
        del row["count"]
        rows.append({"name": gate.name} | row | {"wanted": gate.wanted, "at": gate.at, "met": gate.met(figure.value)})
    return rows


def table_of(figures: dict[str, Figure], ceiling: dict[str, Figure]) -> Table:
    """Every figure with its interval, what is wanted of it, and what true photos get."""
    gates = {gate.name: gate for gate in GATES}
    names = ("figure", "value", "95 % interval", "wanted", "met", "true photos")
    table = Table(*(Column(name, no_wrap=name in names[:3]) for name in names))
    for name, figure in sorted(figures.items(), key=lambda item: item[0] not in gates):
        gate = gates.get(name)
        verdict = "" if gate is None else "[green]yes" if gate.met(figure.value) else "[red]no"
        wanted = "" if gate is None else f"at {gate.at} {gate.wanted:g}"
        interval = f"{figure.low:.3f} to {figure.high:.3f}"
        true = f"{ceiling[name].value:.3f}" if name in ceiling else ""
        table.add_row(name, f"{figure.value:.3f}", interval, wanted, verdict, true)
    return table


def write_json(path: Path, value: dict[str, Any]) -> None:
    """All of it or nothing."""
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    draft.replace(path)
