"""Writes the report of the study from its figures: docs/report.json, report.md, plots and a sheet of people.

Every statement of better or worse follows from a rule over paired bootstrap intervals.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from trainer.errors import DataError
from trainer.evaluation.metrics import bootstrap
from trainer.shards import read_shards
from trainer.study.answers import DECISIVE, FIGURES, Results, answers, difference_of, values_of
from trainer.study.evaluate import STRANGER, TRUE, EvaluationPlan, cases_of
from trainer.study.methods.registry import ABLATIONS, METHODS
from trainer.version import commit

SETS: Final = {
    "frechet_here": "Frechet distance of our features",
    "kid_here": "kernel distance of our features",
    "fid": "FID",
    "kid": "KID",
    "skin_missing": "pictures without skin",
    "hair_missing": "pictures without hair",
    "top_missing": "pictures without a top",
    "bottom_missing": "pictures without a bottom",
    "shoes_missing": "pictures without shoes",
}
CONDITIONS: Final = {
    "text": "nothing of the person",
    "ip_adapter": "the whole photo as one vector, four tokens",
    "ip_adapter_plus": "the whole photo's patches, sixteen tokens",
    "instantid": "the face's identity vector, four tokens, and where the face is",
    "pulid": "the face's identity vector and its patches, eight tokens",
    "bolid": "the face's patches, eight tokens; the body's crop, its surroundings damped, sixteen tokens",
}
SHEET_PEOPLE: Final = 16
CELL: Final = (64, 96)


def write_report(study: Path, plan: EvaluationPlan, test: Path, config: dict[str, Any], out: Path) -> dict[str, Any]:
    """Writes out/report.json, report.md and report/*.png; returns the content of report.json.

    Raises DataError where nothing was evaluated."""
    results = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((study / "evaluation").glob("*.json"))}
    if TRUE not in results:
        raise DataError(f"expected figures in {study / 'evaluation'}, found none: run python -m trainer study")
    report = _report(study, results, plan, config)
    folder = out / "report"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_finite(report), indent=1, ensure_ascii=False, allow_nan=False)
    (out / "report.json").write_text(text + "\n", "utf-8")
    _sheet(study, plan, test, folder / "people.png")
    _plots(study, report, folder)
    (out / "report.md").write_text(markdown(report), "utf-8")
    return report


def _finite(value: Any) -> Any:
    """null for what is not a number: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _report(study: Path, results: Results, plan: EvaluationPlan, config: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in (*METHODS, *ABLATIONS) if name in results]
    listed = [TRUE, STRANGER, *names, *sorted(name for name in results if name.startswith("bolid, "))]
    evaluators = json.loads((study / "evaluators" / "metadata.json").read_text("utf-8"))
    stages = [json.loads(line) for line in (study / "stages.jsonl").read_text("utf-8").splitlines()]
    others = [name for name in listed if name not in ("bolid", TRUE, STRANGER)] if "bolid" in results else []
    return {
        "commit": commit(),
        "config": config,
        "plan": plan.model_dump(),
        "people": len(values_of(results, TRUE, "sim_gt_body")),
        "stages": stages,
        "evaluators": evaluators["held_out"],
        "data": _manifests(study),
        "trained": {name: _metadata(study / "methods" / name) for name in names},
        "figures": {name: _intervals(results, name) for name in listed},
        "bolid_minus": {
            name: {figure: asdict(difference_of(results, name, figure)) for figure in FIGURES} for name in others
        },
        "answers": answers(results, names),
        "coco": {p.stem: json.loads(p.read_text("utf-8")) for p in sorted((study / "coco").glob("*.json"))},
    }


def _manifests(study: Path) -> dict[str, dict[str, Any]]:
    """Split -> the generator's hash and the number of photos."""
    found = {path.parent.name: json.loads(path.read_text("utf-8")) for path in study.glob("people/*/manifest.json")}
    return {split: {key: found[split][key] for key in ("hash", "photos")} for split in sorted(found)}


def _metadata(folder: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((folder / "metadata.json").read_text("utf-8"))
    return {key: metadata[key] for key in ("pictures_seen", "minutes", "commit")}


def _intervals(results: Results, name: str) -> dict[str, Any]:
    people = {
        figure: asdict(bootstrap(values_of(results, name, figure))) for figure in FIGURES if figure in results[name]
    }
    return people | {figure: results[name][figure] for figure in SETS if figure in results[name]}


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    config = report["config"]
    pictures_by_name = {name: row["pictures_seen"] for name, row in report["trained"].items() if row["minutes"]}
    pictures = ", ".join(sorted({str(count) for count in pictures_by_name.values()})) or "0"
    lines = [
        "# Do face-ID methods extend to full-length avatars, and does the body help?",
        "",
        "Written by `python -m trainer study` from report.json; intervals are 95 % bootstrap over people (2,000",
        "resamples, seed 0).",
        "",
        "## Answer",
        "",
        *[f"- {line}" for line in report["answers"]],
        "",
        "## Size",
        "",
        f"Pictures of {config['width']} x {config['height']} px; {report['people']} test people, unseen in training;",
        f"each method saw {pictures} pictures on one frozen base, seed {config['seed']}; drawn in",
        f"{report['plan']['steps']} steps with guidance {report['plan']['guidance']}; commit {report['commit']},",
        f"photos of people: {_photos(report['data'])}.",
        "",
        "![16 test people](report/people.png)",
        "",
        "## The evaluators themselves",
        "",
        "Networks trained here on validation people; measured on other people:",
        "",
        *_examined(report["evaluators"]),
        "",
        "## Methods",
        "",
        *_conditions(),
        "",
        "All get the prompt, and the skeleton where a pose is asked for.",
        "",
        "The first two columns are the ceiling and the floor: another true photo of the person, asked for what it",
        "shows, and a stranger's. In the ceiling's pose rows the held-out photo itself is read: that is the joint",
        "reader's own accuracy at this size.",
        "",
        *_table(report, [TRUE, STRANGER, *(n for n in METHODS if n in report["figures"])]),
        "",
        "![bars](report/methods.png)",
        "",
        "## The value of each part",
        "",
        "Trained again without the part, or drawn without it by the same weights.",
        "",
        *_table(report, [n for n in report["figures"] if n.startswith("bolid")]),
        "",
        "![steps and views](report/ablations.png)",
        "",
        "![losses](report/losses.png)",
        "",
        "## Time",
        "",
        "| stage | methods | minutes |",
        "| --- | --- | --- |",
        *[f"| {row['stage']} | {', '.join(row['names'] or ())} | {row['minutes']} |" for row in report["stages"]],
        "",
        *_coco(report["coco"]),
        "## Limits",
        "",
        *([] if _has_published(report) else NOT_PUBLISHED),
        *LIMITS,
    ]
    return "\n".join(lines) + "\n"


def _examined(figures: dict[str, Any]) -> list[str]:
    """Accuracies beside the share of the most frequent class; an evaluator that is no better is uninformative."""
    lines = ["| read off a picture | right | commonest class |", "| --- | --- | --- |"]
    for name, value in figures.items():
        if name.endswith("_commonest"):
            continue
        commonest = figures.get(f"{name.removesuffix('_accuracy')}_commonest")
        lines.append(f"| {name.removesuffix('_accuracy')} | {_cell(value) or 'not measured'} | {_cell(commonest)} |")
    return lines


def _conditions() -> list[str]:
    """The conditions of each method: a gain may come from a condition that another method lacks."""
    rows = [f"| {name} | {conditions} |" for name, conditions in CONDITIONS.items()]
    return ["| method | sees |", "| --- | --- |", *rows]


def _photos(data: dict[str, dict[str, Any]]) -> str:
    return ", ".join(f"{split} {row['photos']} ({row['hash'][:12]})" for split, row in data.items())


def _has_published(report: dict[str, Any]) -> bool:
    published = {"clip_t", "clip_i", "fid", "lpips"}
    return any(published & set(figures) for figures in report["figures"].values())


def _coco(figures: dict[str, dict[str, Any]]) -> list[str]:
    if not figures:
        return []
    rows = [
        f"| {name} | {row['captions']} x {row['pictures'] // row['captions']} | {_cell(row['clip_t'])} | "
        f"{_cell(row['clip_i'])} | {_cell(row.get('fid'))} |"
        for name, row in figures.items()
    ]
    titles = ["| method | captions x pictures | CLIP-T | CLIP-I | FID |", "| --- | --- | --- | --- | --- |"]
    return ["## COCO 2017 val", "", *titles, *rows, ""]


NOT_PUBLISHED: Final = (
    "Nothing here is CLIP-T, CLIP-I, FID or LPIPS: their networks were not to be had (`python -m trainer evaluate`",
    "takes their folders). Figures called agreement and distance come from the evaluators above.",
)
LIMITS: Final = (
    "The people are rendered, the base is small and trained for minutes.",
    "Every method gets the same encoders in place of CLIP and ArcFace, and its tokens are read pooled beside the words",
    "as well as by attention. One training run each: the intervals are over people, not over runs.",
    "",
    "With a GPU: the same script at 256 x 384, a hundred times the pictures, five seeds, genuine metrics beside ours.",
)


def _table(report: dict[str, Any], names: list[str]) -> list[str]:
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for figure, title in (FIGURES | SETS).items():
        cells = [_cell(report["figures"][name].get(figure)) for name in names]
        if any(cells):
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict):
        return "" if np.isnan(value) else f"{value:.3f}"
    if not value["count"]:
        return ""
    return f"{value['mean']:.3f} ({value['low']:.3f}-{value['high']:.3f})"


def _sheet(study: Path, plan: EvaluationPlan, test: Path, path: Path) -> None:
    """Rows of people: reference, held-out photo, every method's picture of the same prompt and seed."""
    people = read_shards(test)
    cases = cases_of(people, plan)[:SHEET_PEOPLE]
    columns: dict[str, Any] = {
        "reference": people.images[[case.references[0] for case in cases]],
        "held out": people.images[[case.held_out for case in cases]],
    }
    for name in METHODS:
        cached_path = study / "pictures" / name / "scene-usual.npy"
        if cached_path.exists():
            columns[name] = np.load(cached_path)[: len(cases)]
    width, height = CELL
    sheet = Image.new("RGB", (len(columns) * width * 2, len(cases) * height * 2 + 16), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (name, pictures) in enumerate(columns.items()):
        draw.text((column * width * 2 + 2, 2), name, fill="black")
        for row, picture in enumerate(pictures):
            cell = Image.fromarray(picture).resize((width * 2, height * 2), Image.Resampling.BICUBIC)
            sheet.paste(cell, (column * width * 2, 16 + row * height * 2))
    sheet.quantize(192).save(path, optimize=True)


def _plots(study: Path, report: dict[str, Any], folder: Path) -> None:
    names = [name for name in METHODS if name in report["figures"]]
    _figure(folder / "methods.png", 3, lambda axes: _bars(axes, report, names))
    _figure(folder / "ablations.png", 2, lambda axes: _curves(axes, report))
    _figure(folder / "losses.png", 1, lambda axes: _losses(axes[0], study))


def _figure(path: Path, columns: int, draw: Callable[[Any], None]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * columns, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    draw(axes)
    figure.savefig(path, dpi=90)


def _bars(axes: Any, report: dict[str, Any], names: list[str]) -> None:
    for axis, figure in zip(axes, (*DECISIVE, "text_agreement_here"), strict=True):
        rows = [report["figures"][name][figure] for name in names]
        means = [row["mean"] for row in rows]
        reach = [
            [max(row["mean"] - row["low"], 0) for row in rows],
            [max(row["high"] - row["mean"], 0) for row in rows],
        ]
        axis.bar(names, means, yerr=reach, color=["tab:orange" if name == "bolid" else "tab:blue" for name in names])
        axis.set_title(FIGURES[figure])
        axis.tick_params(axis="x", rotation=60)


def _curves(axes: Any, report: dict[str, Any]) -> None:
    """SimGT-body over steps and over views; the usual drawing joins both."""
    figures = report["figures"]
    for axis, kind in zip(axes, ("steps", "views"), strict=True):
        rows_by_minutes = {
            int(name.split()[-1]): row for name, row in figures.items() if name.startswith(f"bolid, {kind} ")
        }
        if kind == "steps" and "bolid" in figures:
            rows_by_minutes[report["plan"]["steps"]] = figures["bolid"]
        order = sorted(rows_by_minutes)
        for figure in (*DECISIVE, "text_agreement_here"):
            axis.plot(
                order, [rows_by_minutes[count][figure]["mean"] for count in order], marker="o", label=FIGURES[figure]
            )
        axis.set_xlabel(kind)
        axis.legend(fontsize=7)


def _losses(axis: Any, study: Path) -> None:
    for path in sorted((study / "methods").glob("*/log.jsonl")):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        axis.plot([row["step"] for row in rows], [row["diffusion"] for row in rows], label=path.parent.name)
    axis.set_title("diffusion loss while training")
    axis.set_xlabel("step")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7)
