"""Training the included person parser: `python -m trainer parser`.

Joints and parts learn together on synthetic people, the body's embedding after them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.identity.network import STRIDE, Outputs, ParserNetwork, joints, save_network
from trainer.files import load_state
from trainer.loop import TrainConfig, fit
from trainer.parser_crops import CropMaker, Likelihoods, ParserCrops, unsure_weights, weights_around
from trainer.shards import PeopleShards, read_shards
from trainer.synthetic.parts import Part
from trainer.version import commit

HIDDEN_WEIGHT: Final = 0.3
"""The weight of an occluded joint inside the crop, whose place is a guess."""
HEAT_SIGMA: Final = 0.8
"""Standard deviation of the target heat maps, in cells."""
PART_WEIGHTS: Final = (0.7, 1.0, 1.0, 1.0, 1.0, 1.5, 1.5, 1.5)
TEMPERATURE: Final = 0.1
DROPPED, NOISE = 0.1, 0.05
"""Of the standardised features that the embedding is trained on: the share dropped, and the deviation of the noise."""
FOR_EMBEDDING: Final = Likelihoods(without_person=0.0, turned_far=0.02, grey=0.0, close=0.2, covered=0.1, colour=0.4)

Pooled = tuple[Tensor, Tensor]
"""features float [B, F], standardised; identity int64 [B]."""


@dataclass(frozen=True)
class ParserRun:
    """The settings of a training run; the last `held_out` people are measured.

    `steps` teach joints and parts, or as many as fit into `minutes`, counted across resumptions; then the embedding's
    own layers learn over the rest as it stands, each of `embedding_steps` from two photos of each of `people` people,
    every photo changed in `embedding_rounds` ways."""

    data: Path
    out: Path
    steps: int = 5000
    minutes: float | None = None
    embedding_steps: int = 2000
    embedding_rounds: int = 1
    embedding_photos: int | None = None
    batch: int = 24
    people: int = 128
    learning_rate: float = 2e-3
    held_out: int = 100
    threads: int = 1
    seed: int = 0


def train(run: ParserRun) -> dict[str, float]:
    """Trains, resumes what `out` holds, measures on the people held out, writes `out`/person_parser and returns the
    figures."""
    torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    people = read_shards(run.data, places=True)
    training, unseen = _split(people, run.held_out)
    network = ParserNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plan = TrainConfig(
        out=run.out,
        steps=run.steps,
        batch=run.batch,
        learning_rate=run.learning_rate,
        weight_decay=0.02,
        minutes=run.minutes,
        seed=run.seed,
    )
    _teach_joints_and_parts(plan, network, people, training)
    _teach_embedding(run, plan, network, people, training)
    figures = measure(network, people, unseen)
    step = load_state(run.out / "state.pt")["step"]  # a budget of minutes may have ended it
    facts = {"step": step, "minutes": run.minutes, "embedding_steps": run.embedding_steps}
    origin = {"commit": commit(), "data": {name: people.manifest[name] for name in ("hash", "settings", "photos")}}
    save_network(run.out / "person_parser", network, {**facts, **origin, "held_out": figures})
    return figures


class ParserLearner(nn.Module):
    """Everything but the embedding's layers. forward(crops, generator) -> losses, "loss" first."""

    def __init__(self, network: ParserNetwork) -> None:
        super().__init__()
        self.network = network.requires_grad_(True)
        self.network.embedding.requires_grad_(False)

    def forward(self, crops: ParserCrops, generator: torch.Generator) -> dict[str, Tensor]:
        losses = losses_of(self.network, crops)
        return {"loss": torch.stack(list(losses.values())).sum()} | losses


class EmbeddingLearner(nn.Module):
    """The embedding's layers alone. forward(pooled, generator) -> "loss"."""

    def __init__(self, network: ParserNetwork) -> None:
        super().__init__()
        self.embedding = network.embedding.requires_grad_(True)

    def forward(self, pooled: Pooled, generator: torch.Generator) -> dict[str, Tensor]:
        features, identity = pooled
        return {"loss": contrastive(F.normalize(self.embedding(features), dim=1), identity)}


def _teach_joints_and_parts(
    plan: TrainConfig, network: ParserNetwork, people: PeopleShards, training: NDArray[np.int64]
) -> None:
    maker = CropMaker(people, network.config.width, network.config.height, Likelihoods())

    def draw(count: int, rng: np.random.Generator) -> ParserCrops:
        return maker.crops(rng.choice(training, count), rng)

    fit(plan, ParserLearner(network), draw)
    network.cpu()


def _teach_embedding(
    run: ParserRun, plan: TrainConfig, network: ParserNetwork, people: PeopleShards, training: NDArray[np.int64]
) -> None:
    """Over what the rest pools from some changed crops of every photo: computed once, so that a step can compare
    hundreds of people."""
    rng = np.random.default_rng(run.seed)
    chosen = rng.permutation(training)[: run.embedding_photos]
    rounds = [_pooled(network, people, chosen, rng) for _ in range(run.embedding_rounds)]
    bank, identity = torch.stack(rounds), people.identity[chosen]
    mean, std = bank.mean((0, 1)), bank.std((0, 1)).clamp_min(1e-3)
    bank = (bank - mean) / std
    order = np.argsort(identity, kind="stable")
    starts = np.unique(identity[order], return_index=True)[1]
    groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]

    def draw(count: int, rng: np.random.Generator) -> Pooled:
        some = rng.permutation(len(groups))[:count]
        rows = np.concatenate([rng.choice(groups[index], 2, replace=False) for index in some])
        pooled = bank[rng.integers(len(rounds), size=len(rows)), rows]
        kept = torch.from_numpy((rng.random(pooled.shape) >= DROPPED) / (1 - DROPPED)).float()
        noise = torch.from_numpy(rng.normal(0, NOISE, pooled.shape)).float()
        return pooled * kept + noise, torch.from_numpy(identity[rows])

    own = replace(
        plan, out=run.out / "embedding", steps=run.embedding_steps, batch=run.people, weight_decay=0.1, minutes=None
    )
    fit(own, EmbeddingLearner(network), draw)
    network.cpu()
    _fold(network, mean, std)


@torch.no_grad()
def _pooled(network: ParserNetwork, people: PeopleShards, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    """Pooled features [rows, features] of augmented crops."""
    config = network.config
    maker = CropMaker(people, config.width, config.height, FOR_EMBEDDING)
    found = []
    for first in range(0, len(rows), 50):
        crops = maker.crops(rows[first : first + 50], rng)
        found.append(network.pooled(crops.images, unsure_weights(crops.joints, config.width, config.height, rng)))
    return torch.cat(found)


@torch.no_grad()
def _fold(network: ParserNetwork, mean: Tensor, std: Tensor) -> None:
    """Folds the standardisation of features into the first layer, which then reads raw features."""
    first = network.embedding[0]
    assert isinstance(first, torch.nn.Linear)
    first.weight.div_(std)
    first.bias.sub_(first.weight @ mean)


def losses_of(network: ParserNetwork, crops: ParserCrops) -> dict[str, Tensor]:
    """Losses by name: of the joints' places, of their visibility, of the parts."""
    outputs = network(crops.images)
    visible = crops.joints[..., 2]
    weights = torch.where(visible > 0, 1.0, HIDDEN_WEIGHT) * crops.inside
    surprise = -(_targets(crops.joints, outputs) * outputs.heat).sum((2, 3))
    return {
        "heat": (surprise * weights).sum() / weights.sum().clamp_min(1),
        "seen": F.binary_cross_entropy_with_logits(outputs.seen, visible),
        "parts": F.cross_entropy(outputs.parts, crops.parts, torch.tensor(PART_WEIGHTS, device=crops.images.device)),
    }


def contrastive(embeddings: Tensor, identity: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al., 2020, L_out) of unit embeddings [B, D] and identities [B]."""
    same = torch.eye(len(identity), dtype=torch.bool, device=identity.device)
    alike = (identity[:, None] == identity[None, :]) & ~same
    similarity = embeddings @ embeddings.T / TEMPERATURE
    similarity = similarity.masked_fill(same, -torch.inf)
    log_share = similarity.log_softmax(1).masked_fill(~alike, 0.0)
    return -(log_share.sum(1) / alike.sum(1).clamp_min(1)).mean()


@torch.no_grad()
def measure(network: ParserNetwork, people: PeopleShards, rows: NDArray[np.int64]) -> dict[str, float]:
    """Figures on the photos `rows`, cut as the engine cuts them.

    pck_10, pck_05: share of visible joints within 10 % or 5 % of the longer side of the person's box; seen_accuracy;
    mask_iou; mean_part_iou; rank_1: how often the nearest among one photo per person is the same person's."""
    network.eval()
    config = network.config
    maker = CropMaker(people, config.width, config.height, None)
    distances, visibility, embeddings = [], [], []
    inter, union = np.zeros(config.parts + 1), np.zeros(config.parts + 1)
    for first in range(0, len(rows), 50):
        crops = maker.crops(rows[first : first + 50], np.random.default_rng(0))
        outputs = network(crops.images)
        found = joints(outputs)
        visible = crops.joints[..., 2] > 0
        side = 1.0 / 1.1 * config.height
        distances.append(((found - crops.joints)[..., :2].norm(dim=2) / side)[visible].numpy())
        visibility.append(((found[..., 2] > 0.5) == visible).float().mean(1).numpy())
        read, truth = outputs.parts.argmax(1), crops.parts
        pairs = [(read == part, truth == part) for part in Part] + [(read > 0, truth > 0)]
        inter += [float((a & b).sum()) for a, b in pairs]
        union += [float((a | b).sum()) for a, b in pairs]
        embeddings.append(
            network.embed(crops.images, weights_around(found.numpy(), config.width, config.height)).numpy()
        )
    distance, iou = np.concatenate(distances), inter / np.maximum(union, 1)
    return {
        "pck_10": float((distance < 0.1).mean()),
        "pck_05": float((distance < 0.05).mean()),
        "seen_accuracy": float(np.concatenate(visibility).mean()),
        "mask_iou": float(iou[-1]),
        "mean_part_iou": float(iou[:-1].mean()),
        **{f"iou_{part.name.lower()}": float(iou[part]) for part in Part},
        "rank_1": _rank_1(np.concatenate(embeddings), people.identity[rows]),
        "people": float(len(np.unique(people.identity[rows]))),
        "photos": float(len(rows)),
    }


def _rank_1(embeddings: NDArray[np.float32], identity: NDArray[np.int64]) -> float:
    """Rank-1 with each person's n-th photo as the query, and all people's (n + 1)-th photos as the gallery."""
    groups = [np.flatnonzero(identity == person) for person in np.unique(identity)]
    shots = min(map(len, groups))
    hits = []
    for shot in range(shots):
        queries = embeddings[[group[shot] for group in groups]]
        among = embeddings[[group[(shot + 1) % shots] for group in groups]]
        hits.append(((queries @ among.T).argmax(1) == np.arange(len(groups))).mean())
    return float(np.mean(hits))


def _targets(places: Tensor, outputs: Outputs) -> Tensor:
    """Gaussians around the joints, each summing to 1, on the grid of the heat maps: [B, J, h, w]."""
    rows, columns = outputs.heat.shape[2:]
    x, y = places[..., 0] / STRIDE, places[..., 1] / STRIDE
    across = torch.exp(-((torch.arange(columns, device=places.device) + 0.5 - x[..., None]) ** 2) / (2 * HEAT_SIGMA**2))
    down = torch.exp(-((torch.arange(rows, device=places.device) + 0.5 - y[..., None]) ** 2) / (2 * HEAT_SIGMA**2))
    heat = down[..., :, None] * across[..., None, :]
    return heat / heat.sum((2, 3), keepdim=True).clamp_min(1e-6)


def _split(people: PeopleShards, held_out: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The training photos, and those of the last `held_out` people."""
    last = np.unique(people.identity)[-held_out:]
    unseen = np.isin(people.identity, last)
    return np.flatnonzero(~unseen), np.flatnonzero(unseen)
