"""The judge: a small network that reads pictures of synthetic people, used by no training loss.

For every pixel it says which part of the person (or background) it shows, and for the picture which background it is.
`python -m trainer judge` trains it on validation identities; `gates` measures colours and backgrounds with it.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainer.errors import CheckpointError
from trainer.shards import PeopleShards, pixels, read_shards

SHIPPED_JUDGE = Path(__file__).parent / "weights" / "judge"


class Judge(nn.Module):
    """A U-Net over 4 x 4 pixels with a classifier at its bottom."""

    def __init__(self, parts: int, backgrounds: int, width: int = 40) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(4), _block(48, width))
        self.down = nn.ModuleList(
            [_block(width, 2 * width, 2), _block(2 * width, 3 * width, 2), _block(3 * width, 4 * width, 2)]
        )
        self.up = nn.ModuleList([_block(7 * width, 3 * width), _block(5 * width, 2 * width), _block(3 * width, width)])
        self.parts = nn.Sequential(nn.Conv2d(width, 16 * parts, 1), nn.PixelShuffle(4))
        self.background = nn.Sequential(nn.Linear(4 * width, 4 * width), nn.GELU(), nn.Linear(4 * width, backgrounds))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, 3, H, W] in [-1, 1] -> part logits [B, parts, H, W], background logits [B, backgrounds]."""
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        features = levels.pop()
        background: Tensor = self.background(features.mean((2, 3)))
        for up in self.up:
            features = up(torch.cat([F.interpolate(features, scale_factor=2.0), levels.pop()], 1))
        return self.parts(features), background


def _block(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, stride=stride, padding=1),
        nn.GroupNorm(8, out),
        nn.GELU(),
        nn.Conv2d(out, out, 3, padding=1),
        nn.GroupNorm(8, out),
        nn.GELU(),
    )


@dataclass(frozen=True)
class JudgeRun:
    """How to train the judge, within wall-clock minutes, and steps if given."""

    data: Path
    out: Path
    minutes: float
    steps: int | None = None
    batch: int = 24
    learning_rate: float = 2e-3
    held_out: int = 160
    seed: int = 0


def train(run: JudgeRun) -> dict[str, Any]:
    """Trains on all but the last `held_out` photos, measures on those, writes `out` and returns the figures."""
    torch.manual_seed(run.seed)
    rng = np.random.default_rng(run.seed)
    people = read_shards(run.data)
    names = {"parts": people.manifest["parts"], "backgrounds": people.manifest["backgrounds"]}
    judge = Judge(len(names["parts"]), len(names["backgrounds"])).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(judge.parameters(), lr=run.learning_rate)
    count, start, step = len(people.images) - run.held_out, time.monotonic(), 0
    with Progress() as progress:
        bar = progress.add_task("judge", total=60 * run.minutes)
        while (spent_s := time.monotonic() - start) < 60 * run.minutes and step != run.steps:
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = run.learning_rate * 0.5 * (1 + math.cos(math.pi * spent_s / (60 * run.minutes)))
            rows = rng.integers(count, size=run.batch)
            parts, background = judge(_degraded(people.images[rows], rng))
            loss = F.cross_entropy(parts, torch.from_numpy(people.parts[rows]).long())
            loss = loss + 0.3 * F.cross_entropy(background, torch.from_numpy(people.background[rows]))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            progress.update(bar, completed=spent_s, description=f"judge loss {float(loss.detach()):.3f}")
    figures = _figures(judge, people, count)
    run.out.mkdir(parents=True, exist_ok=True)
    halves = {name: value.half().contiguous() for name, value in judge.state_dict().items()}
    save_file(halves, run.out / "model.safetensors", metadata={"format": "pt"})
    metadata = {**names, "held_out": figures, "minutes": run.minutes, "steps": step, "data": people.manifest}
    (run.out / "metadata.json").write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return figures


def _degraded(images: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """[B, 3, H, W] in [-1, 1], with blur, noise and exposure as in generated pictures."""
    batch = pixels(images)
    if rng.random() < 0.5:
        factor = float(rng.uniform(0.35, 0.9))
        small = F.interpolate(batch, scale_factor=factor, mode="area")
        batch = F.interpolate(small, size=batch.shape[2:], mode="bilinear")
    batch = batch * float(rng.uniform(0.85, 1.15)) + float(rng.uniform(0, 0.12)) * torch.randn_like(batch)
    return batch.clamp(-1, 1).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def _figures(judge: Judge, people: PeopleShards, count: int) -> dict[str, float]:
    judge.eval()
    reading = read(judge, people.images[count:])
    truth = people.parts[count:]
    intersections = [((reading.parts == p) & (truth == p)).sum() for p in range(int(truth.max()) + 1)]
    unions = [((reading.parts == p) | (truth == p)).sum() for p in range(int(truth.max()) + 1)]
    ious = [i / u for i, u in zip(intersections, unions, strict=True) if u > 0]
    return {
        "background_accuracy": float((reading.background == people.background[count:]).mean()),
        "mean_part_iou": float(np.mean(ious)),
        "photos": float(len(truth)),
    }


@dataclass(frozen=True)
class Reading:
    """parts uint8 [n, H, W]; background int64 [n]."""

    parts: NDArray[np.uint8]
    background: NDArray[np.int64]


@torch.no_grad()
def read(judge: Judge, images: NDArray[np.uint8]) -> Reading:
    """What the judge sees on images uint8 [n, H, W, 3]."""
    parts, backgrounds = [], []
    for first in range(0, len(images), 32):
        part_logits, background_logits = judge(pixels(images[first : first + 32]))
        parts.append(part_logits.argmax(1).byte().numpy())
        backgrounds.append(background_logits.argmax(1).numpy())
    return Reading(np.concatenate(parts), np.concatenate(backgrounds))


def load_judge(folder: Path = SHIPPED_JUDGE) -> tuple[Judge, dict[str, Any]]:
    """The trained judge and its metadata (name lists, held-out figures). Raises CheckpointError when absent."""
    if not (folder / "model.safetensors").exists():
        raise CheckpointError(f"expected a judge in {folder}, found none: run python -m trainer judge --out {folder}")
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    judge = Judge(len(metadata["parts"]), len(metadata["backgrounds"]))
    judge.load_state_dict({name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    return judge.eval(), metadata
