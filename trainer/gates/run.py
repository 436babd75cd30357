"""One run of the gates: people, pictures, figures, and the files that show them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from engine.contract import Settings
from engine.identity.body import PersonParser
from engine.identity.faces import FaceFinder
from trainer.errors import DataError
from trainer.evaluation.evaluators import Evaluators
from trainer.files import replacing
from trainer.gates.candidates import GateCandidate
from trainer.gates.cases import SIZE, cases_of
from trainer.gates.drawing import Studio
from trainer.gates.figures import GALLERY, GateFigure
from trainer.gates.measures import by_framing, differences, everybody, figures_of
from trainer.gates.measuring import Meter
from trainer.gates.page import write_page, write_sheet
from trainer.gates.people_reader import Reader
from trainer.gates.real import real_people
from trainer.gates.styles import Styling, styling_of
from trainer.gates.survey import Artist, Panel, Survey
from trainer.gates.table import console_table, gate_rows
from trainer.gates.variants import WITHHELD
from trainer.version import commit

ABLATED_MAX: Final = 200
"""People who are drawn again with a part of the input withheld."""


@dataclass(frozen=True)
class GatesRun:
    """One run of the gates: people, settings, and the files for figures, a sheet of a dozen cases and the page.

    ablate: draw also with reference, pose and words withheld. Photos and pictures are kept in a folder beside `json`.
    """

    first_identity: int
    identities: int
    json: Path
    settings: Settings = field(default_factory=Settings)
    ablate: bool = False
    sheet: Path | None = None
    page: Path | None = None

    @property
    def pictures_folder(self) -> Path:
        return self.json.with_name(f"{self.json.stem}.pictures")


@dataclass(frozen=True)
class Instruments:
    """The measuring networks, the measured backbone and the ones it is compared with; `finder` and `parser` examine
    references for the backbones, as in the engine. styling_of: returns the styling of a studio, None where its backbone
    draws no styles."""

    evaluators: Evaluators
    reader: Reader
    finder: FaceFinder
    parser: PersonParser
    candidate: GateCandidate
    against: Sequence[GateCandidate] = ()
    styling_of: Callable[[Studio], Styling | None] = styling_of


def run_gates(run: GatesRun, tools: Instruments) -> dict[str, Any]:
    """Draws the missing pictures, measures, writes and prints the table; returns the report.

    Raises DataError for people that are too few or not of an unseen split, or two backbones of one name.
    """
    names = [candidate.name for candidate in (tools.candidate, *tools.against)]
    if len(set(names)) < len(names):
        raise DataError(f"expected backbones of different names, got {', '.join(names)}: change --against")
    run.json.parent.mkdir(parents=True, exist_ok=True)
    console = Console()
    cases = cases_of(run.first_identity, run.identities, run.pictures_folder / "photos")
    meter = Meter(cases, tools.evaluators, tools.reader)
    panel = Panel(cases, meter, real_people(tools.reader, tools.finder), tools.reader, run.settings)
    artists = {candidate.name: _artist(candidate, run, tools) for candidate in (tools.candidate, *tools.against)}
    surveys: dict[str, Survey] = {}
    for name, artist in artists.items():
        console.print(f"drawing and measuring {name}")
        surveys[name] = panel.of_pictures(artist)
    result, artist = surveys.pop(tools.candidate.name), artists[tools.candidate.name]
    console.print("measuring true photos")
    true, checks = panel.of_true_photos(artist.styling), figures_of(meter.check_evaluators(), everybody(len(cases)))
    without, reasons = _ablated(panel, artist, console) if run.ablate else ({}, {})
    rows = gate_rows(result.figures(), true.figures(), checks, result.skipped)
    report = (
        _origin(run, tools)
        | _values(result.figures())
        | {
            "gates": rows,
            "skipped": result.skipped | {f"without {name}": reason for name, reason in reasons.items()},
            "by_framing": by_framing(result.measures, meter.framings),
            "true_photos": _plain(true.figures()),
            "true_photos_by_framing": by_framing(true.measures, meter.framings),
            "against": {
                name: _plain(survey.figures()) | {"by_framing": by_framing(survey.measures, meter.framings)}
                for name, survey in surveys.items()
            },
            "without": {name: _plain(survey.figures()) | {"people": survey.people} for name, survey in without.items()},
            "worth": {name: _plain(differences(result.measures, survey.measures)) for name, survey in without.items()},
            "evaluators": _plain(checks),
            "evaluators_held_out": tools.evaluators.held_out,
        }
    )
    assert result.real is not None
    report["real"] = result.real.plain()
    write_json(run.json, report)
    if run.sheet is not None:
        write_sheet(cases, result.shown, run.sheet)
    if run.page is not None:
        write_page(cases, result.shown, result.real, report, run.page)
    columns = {"true photos": true.figures()} | {name: survey.figures() for name, survey in surveys.items()}
    columns |= {f"without {name}": survey.figures() for name, survey in without.items()}
    console.print(console_table(rows, result.figures(), columns))
    return report


def _artist(candidate: GateCandidate, run: GatesRun, tools: Instruments) -> Artist:
    """The artist of a candidate. Pictures of the measured backbone are in the folder of the photos, those of others in
    subfolders of their names."""
    folder = (
        run.pictures_folder
        if candidate is tools.candidate
        else run.pictures_folder / f"against-{candidate.name.replace(':', '-')}"
    )
    studio = Studio(candidate.backbone, candidate.weights, tools.finder, tools.parser, folder)
    return Artist(studio, tools.styling_of(studio))


def _ablated(panel: Panel, artist: Artist, console: Console) -> tuple[dict[str, Survey], dict[str, str]]:
    """Surveys of the first people by the withheld condition, and the reasons for missing ones."""
    cases = panel.cases[:ABLATED_MAX]
    meter = panel.meter
    if len(cases) < len(panel.cases):
        meter = Meter(cases, meter.evaluators, meter.reader)
    few = Panel(cases, meter, panel.real, panel.reader, panel.settings)
    surveys, reasons = {}, {}
    for variant in WITHHELD:
        if variant.lacks(artist.can):
            reasons[variant.name] = f"the backbone has no control of {variant.needs}"
            continue
        console.print(f"drawing and measuring without {variant.name}")
        surveys[variant.name] = few.of_pictures(artist, variant)
    return surveys, reasons


def _origin(run: GatesRun, tools: Instruments) -> dict[str, Any]:
    settings, can = run.settings, tools.candidate.backbone.capabilities
    return {
        "backbone": tools.candidate.name,
        "identities": run.identities,
        "first_identity": run.first_identity,
        "steps": settings.steps or can.steps_default,
        "width": SIZE[0],
        "height": SIZE[1],
        "drawn_size": [can.width, can.height],
        "reid_gallery": min(GALLERY, run.identities),
        "face_finder": tools.finder.name,
        "weights": tools.candidate.weights,
        "commit": commit(),
    }


def _values(figures: dict[str, GateFigure]) -> dict[str, Any]:
    """Values under their own names and their intervals; null where a value is unknown."""
    plain = _plain(figures)
    intervals = {name: {key: row[key] for key in ("low", "high", "count")} for name, row in plain.items()}
    return {name: row["value"] for name, row in plain.items()} | {"intervals": intervals}


def _plain(figures: dict[str, GateFigure]) -> dict[str, Any]:
    return {name: figure.plain() for name, figure in figures.items()}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Writes the file atomically."""
    with replacing(path) as draft:
        draft.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
