"""Training the evaluators, on validation people alone: `python -m trainer study --only evaluators`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.pixels import to_tensor
from trainer.errors import DataError
from trainer.evaluation.evaluators import PARTS, Evaluators, Names, Trunk, heads_in, heads_of, resized
from trainer.loop import TrainConfig, fit
from trainer.losses import matching_loss, pairs_loss
from trainer.shards import PeopleShards, read_shards
from trainer.synthetic.identity import SPLITS
from trainer.synthetic.parts import Part
from trainer.version import commit

HELD_OUT: Final = 0.15
"""The share of identities that are held out: the last ones."""
GARMENTS: Final = ("top", "bottom")
PART_WEIGHTS: Final = torch.tensor([{Part.FACE: 8.0, Part.ACCESSORY: 3.0, Part.SHOES: 3.0}.get(p, 1.0) for p in Part])
"""Weights of small parts in the loss: without them, eyes, brows and lips, which locate the face, would not be
learned."""
TRUE_PARTS: Final = 0.6
"""The share of batches that are pooled by the true parts while learning."""
PARTS_WEIGHT, CLASS_WEIGHT = 4.0, 0.3
"""The weight of the parts relative to the contrastive losses: bodies and colours are pooled by part, so parts must be
learned first."""


@dataclass(frozen=True)
class EvaluatorRun:
    """One training run with `batch` pairs of photos per step; width and height of the trunk's input in px."""

    data: Path
    out: Path
    steps: int
    batch: int = 12
    width: int = 64
    height: int = 96
    learning_rate: float = 2e-3
    seed: int = 0


def train(run: EvaluatorRun) -> dict[str, float | None]:
    """Trains on all but the last identities, measures on these, writes `out` and returns the figures (None where one
    could not be measured). An interrupted run resumes from the last saved state.

    Raises DataError for people of another split, CheckpointError where `out` holds a run of other settings."""
    torch.manual_seed(run.seed)
    people = read_shards(run.data)
    _refuse_other_splits(people)
    names = _names(people)
    trunk = Trunk({name: len(classes) for name, classes in asdict(names).items()}).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    lessons = Lessons(people, names, (run.width, run.height))
    fitting = TrainConfig(
        out=run.out,
        steps=run.steps,
        batch=run.batch,
        learning_rate=run.learning_rate,
        seed=run.seed,
        compare=f"{people.manifest['hash']} {run.width} x {run.height}",
    )
    seconds = fit(fitting, EvaluatorLearner(trunk), lessons.batch)
    trunk.cpu()  # evaluators measure there
    figures = _figures(Evaluators(trunk, names, (run.width, run.height), {}), people, lessons)
    save_file({name: value.contiguous() for name, value in trunk.state_dict().items()}, run.out / "model.safetensors")
    metadata = {
        "names": asdict(names),
        "size": [run.width, run.height],
        "held_out": figures,
        "run": fitting.stamp(),
        "minutes": round(seconds / 60, 2),
        "commit": commit(),
        "data": {"hash": people.manifest["hash"], "photos": len(people.images)},
    }
    text = json.dumps(metadata, indent=1, ensure_ascii=False, allow_nan=False)
    (run.out / "metadata.json").write_text(text + "\n", "utf-8")
    return figures


def _refuse_other_splits(people: PeopleShards) -> None:
    """Raises DataError for people of other splits: evaluators must not be trained on the people of a method or of the
    test."""
    allowed, found = SPLITS["validation"], people.identity
    if found.min() not in allowed or found.max() not in allowed:
        raise DataError(
            f"expected validation identities {allowed.start}..{allowed.stop - 1} to train evaluators on, got "
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
    """The attributes of a garment; a dress, which covers top and bottom, counts as both."""
    worn: dict[str, Any] = attributes[garment] or attributes["top"] | {"kind": "dress"}
    return worn


@dataclass(frozen=True)
class Lesson:
    """A batch of B pairs of photos. images [2B, 3, H, W] in [-1, 1], pairs side by side; parts [2B, H, W]: the true
    part maps; pools_true_parts: whether the trunk pools by them instead of by its own; classes by name [2B]; captions;
    heads [2K, 3, S, S]: the heads of the K pairs with two faces."""

    images: Tensor
    parts: Tensor
    pools_true_parts: bool
    classes: dict[str, Tensor]
    captions: list[str]
    heads: Tensor

    def to(self, device: torch.device | str) -> Lesson:
        """The same lesson with all tensors on `device`."""
        return replace(
            self,
            images=self.images.to(device),
            parts=self.parts.to(device),
            classes={name: value.to(device) for name, value in self.classes.items()},
            heads=self.heads.to(device),
        )


class Lessons:
    """Photos with their labels, in pairs of one person in one outfit."""

    def __init__(self, people: PeopleShards, names: Names, size: tuple[int, int]) -> None:
        self.people, self.size = people, size
        identities = np.unique(people.identity)
        self.first_held_out = identities[int(len(identities) * (1 - HELD_OUT))]
        labels = people.identity * 1000 + people.outfit
        order = np.argsort(labels, kind="stable")
        groups = np.split(order, np.unique(labels[order], return_index=True)[1][1:])
        training_groups = [group for group in groups if people.identity[group[0]] < self.first_held_out]
        self.groups = [group for group in training_groups if len(group) > 1] or training_groups
        self.classes = {name: self._classes(name, classes) for name, classes in asdict(names).items()}
        self.heads = [
            [head for head in found if head is not None]
            for found in zip(
                heads_of(people.images, people.parts), heads_in(people.images, people.face_box), strict=True
            )
        ]
        """The faces of each photo by its part map and by its face box."""

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

    def batch(self, count: int, rng: np.random.Generator) -> Lesson:
        """A lesson of `count` pairs; half of the lessons are mirrored. Photos get the blur and light of
        generated pictures."""
        people, rows = self.people, self.pairs(count, rng)
        width, height = self.size
        images, part_maps = to_tensor(people.images[rows]), torch.from_numpy(people.parts[rows])[:, None].float()
        if rng.random() < 0.5:
            images, part_maps = images.flip(-1), part_maps.flip(-1)
        kinds = rng.choice(("en_full", "ru_full", "en_scene", "ru_scene"), len(rows))
        both = [pair for pair in zip(rows[::2], rows[1::2], strict=True) if all(self.heads[row] for row in pair)]
        heads = [self.heads[row][rng.integers(len(self.heads[row]))] for pair in both for row in pair]
        return Lesson(
            images=_degraded(resized(images, self.size), rng),
            parts=F.interpolate(part_maps, size=(height, width), mode="nearest")[:, 0].long(),
            pools_true_parts=bool(rng.random() < TRUE_PARTS),
            classes={name: torch.from_numpy(classes[rows]) for name, classes in self.classes.items()},
            captions=[people.captions[row][kind] for row, kind in zip(rows, kinds, strict=True)],
            heads=_degraded(torch.cat(heads), rng) if heads else torch.zeros(0),
        )


class EvaluatorLearner(nn.Module):
    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, lesson: Lesson, generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of a batch, "loss" first."""
        images = _noisy(lesson.images, generator).contiguous(memory_format=torch.channels_last)
        features = self.trunk(images, lesson.parts if lesson.pools_true_parts else None)
        parts = F.cross_entropy(features["parts"], lesson.parts, weight=PART_WEIGHTS.to(lesson.images.device))
        classes = torch.stack([F.cross_entropy(features[name], truth) for name, truth in lesson.classes.items()]).sum()
        body = pairs_loss(features["body"])
        garments = pairs_loss(features["garments"])
        words = matching_loss(features["picture"], self.trunk.texts(lesson.captions))
        faces = parts * 0
        if len(lesson.heads) > 2:
            faces = pairs_loss(self.trunk.faces(_noisy(lesson.heads, generator)))
        loss = PARTS_WEIGHT * parts + CLASS_WEIGHT * classes + 0.5 * (body + garments + faces) + 0.3 * words
        return {
            "loss": loss,
            "parts": parts,
            "classes": classes,
            "body": body,
            "garments": garments,
            "words": words,
            "faces": faces,
        }


def _degraded(images: Tensor, rng: np.random.Generator) -> Tensor:
    """The images [n, 3, H, W] with the blur and brightness of generated pictures."""
    if rng.random() < 0.6:
        small = F.interpolate(images, scale_factor=float(rng.uniform(0.3, 0.9)), mode="area")
        images = F.interpolate(small, size=images.shape[2:], mode="bilinear")
    return images * float(rng.uniform(0.85, 1.15))


def _noisy(images: Tensor, generator: torch.Generator) -> Tensor:
    strength = 0.1 * torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device)
    return (images + strength * torch.randn(images.shape, generator=generator, device=images.device)).clamp(-1, 1)


def _figures(evaluators: Evaluators, people: PeopleShards, lessons: Lessons) -> dict[str, float | None]:
    """Figures on held-out people: accuracy of every class and the share of the most frequent one, part IoU, and rank-1
    among at most 100 for body, garments, face and words.

    Faces are measured as found by the part map (with the share found) and by their true boxes."""
    rows = lessons.held_out()
    images, identity = people.images[rows], people.identity[rows]
    reading = evaluators.read(images)
    figures = {
        f"{name}_accuracy": float((predicted == lessons.classes[name][rows]).mean())
        for name, predicted in reading.classes.items()
    }
    for name, truth in lessons.classes.items():
        figures[f"{name}_commonest"] = float(np.bincount(truth[rows]).max() / len(rows))
    found, boxed = evaluators.face(images), evaluators.face(images, people.face_box[rows])
    captions = [people.captions[row]["en_full"] for row in rows[:100]]
    words = evaluators.text(captions) @ evaluators.picture(images[:100]).T
    figures |= {
        "mean_part_iou": _mean_iou(reading.parts, people.parts[rows]),
        "body_rank1": rank1_of_pairs(evaluators.body(images), identity * 1000 + people.outfit[rows]),
        "garments_rank1": rank1_of_pairs(evaluators.garments(images), identity * 1000 + people.outfit[rows]),
        "face_rank1": rank1_of_pairs(found, identity),
        "faces_found": float((~np.isnan(found).any(1)).mean()),
        "face_in_box_rank1": rank1_of_pairs(boxed, identity),
        "words_rank1": float((words.argmax(1) == np.arange(len(captions))).mean()),
        "photos": float(len(rows)),
        "people": float(len(np.unique(identity))),
    }
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _mean_iou(predicted: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """The mean IoU over the parts that the true map shows."""
    present = [part for part in range(PARTS) if (truth == part).any()]
    ious = [((predicted == p) & (truth == p)).sum() / ((predicted == p) | (truth == p)).sum() for p in present]
    return float(np.mean(ious))


def rank1_of_pairs(vectors: NDArray[np.float32], labels: NDArray[np.int64], among: int = 100) -> float:
    """The share of labels whose first photo is nearest to the label's second, among the seconds of at most `among`.

    Rows of NaN are left out; NaN where fewer than two labels have two photos."""
    usable = ~np.isnan(vectors).any(1)
    pairs = [
        rows_of_label[:2]
        for label in np.unique(labels)
        if len(rows_of_label := np.nonzero((labels == label) & usable)[0]) > 1
    ][:among]
    if len(pairs) < 2:
        return math.nan
    first, second = (vectors[[pair[side] for pair in pairs]] for side in (0, 1))
    return float(((first @ second.T).argmax(1) == np.arange(len(pairs))).mean())
