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
from torch import Tensor, nn

from trainer.errors import CheckpointError, DataError
from trainer.examiners import PARTS, Examiners, Names, Trunk, heads_in, heads_of, resized
from trainer.people.identity import SPLITS
from trainer.people.parts import Part
from trainer.shards import PeopleShards, pixels, read_shards
from trainer.version import commit

TEMPERATURE: Final = 0.1
HELD_OUT: Final = 0.15
"""The share of identities that are not learned from: the last ones."""
GARMENTS: Final = ("top", "bottom")
PART_WEIGHTS: Final = torch.tensor([{Part.FACE: 8.0, Part.ACCESSORY: 3.0, Part.SHOES: 3.0}.get(p, 1.0) for p in Part])
"""Parts of few pixels would else never be found: eyes, brows and lips are how a face is."""
TRUE_PARTS: Final = 0.6
"""How often a batch is pooled by the true parts while learning."""


PARTS_WEIGHT, CLASS_WEIGHT = 4.0, 0.3
"""Against the contrastive terms: bodies and colours are pooled by part, so parts come first."""
WARMUP_STEPS: Final = 20
SAVE_EVERY_S: Final = 60.0


@dataclass(frozen=True)
class ExaminerRun:
    """How to train, within wall-clock minutes, and steps if given. `batch` pairs of photos a step; width and
    height of what is read in px."""

    data: Path
    out: Path
    minutes: float
    steps: int | None = None
    batch: int = 12
    width: int = 64
    height: int = 96
    learning_rate: float = 2e-3
    seed: int = 0

    def stamp(self) -> dict[str, Any]:
        """What the outcome depends on, but for the data."""
        return {key: value for key, value in vars(self).items() if key not in ("data", "out")}


@dataclass
class _Progressed:
    """Where a run stands. Augmentation draws from torch's global source too, so its state is kept as well."""

    trunk: Trunk
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    step: int = 0
    spent_s: float = 0.0


def train(run: ExaminerRun) -> dict[str, float | None]:
    """Trains on all but the last identities, measures on those, writes `out` and returns the figures (None where a
    figure could not be taken). A run that was cut off goes on where it was last saved.

    Raises DataError for people of another split, CheckpointError where `out` holds a run of other settings."""
    torch.manual_seed(run.seed)
    people = read_shards(run.data)
    _refuse_other_splits(people)
    names = _names(people)
    trunk = Trunk({name: len(classes) for name, classes in asdict(names).items()}).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    lessons = _Lessons(people, names, (run.width, run.height))
    state = _learn(run, trunk, lessons)
    figures = _figures(Examiners(trunk, names, (run.width, run.height), {}), people, lessons)
    save_file({name: value.contiguous() for name, value in trunk.state_dict().items()}, run.out / "model.safetensors")
    metadata = {
        "names": asdict(names),
        "size": [run.width, run.height],
        "held_out": figures,
        "run": run.stamp(),
        "step": state.step,
        "minutes": round(state.spent_s / 60, 2),
        "commit": commit(),
        "data": {"hash": people.manifest["hash"], "photos": len(people.images)},
    }
    told = json.dumps(metadata, indent=1, ensure_ascii=False, allow_nan=False)
    (run.out / "metadata.json").write_text(told + "\n", "utf-8")
    (run.out / "state.pt").unlink(missing_ok=True)
    return figures


def _refuse_other_splits(people: PeopleShards) -> None:
    """Examiners that had seen a method's people, or the test's, would judge by what they know."""
    allowed, found = SPLITS["validation"], people.identity
    if found.min() not in allowed or found.max() not in allowed:
        raise DataError(
            f"expected validation identities {allowed.start}..{allowed.stop - 1} to train examiners on, got "
            f"{found.min()}..{found.max()}: give the validation split's shards"
        )


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
        self.heads = [
            [head for head in found if head is not None]
            for found in zip(
                heads_of(people.images, people.parts), heads_in(people.images, people.face_box), strict=True
            )
        ]
        """Of each photo, the face as the part map shows it and as its box does."""

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


def _learn(run: ExaminerRun, trunk: Trunk, lessons: _Lessons) -> _Progressed:
    run.out.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(trunk.parameters(), lr=run.learning_rate, weight_decay=1e-2, betas=(0.9, 0.99))
    state = _Progressed(trunk, optimizer, np.random.default_rng(run.seed))
    stamp = json.dumps(run.stamp() | {"data": lessons.people.manifest["hash"]})
    _resume(run.out / "state.pt", stamp, state)
    budget_s, saved_s = 60 * run.minutes, state.spent_s
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()) as progress:
        bar = progress.add_task("examiners", total=budget_s, completed=int(state.spent_s))
        while state.spent_s < budget_s and state.step != run.steps:
            started = time.monotonic()
            loss = _step(run, state, lessons)
            state.spent_s += time.monotonic() - started
            progress.update(bar, completed=state.spent_s, description=f"examiners {state.step} {loss:.3f}")
            if state.spent_s - saved_s > SAVE_EVERY_S:
                _save(run.out / "state.pt", stamp, state)
                saved_s = state.spent_s
    return state


def _step(run: ExaminerRun, state: _Progressed, lessons: _Lessons) -> float:
    done = state.spent_s / (60 * run.minutes) if run.steps is None else state.step / run.steps
    warm = min(1.0, (state.step + 1) / WARMUP_STEPS)
    for group in state.optimizer.param_groups:
        group["lr"] = run.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))
    loss = _loss(state.trunk, lessons, lessons.pairs(run.batch, state.rng), state.rng)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.trunk.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    return float(loss.detach())


def _save(path: Path, stamp: str, state: _Progressed) -> None:
    draft = path.with_suffix(".tmp")
    kept = {
        "run": stamp,
        "trunk": state.trunk.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "rng": json.dumps(state.rng.bit_generator.state),
        "noise": torch.get_rng_state(),
        "step": state.step,
        "spent_s": state.spent_s,
    }
    torch.save(kept, draft)
    draft.replace(path)


def _resume(path: Path, stamp: str, state: _Progressed) -> None:
    if not path.exists():
        return
    kept = torch.load(path, weights_only=True)
    if kept["run"] != stamp:
        raise CheckpointError(
            f"expected a run of {kept['run']} in {path.parent}, got {stamp}: remove it or go on with it"
        )
    state.trunk.load_state_dict(kept["trunk"])
    state.optimizer.load_state_dict(kept["optimizer"])
    state.rng.bit_generator.state = json.loads(kept["rng"])
    torch.set_rng_state(kept["noise"])
    state.step, state.spent_s = kept["step"], kept["spent_s"]


def _loss(trunk: Trunk, lessons: _Lessons, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    people = lessons.people
    shown = torch.from_numpy(people.parts[rows])[:, None].float()
    truth = F.interpolate(shown, size=(lessons.size[1], lessons.size[0]), mode="nearest")[:, 0].long()
    helped = rng.random() < TRUE_PARTS
    seen = trunk(_degraded(people.images[rows], lessons.size, rng), truth if helped else None)
    loss = PARTS_WEIGHT * F.cross_entropy(seen["parts"], truth, weight=PART_WEIGHTS) + 0.5 * _pairs(seen["body"])
    for name, classes in lessons.classes.items():
        loss = loss + CLASS_WEIGHT * F.cross_entropy(seen[name], torch.from_numpy(classes[rows]))
    kinds = rng.choice(("en_full", "ru_full", "en_scene", "ru_scene"), len(rows))
    said = trunk.texts([people.captions[row][kind] for row, kind in zip(rows, kinds, strict=True)])
    scores, own = seen["picture"] @ said.T / TEMPERATURE, torch.arange(len(rows))
    loss = loss + 0.15 * (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own))
    both = [pair for pair in zip(rows[::2], rows[1::2], strict=True) if all(lessons.heads[row] for row in pair)]
    if len(both) > 1:
        heads = torch.cat([lessons.heads[row][rng.integers(len(lessons.heads[row]))] for pair in both for row in pair])
        loss = loss + 0.5 * _pairs(trunk.faces(_coarsened(heads, rng)))
    return loss


def _coarsened(heads: Tensor, rng: np.random.Generator) -> Tensor:
    """Heads as a smaller picture would show them, lighter or darker and with noise."""
    side = int(heads.shape[2])
    if rng.random() < 0.6:
        small = F.interpolate(heads, size=(int(rng.integers(8, side)),) * 2, mode="area")
        heads = F.interpolate(small, size=(side, side), mode="bilinear")
    return (heads * float(rng.uniform(0.85, 1.15)) + 0.05 * torch.randn_like(heads)).clamp(-1, 1)


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


def _figures(examiners: Examiners, people: PeopleShards, lessons: _Lessons) -> dict[str, float | None]:
    """On people not learned from: accuracy of every class, part IoU, rank-1 among up to 100 of body, face, words.

    Faces are measured as found by the part map (with the share found) and by their true boxes."""
    rows = lessons.held_out()
    images, identity = people.images[rows], people.identity[rows]
    reading = examiners.read(images)
    figures = {
        f"{name}_accuracy": float((seen == lessons.classes[name][rows]).mean())
        for name, seen in reading.classes.items()
    }
    found, boxed = examiners.face(images), examiners.face(images, people.face_box[rows])
    said = [people.captions[row]["en_full"] for row in rows[:100]]
    words = examiners.text(said) @ examiners.picture(images[:100]).T
    figures |= {
        "mean_part_iou": _mean_iou(reading.parts, people.parts[rows]),
        "body_rank1": rank1_of_pairs(examiners.body(images), identity * 1000 + people.outfit[rows]),
        "face_rank1": rank1_of_pairs(found, identity),
        "faces_found": float((~np.isnan(found).any(1)).mean()),
        "face_in_box_rank1": rank1_of_pairs(boxed, identity),
        "words_rank1": float((words.argmax(1) == np.arange(len(said))).mean()),
        "photos": float(len(rows)),
        "people": float(len(np.unique(identity))),
    }
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _mean_iou(seen: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Over the parts that the truth shows."""
    present = [part for part in range(PARTS) if (truth == part).any()]
    ious = [((seen == p) & (truth == p)).sum() / ((seen == p) | (truth == p)).sum() for p in present]
    return float(np.mean(ious))


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
