"""measures.json with all figures, and measures.md, one page of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from trainer.evaluation.metrics import Floats, Interval, bootstrap, paired
from trainer.files import replacing
from trainer.measure.networks import MeasuringNetworks
from trainer.measure.plan import MeasurePlan
from trainer.version import commit

JSON, PAGE = "measures.json", "measures.md"
MEANINGS: Final = {
    "clip_t": "CLIP: picture and prompt ↑",
    "clip_i": "CLIP: picture and held-out photo ↑",
    "dino": "DINO: picture and held-out photo ↑",
    "lpips": "LPIPS to the held-out photo ↓",
    "arcface_ref": "ArcFace SimRef",
    "arcface_gt": "ArcFace SimGT ↑",
    "arcface_gap": "ArcFace SimRef - SimGT ↓",
    "arcface_face_found": "share with a face, ArcFace's finder ↑",
    "arcface_rank1": "rank-1 by ArcFace ↑",
    "dlib_ref": "dlib: distance to the reference",
    "dlib_gt": "dlib: distance to the held-out photo ↓",
    "dlib_face_found": "share with a face, dlib's finder ↑",
    "body_ref": "body SimRef",
    "body_gt": "body SimGT ↑",
    "body_gap": "body SimRef - SimGT ↓",
    "body_found": "share with a body ↑",
    "body_rank1": "rank-1 by the body ↑",
    "pck": "PCK@0.1 ↑",
    "eq1": "equation 1 ↓",
    "eq1_person": "equation 1, the person ↓",
    "eq1_background": "equation 1, the background ↓",
}
SETS: Final = {"fid": "FID ↓", "kid": "KID ↓", "fd_dino": "FD-DINO ↓", "kd_dino": "KD-DINO ↓"}
CAPTIONS: Final = {"clip_t": "CLIP-T ↑", "clip_i": "CLIP-I ↑", "dino": "DINO ↑", "clip_score": "CLIPScore ↑"} | SETS


@dataclass(frozen=True)
class Measured:
    """One model. facts: its settings. people: figure -> one value per person, NaN where missing. sets: distances
    between all pictures and all held-out photos. captions: by the COCO protocol."""

    facts: dict[str, Any]
    people: dict[str, Floats] = field(default_factory=dict)
    sets: dict[str, float] = field(default_factory=dict)
    captions: dict[str, Any] = field(default_factory=dict)

    def intervals(self) -> dict[str, Interval]:
        """Bootstrap intervals over people; figures without a value are left out."""
        found = {name: bootstrap(values) for name, values in self.people.items()}
        return {name: interval for name, interval in found.items() if interval.count}


def write_report(
    out: Path,
    plan: MeasurePlan,
    results: Mapping[str, Measured],
    absent: Mapping[str, str],
    networks: MeasuringNetworks,
    people: int,
) -> None:
    """absent: models that could not be loaded -> the reason. people: the number of people drawn."""
    content = {
        "plan": plan.model_dump(mode="json"),
        "commit": commit(),
        "people": people,
        "networks": networks.used,
        "missing": networks.missing,
        "absent": dict(absent),
        "models": {name: _plain(found) for name, found in results.items()},
        "differences": _differences(results),
    }
    with replacing(out / JSON) as draft:
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    with replacing(out / PAGE) as draft:
        draft.write_text(page(content), "utf-8")


def _plain(found: Measured) -> dict[str, Any]:
    values = {
        name: [None if np.isnan(v) else float(v) for v in values_of_person]
        for name, values_of_person in found.people.items()
    }
    intervals = {name: asdict(interval) for name, interval in found.intervals().items()}
    return {
        "facts": found.facts,
        "figures": intervals,
        "sets": found.sets,
        "captions": found.captions,
        "values": values,
    }


def _differences(results: Mapping[str, Measured]) -> dict[str, Any]:
    """Differences of every model to the first one, over the same people."""
    drawn = {name: found for name, found in results.items() if not found.facts.get("yardstick")}
    if len(drawn) < 2:
        return {}
    (first, base), *others = drawn.items()
    by_model = {
        name: {
            figure: asdict(interval)
            for figure, values in found.people.items()
            if figure in MEANINGS and figure in base.people and (interval := paired(values, base.people[figure])).count
        }
        for name, found in others
    }
    return {"to": first, "models": by_model}


def page(content: Mapping[str, Any]) -> str:
    """The text of measures.md for the content of measures.json."""
    models, plan = content["models"], content["plan"]
    parts = [
        "# Measures\n",
        f"{content['people']} people of the split {plan['split']}, {plan['pictures']} pictures each, seeds from "
        f"{plan['seed']}; commit {content['commit']}. In brackets 95 % intervals, bootstrapped over people (over "
        "captions in the table of captions). ↑ more is better, ↓ less is better. Every model draws the caption of a "
        "held-out photo after another photo of the person, in the held-out photo's pose where the model takes poses. "
        "Equation 1 and its differences compare models with one autoencoder alone.\n",
    ]
    parts += _table("People", MEANINGS, {name: found["figures"] for name, found in models.items()})
    parts += _table("Sets", SETS, {name: found["sets"] for name, found in models.items()})
    parts += _table("Equation 1 by time", _times(models), {name: found["figures"] for name, found in models.items()})
    parts += _table("Captions of COCO", CAPTIONS, {name: found["captions"] for name, found in models.items()})
    differences = content["differences"]
    if differences:
        title = f"Differences to {differences['to']}, of the same people"
        parts += _table(title, MEANINGS, differences["models"])
    parts += ["## How the models were drawn\n", *(_facts(name, found) for name, found in models.items()), ""]
    parts += _list("Networks", content["networks"])
    parts += _list("Left empty", content["missing"] | content["absent"])
    return "\n".join(parts)


def _times(models: Mapping[str, Any]) -> dict[str, str]:
    """eq1_t0.1 and similar -> the meaning; the share of noise grows with the time."""
    names = [name for found in models.values() for name in found["figures"] if "_t0" in name or name.endswith("_t1")]
    whole = {"eq1": "all", "eq1_person": "person", "eq1_background": "background"}
    return {
        name: f"{whole[name.rpartition('_t')[0]]}, time {name.rpartition('_t')[2]}" for name in dict.fromkeys(names)
    }


def _table(title: str, meanings: Mapping[str, str], by_model: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A table of the figures; empty where no model has one. A model without figures has no column."""
    columns = {name: figures for name, figures in by_model.items() if any(figure in figures for figure in meanings)}
    rows = [figure for figure in meanings if any(figure in figures for figures in columns.values())]
    if not rows:
        return []
    lines = [f"| | {' | '.join(columns)} |", "| --- " * (1 + len(columns)) + "|"]
    for figure in rows:
        cells = [_cell(figures.get(figure)) for figures in columns.values()]
        lines.append(f"| {meanings[figure]} | {' | '.join(cells)} |")
    return [f"## {title}\n", *lines, ""]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value:.3f}"


def _facts(name: str, found: Mapping[str, Any]) -> str:
    facts = found["facts"]
    if facts.get("yardstick"):
        return f"- {name}: in place of a drawn picture, cut to the size of the first model's"
    width, height = facts["size"]
    facts_line = [f"{facts['backbone']}, {width} x {height} px, {facts['steps']} steps, guidance {facts['guidance']:g}"]
    facts_line.append(f"licence {facts['licence']}")
    if not facts["pose"]:
        facts_line.append("takes no pose")
    if facts.get("refused"):
        facts_line.append(f"refused the photos of {facts['refused']} people, who are left out of its figures")
    if found["captions"].get("refused"):
        facts_line.append(f"refused the photos of {found['captions']['refused']} captions")
    if found["captions"] and not found["captions"]["full"]:
        facts_line.append(f"{found['captions']['captions']} captions of COCO's protocol, not all")
    return "; ".join([f"- {name}: {facts_line[0]}", *facts_line[1:], *([facts["note"]] if facts["note"] else [])])


def _list(title: str, entries: Mapping[str, str]) -> list[str]:
    if not entries:
        return []
    return [f"## {title}\n", *(f"- {name}: {meaning}" for name, meaning in entries.items()), ""]
