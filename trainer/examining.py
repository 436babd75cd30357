"""Training the examiners, on validation people alone: `python -m trainer study --only examiners`."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import save_file
from torch import Tensor

from trainer.examiners import PARTS, Examiners, Names, Trunk, heads_of, resized
from trainer.people.parts import Part
from trainer.shards import PeopleShards, pixels, read_shards

TEMPERATURE: Final = 0.1
HELD_OUT: Final = 0.15
"""The share of identities that are not learned from: the last ones."""
GARMENTS: Final = ("top", "bottom")
PART_WEIGHTS: Final = torch.tensor([{Part.FACE: 8.0, Part.ACCESSORY: 3.0, Part.SHOES: 3.0}.get(p, 1.0) for p in Part])
"""Parts of few pixels would else never be found: eyes, brows and lips are how a face is."""
TRUE_PARTS: Final = 0.6
"""How often a batch is pooled by the true parts while learning."""


@dataclass(frozen=True)
class ExaminerRun:
    """How to train, within wall-clock minutes, and steps if given. `batch` pairs of photos a step; width and
    height of what is read in px."""

    data: Path
    out: Path
    minutes: float
    steps: int | None = None
    batch: int = 24
    width: int = 64
    height: int = 96
    learning_rate: float = 2e-3
    seed: int = 0


def train(run: ExaminerRun) -> dict[str, float]:
    """Trains on all but the last identities, measures on those, writes `out` and returns the figures."""
    torch.manual_seed(run.seed)
    people = read_shards(run.data)
    names = _names(people)
    trunk = Trunk({name: len(classes) for name, classes in asdict(names).items()}).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    lessons = _Lessons(people, names, (run.width, run.height))
    _learn(run, trunk, lessons)
    figures = _figures(Examiners(trunk, names, (run.width, run.height), {}), people, lessons)
    run.out.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in trunk.state_dict().items()}, run.out / "model.safetensors")
    metadata = {
        "names": asdict(names),
        "size": [run.width, run.height],
        "held_out": figures,
        "minutes": run.minutes,
        "data": {"hash": people.manifest["hash"], "photos": len(people.images)},
    }
    (run.out / "metadata.json").write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return figures


def _names(people: PeopleShards) -> Names:
    listed = people.manifest
    garments = {
        f"{garment}_{what}": tuple(sorted({str(_worn(row, garment)[what]) for row in people.attributes}))
        for garment in GARMENTS
        for what in ("colour", "kind")
    }
    return Names(tuple(listed["backgrounds"]), tuple(listed["framings"]), tuple(listed["poses"]), **garments)


def _worn(attributes: dict[str, Any], garment: str) -> dict[str, Any]:
    """A dress is both halves: its colour is the bottom's too."""
    worn: dict[str, Any] = attributes[garment] or attributes["top"] | {"kind": "dress"}
    return worn


class _Lessons:
    """Photos and what is true of them, in pairs of one person in one outfit."""

    def __init__(self, people: PeopleShards, names: Names, size: tuple[int, int]) -> None:
        self.people, self.size = people, size
        identities = np.unique(people.identity)
        self.first_held_out = identities[int(len(identities) * (1 - HELD_OUT))]
        labels = people.identity * 1000 + people.outfit
        order = np.argsort(labels, kind="stable")
        groups = np.split(order, np.unique(labels[order], return_index=True)[1][1:])
        own = [group for group in groups if people.identity[group[0]] < self.first_held_out]
        self.groups = [group for group in own if len(group) > 1] or own
        self.classes = {name: self._classes(name, classes) for name, classes in asdict(names).items()}
        self.heads = heads_of(people.images, people.parts)

    def _classes(self, name: str, classes: Sequence[str]) -> NDArray[np.int64]:
        if name in ("background", "framing", "pose"):
            return np.asarray(getattr(self.people, name))
        garment, what = name.split("_")
        return np.array([classes.index(str(_worn(row, garment)[what])) for row in self.people.attributes])

    def pairs(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        chosen = rng.choice(len(self.groups), count, replace=count > len(self.groups))
        return np.concatenate([rng.choice(self.groups[row], 2, replace=len(self.groups[row]) < 2) for row in chosen])

    def held_out(self) -> NDArray[np.int64]:
        return np.nonzero(self.people.identity >= self.first_held_out)[0]


def _learn(run: ExaminerRun, trunk: Trunk, lessons: _Lessons) -> None:
    rng = np.random.default_rng(run.seed)
    optimizer = torch.optim.AdamW(trunk.parameters(), lr=run.learning_rate, weight_decay=1e-2)
    start, step, budget_s = time.monotonic(), 0, 60 * run.minutes
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()) as progress:
        bar = progress.add_task("examiners", total=budget_s)
        while (spent_s := time.monotonic() - start) < budget_s and step != run.steps:
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = run.learning_rate * 0.5 * (1 + math.cos(math.pi * spent_s / budget_s))
            loss = _loss(trunk, lessons, lessons.pairs(run.batch, rng), rng)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            progress.update(bar, completed=spent_s, description=f"examiners {step} {float(loss.detach()):.3f}")


def _loss(trunk: Trunk, lessons: _Lessons, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    people = lessons.people
    shown = torch.from_numpy(people.parts[rows])[:, None].float()
    truth = F.interpolate(shown, size=(lessons.size[1], lessons.size[0]), mode="nearest")[:, 0].long()
    helped = rng.random() < TRUE_PARTS
    seen = trunk(_degraded(people.images[rows], lessons.size, rng), truth if helped else None)
    loss = F.cross_entropy(seen["parts"], truth, weight=PART_WEIGHTS) + 0.5 * _pairs(seen["body"])
    for name, classes in lessons.classes.items():
        loss = loss + 0.1 * F.cross_entropy(seen[name], torch.from_numpy(classes[rows]))
    kinds = rng.choice(("en_full", "ru_full", "en_scene", "ru_scene"), len(rows))
    said = trunk.texts([people.captions[row][kind] for row, kind in zip(rows, kinds, strict=True)])
    scores, own = seen["picture"] @ said.T / TEMPERATURE, torch.arange(len(rows))
    loss = loss + 0.15 * (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own))
    both = [
        (a, b)
        for a, b in zip(rows[::2], rows[1::2], strict=True)
        if lessons.heads[a] is not None and lessons.heads[b] is not None
    ]
    if len(both) > 1:
        heads = torch.cat([head for pair in both for row in pair if (head := lessons.heads[row]) is not None])
        heads = (heads * float(rng.uniform(0.85, 1.15)) + 0.05 * torch.randn_like(heads)).clamp(-1, 1)
        loss = loss + 0.5 * _pairs(trunk.faces(heads))
    return loss


def _pairs(embeddings: Tensor) -> Tensor:
    """Unit vectors [2B, E], pairs side by side -> the contrastive loss that each finds its own pair."""
    scores = (embeddings @ embeddings.T / TEMPERATURE).masked_fill(torch.eye(len(embeddings), dtype=torch.bool), -1e9)
    return F.cross_entropy(scores, torch.arange(len(scores)) ^ 1)


def _degraded(images: NDArray[np.uint8], size: tuple[int, int], rng: np.random.Generator) -> Tensor:
    """[B, 3, H, W] in [-1, 1], with blur, noise and exposure as in generated pictures."""
    batch = resized(pixels(images), size)
    if rng.random() < 0.6:
        factor = float(rng.uniform(0.3, 0.9))
        small = F.interpolate(batch, scale_factor=factor, mode="area")
        batch = F.interpolate(small, size=batch.shape[2:], mode="bilinear")
    batch = batch * float(rng.uniform(0.85, 1.15)) + float(rng.uniform(0, 0.1)) * torch.randn_like(batch)
    return batch.clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def _figures(examiners: Examiners, people: PeopleShards, lessons: _Lessons) -> dict[str, float]:
    """On people not learned from: accuracy of every class, part IoU, rank-1 among up to 100 of body, face, words."""
    rows = lessons.held_out()
    images = people.images[rows]
    reading = examiners.read(images)
    figures = {
        f"{name}_accuracy": float((seen == lessons.classes[name][rows]).mean())
        for name, seen in reading.classes.items()
    }
    truth = people.parts[rows]
    present = [part for part in range(PARTS) if (truth == part).any()]
    ious = [
        float(((reading.parts == p) & (truth == p)).sum() / ((reading.parts == p) | (truth == p)).sum())
        for p in present
    ]
    labels = people.identity[rows] * 1000 + people.outfit[rows]
    said = [people.captions[row]["en_full"] for row in rows[:100]]
    words = examiners.text(said) @ examiners.picture(images[:100]).T
    return figures | {
        "mean_part_iou": float(np.mean(ious)),
        "body_rank1": rank1_of_pairs(examiners.body(images), labels),
        "face_rank1": rank1_of_pairs(examiners.face(images), people.identity[rows]),
        "words_rank1": float((words.argmax(1) == np.arange(len(said))).mean()),
        "photos": float(len(rows)),
    }


def rank1_of_pairs(vectors: NDArray[np.float32], labels: NDArray[np.int64], among: int = 100) -> float:
    """How often a label's first photo is nearest to that label's second, among the seconds of up to `among` labels.

    Rows of NaN are left out; NaN where fewer than two labels have two photos."""
    usable = ~np.isnan(vectors).any(1)
    pairs = [own[:2] for label in np.unique(labels) if len(own := np.nonzero((labels == label) & usable)[0]) > 1][
        :among
    ]
    if len(pairs) < 2:
        return math.nan
    first, second = (vectors[[pair[side] for pair in pairs]] for side in (0, 1))
    return float(((first @ second.T).argmax(1) == np.arange(len(pairs))).mean())
