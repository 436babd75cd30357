"""Training the network that reads body parts: `python -m trainer parts`.

It learns from the crops of the person parser: most of them with a matte and joints as other networks read them, so that
it reads photos where these are there, and the others without, for the parser that has no downloaded weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.identity.parts_network import PartsNetwork, save_parts_network
from trainer.files import load_state
from trainer.loop import TrainConfig, fit
from trainer.parser_crops import CropMaker, Likelihoods, ParserCrops
from trainer.shards import PeopleShards, read_shards
from trainer.synthetic.parts import Part
from trainer.version import commit

HINTED: Final = 0.7
"""The share of the training photos with hints."""
PART_WEIGHTS: Final = (0.7, 1.0, 1.3, 1.0, 1.0, 1.5, 1.6, 1.6)
"""Of the cross entropy, by Part: small parts more, which few pixels show."""
DICE_WEIGHT: Final = 0.5
"""Of the Dice loss (Milletari et al., 2016), which counts each part alike however small it is."""


@dataclass(frozen=True)
class PartsRun:
    """The settings of a run: `steps`, or as many as fit into `minutes`; figures are of the people in `validation`."""

    data: Path
    validation: Path
    out: Path
    steps: int = 5000
    minutes: float | None = None
    batch: int = 16
    learning_rate: float = 2e-3
    threads: int = 1
    seed: int = 0


class PartsLearner(nn.Module):
    """forward(crops, generator) -> losses, "loss" first."""

    weights: Tensor

    def __init__(self, network: PartsNetwork) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("weights", torch.tensor(PART_WEIGHTS))

    def forward(self, crops: ParserCrops, generator: torch.Generator) -> dict[str, Tensor]:
        logits = self.network(crops.images, crops.hints)
        entropy = F.cross_entropy(logits, crops.parts, self.weights)
        dice = dice_loss(logits, crops.parts)
        return {"loss": entropy + DICE_WEIGHT * dice, "entropy": entropy, "dice": dice}


def dice_loss(logits: Tensor, parts: Tensor) -> Tensor:
    """1 - the mean over parts of the soft Dice coefficient; logits [B, P, H, W], parts int64 [B, H, W]."""
    likely, truth = logits.softmax(1), F.one_hot(parts, logits.shape[1]).movedim(-1, 1).float()
    both, each = (likely * truth).sum((0, 2, 3)), (likely + truth).sum((0, 2, 3))
    return 1 - ((2 * both + 1) / (each + 1)).mean()


def train_parts(run: PartsRun) -> dict[str, float]:
    """Trains, resumes what `out` holds, measures, writes `out`/person_parser/parts.* and returns the figures."""
    torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    people, unseen = read_shards(run.data, places=True), read_shards(run.validation, places=True)
    network = PartsNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plan = TrainConfig(
        out=run.out,
        steps=run.steps,
        batch=run.batch,
        learning_rate=run.learning_rate,
        weight_decay=0.02,
        hold=0.5,
        minutes=run.minutes,
        seed=run.seed,
    )
    maker = CropMaker(people, network.config.width, network.config.height, Likelihoods(), HINTED)
    rows = np.arange(len(people.images))

    def draw(count: int, rng: np.random.Generator) -> ParserCrops:
        return maker.crops(rng.choice(rows, count), rng)

    fit(plan, PartsLearner(network), draw)
    network.cpu()
    figures = {
        name: measure_parts(network, unseen, hinted=hinted) for name, hinted in (("plain", False), ("hinted", True))
    }
    step = load_state(run.out / "state.pt")["step"]
    facts = {"step": step, "batch": run.batch, "minutes": run.minutes, "commit": commit()}
    origin = {name: people.manifest[name] for name in ("hash", "settings", "photos")}
    save_parts_network(run.out / "person_parser", network, {**facts, "data": origin, "held_out": figures})
    return {f"{name}_{key}": value for name, values in figures.items() for key, value in values.items()}


@torch.no_grad()
def measure_parts(network: PartsNetwork, people: PeopleShards, *, hinted: bool) -> dict[str, float]:
    """Intersection over union of each part and of the whole person, over all photos, cut as the engine cuts them."""
    network.eval()
    maker = CropMaker(people, network.config.width, network.config.height, None, float(hinted))
    rng, rows = np.random.default_rng(0), np.arange(len(people.images))
    names = [f"iou_{part.name.lower()}" for part in Part] + ["mask_iou"]
    inter: NDArray[np.float64] = np.zeros(len(names))
    union = np.zeros(len(names))
    for first in range(0, len(rows), 50):
        crops = maker.crops(rows[first : first + 50], rng)
        read, truth = network(crops.images, crops.hints).argmax(1), crops.parts
        pairs = [(read == part, truth == part) for part in Part] + [(read > 0, truth > 0)]
        inter += [float((a & b).sum()) for a, b in pairs]
        union += [float((a | b).sum()) for a, b in pairs]
    iou = inter / np.maximum(union, 1)
    return dict(zip(names, map(float, iou), strict=True)) | {"mean_part_iou": float(iou[:-1].mean())}
