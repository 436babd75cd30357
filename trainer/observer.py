"""Training the shipped person parser: `python -m trainer observer`. Joints and parts are trained together on synthetic
people, the body's embedding after them. The budget is wall-clock minutes, over which the learning rate decays to zero;
an interrupted run resumes.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.progress import Progress
from torch import Tensor

from engine.identity.network import STRIDE, Outputs, ParserNetwork, joints, save_network
from trainer.files import load_state
from trainer.observer_photos import CropMaker, Likelihoods, ParserCrops, unsure_weights, weights_around
from trainer.shards import PeopleShards, read_shards
from trainer.synthetic.parts import Part
from trainer.version import commit

HIDDEN_WEIGHT: Final = 0.3
"""The weight of an occluded joint inside the crop, whose place is a guess."""
HEAT_SIGMA: Final = 0.8
"""Standard deviation of the target heat maps, in cells."""
PART_WEIGHTS: Final = (0.7, 1.0, 1.0, 1.0, 1.0, 1.5, 1.5, 1.5)
TEMPERATURE: Final = 0.1
LOG_EVERY: Final = 50
FOR_EMBEDDING: Final = Likelihoods(without_person=0.0, turned_far=0.02, grey=0.0, close=0.2, covered=0.1, colour=0.4)


@dataclass(frozen=True)
class ObserverRun:
    """The settings of a training run. `minutes` and `steps` (if given) count across resumptions; the last `held_out`
    people are measured.

    `minutes` train joints and parts; then the embedding's layers are trained on the frozen rest, in `embedding_steps`
    steps with two photos of each of `people` people, every photo augmented in `embedding_rounds` ways."""

    data: Path
    out: Path
    minutes: float
    steps: int | None = None
    embedding_steps: int = 2000
    embedding_rounds: int = 1
    embedding_photos: int | None = None
    batch: int = 24
    people: int = 128
    learning_rate: float = 2e-3
    warmup_steps: int = 50
    held_out: int = 100
    threads: int = 1
    seed: int = 0
    save_every_s: float = 60.0


def train(run: ObserverRun) -> dict[str, float]:
    """Trains, measures on the people held out, writes `out`/observer and returns the figures."""
    torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    run.out.mkdir(parents=True, exist_ok=True)
    people = read_shards(run.data)
    training, unseen = _split(people, run.held_out)
    network = ParserNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    step = _teach_joints_and_parts(run, network, people, training)
    _teach_embedding(run, network, people, training)
    figures = measure(network, people, unseen)
    facts = {"step": step, "minutes": run.minutes, "embedding_steps": run.embedding_steps}
    origin = {"commit": commit(), "data": {name: people.manifest[name] for name in ("hash", "settings", "photos")}}
    save_network(run.out / "observer", network, {**facts, **origin, "held_out": figures})
    return figures


def _teach_joints_and_parts(
    run: ObserverRun, network: ParserNetwork, people: PeopleShards, training: NDArray[np.int64]
) -> int:
    """Trains all but the embedding's layers; the number of steps."""
    learning = [value for name, value in network.named_parameters() if not name.startswith("embedding")]
    optimizer = torch.optim.AdamW(learning, lr=run.learning_rate, weight_decay=0.02)
    step, spent_before = _resume(run.out, network, optimizer)
    rng = np.random.default_rng(run.seed + step)
    maker = CropMaker(people, network.config.width, network.config.height, Likelihoods())
    start = saved = time.monotonic()
    with Progress() as progress:
        bar = progress.add_task("observer", total=60 * run.minutes)
        while (spent_s := spent_before + time.monotonic() - start) < 60 * run.minutes and step != run.steps:
            step += 1
            _set_rate(optimizer, run, step, spent_s / (60 * run.minutes))
            losses = losses_of(network, maker.crops(rng.choice(training, run.batch), rng))
            _learn(optimizer, torch.stack(list(losses.values())).sum(), learning)
            progress.update(bar, completed=spent_s, description=f"observer {step}")
            if step % LOG_EVERY == 0:
                _log(run.out, {"step": step, "s": spent_s, **{name: x.item() for name, x in losses.items()}})
            if time.monotonic() - saved > run.save_every_s:
                saved = time.monotonic()
                _save(run.out, network, optimizer, step, spent_s)
    _save(run.out, network, optimizer, step, spent_before + time.monotonic() - start)
    return step


def _teach_embedding(
    run: ObserverRun, network: ParserNetwork, people: PeopleShards, training: NDArray[np.int64]
) -> None:
    """Trains the embedding's layers alone, on pooled features of some augmented crops of every photo, which are
    computed once, so that a step can compare hundreds of people."""
    rng = np.random.default_rng(run.seed)
    chosen = rng.permutation(training)[: run.embedding_photos]
    rounds = [_pooled(network, people, chosen, rng) for _ in range(run.embedding_rounds)]
    bank, identity = torch.stack(rounds), people.identity[chosen]
    mean, std = bank.mean((0, 1)), bank.std((0, 1)).clamp_min(1e-3)
    bank = (bank - mean) / std
    order = np.argsort(identity, kind="stable")
    starts = np.unique(identity[order], return_index=True)[1]
    groups = [group for group in np.split(order, starts[1:]) if len(group) > 1]
    learning = list(network.embedding.parameters())
    optimizer = torch.optim.AdamW(learning, lr=run.learning_rate, weight_decay=0.1)
    for step in range(1, run.embedding_steps + 1):
        _set_rate(optimizer, run, step, step / run.embedding_steps)
        some = rng.permutation(len(groups))[: run.people]
        rows = np.concatenate([rng.choice(groups[index], 2, replace=False) for index in some])
        pooled = bank[rng.integers(len(rounds), size=len(rows)), rows]
        pooled = F.dropout(pooled, 0.1) + 0.05 * torch.randn_like(pooled)
        loss = contrastive(F.normalize(network.embedding(pooled), dim=1), torch.from_numpy(identity[rows]))
        _learn(optimizer, loss, learning)
        if step % LOG_EVERY == 0:
            _log(run.out, {"embedding_step": step, "embedding": loss.item()})
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


def _set_rate(optimizer: torch.optim.Optimizer, run: ObserverRun, step: int, done: float) -> None:
    """The factor of the learning rate: warm-up over the first steps, then cosine decay; `done`: the spent share of the
    minutes."""
    factor = min(step / run.warmup_steps, 1.0) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    for group in optimizer.param_groups:
        group["lr"] = run.learning_rate * factor


def _learn(optimizer: torch.optim.Optimizer, loss: Tensor, learning: list[torch.nn.Parameter]) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(learning, 2.0)
    optimizer.step()


def losses_of(network: ParserNetwork, crops: ParserCrops) -> dict[str, Tensor]:
    """Losses by name: of the joints' places, of their visibility, of the parts."""
    outputs = network(crops.images)
    visible = crops.joints[..., 2]
    weights = torch.where(visible > 0, 1.0, HIDDEN_WEIGHT) * crops.inside
    surprise = -(_targets(crops.joints, outputs) * outputs.heat).sum((2, 3))
    return {
        "heat": (surprise * weights).sum() / weights.sum().clamp_min(1),
        "seen": F.binary_cross_entropy_with_logits(outputs.seen, visible),
        "parts": F.cross_entropy(outputs.parts, crops.parts, torch.tensor(PART_WEIGHTS)),
    }


def contrastive(embeddings: Tensor, identity: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al., 2020, L_out) of unit embeddings [B, D] and identities [B]."""
    alike = (identity[:, None] == identity[None, :]) & ~torch.eye(len(identity), dtype=torch.bool)
    similarity = embeddings @ embeddings.T / TEMPERATURE
    similarity = similarity.masked_fill(torch.eye(len(identity), dtype=torch.bool), -torch.inf)
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
    across = torch.exp(-((torch.arange(columns) + 0.5 - x[..., None]) ** 2) / (2 * HEAT_SIGMA**2))
    down = torch.exp(-((torch.arange(rows) + 0.5 - y[..., None]) ** 2) / (2 * HEAT_SIGMA**2))
    heat = down[..., :, None] * across[..., None, :]
    return heat / heat.sum((2, 3), keepdim=True).clamp_min(1e-6)


def _split(people: PeopleShards, held_out: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The training photos, and those of the last `held_out` people."""
    last = np.unique(people.identity)[-held_out:]
    unseen = np.isin(people.identity, last)
    return np.flatnonzero(~unseen), np.flatnonzero(unseen)


def _resume(out: Path, network: ParserNetwork, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    """The steps and seconds that an interrupted run has done; 0 and 0 for a new one."""
    path = out / "state.pt"
    if not path.exists():
        return 0, 0.0
    state = load_state(path)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), float(state["spent_s"])


def _save(out: Path, network: ParserNetwork, optimizer: torch.optim.Optimizer, step: int, spent_s: float) -> None:
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent_s": spent_s}
    torch.save(state, out / "state.new")
    (out / "state.new").replace(out / "state.pt")


def _log(out: Path, row: dict[str, Any]) -> None:
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({name: round(value, 4) for name, value in row.items()}) + "\n")
