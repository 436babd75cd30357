"""Training nano's BackgroundDenoiser: `python -m trainer background`. Names of places -> coarse pictures of them."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from engine.backbones.nano.attributes import NAMES, PLACES, SLOTS
from engine.backbones.nano.background import CONDITIONS, BackgroundDenoiser
from engine.networks import load_network, save_network
from engine.pixels import to_tensor, to_uint8
from trainer.files import load_state
from trainer.loop import TrainConfig, fit
from trainer.nano.store import coarse, write_array
from trainer.precision import fast_precision
from trainer.synthetic.backgrounds import BACKGROUNDS, paint
from trainer.synthetic.render import BLUR
from trainer.version import commit

PAINTED_SIZE: Final = (120, 80)
"""Rows and columns at which backgrounds are painted: twice those of the coarse picture. They are half of a photo's, at
which painting would take fourteen times as long."""
HORIZONS: Final = (0.28, 0.72)
"""The range of the horizon that `trainer.synthetic.backgrounds.paint` has, in heights of the picture."""
FRAMING_CHANCES: Final = (0.6, 0.2, 0.2)
UNSAID: Final = {"place": 0.05, "framing": 0.2}
"""Shares of the rows whose caption does not name the slot."""
CHUNK: Final = 1000
"""Pictures that a process paints at once: less than a minute of one core."""
FITTED_ON: Final = 8000
UNSEEN: Final = 500
"""The first pictures, which are never learned from."""
VALIDATION_TIMES: Final = (0.2, 0.5, 0.8)
SHEET_ROWS: Final = 4
WARMUP_STEPS, SAVE_STEPS, SHEET_STEPS = 100, 200, 1000


@dataclass(frozen=True)
class BackgroundRun:
    """The options of one training run. out: the folder of painted backgrounds, state, log and sheets, and in the end
    `out/background`. painted: the number of different pictures; pictures: the budget across resumptions, with `minutes`
    of training as a second one; workers: processes that paint; start_from: a folder that an earlier run wrote, with
    whose components and weights this run begins."""

    out: Path
    painted: int = 40_000
    pictures: int = 2_000_000
    minutes: float | None = None
    batch: int = 512
    learning_rate: float = 1e-3
    threads: int = 1
    workers: int = 2
    start_from: Path | None = None
    seed: int = 0


def train_background(run: BackgroundRun) -> dict[str, Any]:
    """Paints the missing backgrounds and trains, from the state in `out/state.pt` if there is one. Returns the figures
    on pictures that are never learned from."""
    pictures, values = painted(run)
    torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    if run.start_from is None:
        denoiser = BackgroundDenoiser()
        denoiser.fit(to_tensor(pictures[UNSEEN : UNSEEN + FITTED_ON]))
    else:
        denoiser = load_network(BackgroundDenoiser, run.start_from).train().requires_grad_(True)
    learner = BackgroundLearner(denoiser)
    some = np.array_split(pictures, 1 + len(pictures) // 4096)
    clean = torch.cat([denoiser.encode(to_tensor(part)) for part in some])
    # mirror images double the data: no place has a left or right
    mirror_images = torch.cat([denoiser.encode(to_tensor(np.flip(part, 2).copy())) for part in some])
    validation_set = (clean[:UNSEEN], values[:UNSEEN])
    validation = BackgroundValidation(learner, *validation_set, run.out, run.batch)

    def draw(count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(rng.integers(UNSEEN, len(clean), count))
        row_values = values[rows].clone()
        for name, share in UNSAID.items():
            row_values[torch.from_numpy(rng.random(count) < share), NAMES.index(name)] = 0
        is_mirrored = torch.from_numpy(rng.random(count) < 0.5)[:, None]
        return torch.where(is_mirrored, mirror_images[rows], clean[rows]), row_values

    plan = TrainConfig(
        out=run.out,
        steps=max(run.pictures // run.batch, 1),
        batch=run.batch,
        learning_rate=run.learning_rate,
        warmup_steps=WARMUP_STEPS,
        ema_decay=0.999,
        hold=0.5,
        save_every=SAVE_STEPS,
        validate_every=SHEET_STEPS,
        minutes=run.minutes,
        seed=run.seed,
    )
    fit(plan, learner, draw, validation)
    learner.eval().requires_grad_(False)
    steps = load_state(run.out / "state.pt")["step"]
    facts = {"pictures": steps * run.batch, "commit": commit(), "validation": validation.errors_by_time()}
    save_network(denoiser, run.out / "background", facts)
    return facts


class BackgroundLearner(nn.Module):
    """Call with ((clean, values), generator): returns the squared error of the velocity."""

    def __init__(self, denoiser: BackgroundDenoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        clean, values = (part.to(generator.device) for part in batch)
        normal = torch.randn(len(clean), generator=generator, device=clean.device)
        return {"loss": self.errors(clean, values, torch.sigmoid(normal), generator).mean()}

    def errors(self, clean: Tensor, values: Tensor, time: Tensor, generator: torch.Generator) -> Tensor:
        """The mean squared error of each row [B], for clean components [B, K] at times [B]."""
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        t = time[:, None]
        with fast_precision():
            velocity = self.denoiser(t * clean + (1 - t) * noise, time, values)
        errors: Tensor = (velocity.float() - (clean - noise)).square().mean(1)
        return errors


@dataclass(frozen=True)
class BackgroundValidation:
    """Errors on pictures that are never learned from: clean [n, K], values int64 [n, slots]."""

    learner: BackgroundLearner
    clean: Tensor
    values: Tensor
    out: Path
    batch: int

    def __call__(self, step: int) -> NDArray[np.uint8]:
        """Appends to validation.jsonl and returns a sheet uint8 [H, W, 3]: each place SHEET_ROWS times."""
        line = {"step": step, "pictures": step * self.batch} | self.errors_by_time()
        with (self.out / "validation.jsonl").open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        values = torch.zeros(len(PLACES), len(NAMES), dtype=torch.int64)
        values[:, NAMES.index("place")] = torch.arange(1, 1 + len(PLACES))
        values[:, NAMES.index("framing")] = 1
        rows = []
        for seed in range(SHEET_ROWS):
            backgrounds = to_uint8(
                self.learner.denoiser.draw(values, [seed + 100 * place for place in range(len(PLACES))])
            )
            rows.append(np.concatenate(list(backgrounds), 1))
        return np.concatenate(rows, 0)

    @torch.no_grad()
    def errors_by_time(self) -> dict[str, float]:
        """Errors of the velocity by time."""
        result = {}
        for time in VALIDATION_TIMES:
            noise = torch.Generator().manual_seed(5)
            errors = self.learner.errors(self.clean, self.values, torch.full((len(self.clean),), time), noise)
            result[f"error_{time}"] = float(errors.mean())
        return result


def painted(run: BackgroundRun) -> tuple[NDArray[np.uint8], Tensor]:
    """Coarse backgrounds uint8 [painted, rows, columns, 3] and their values int64 [painted, slots]; they are painted
    once and kept in `out`."""
    run.out.mkdir(parents=True, exist_ok=True)
    numbers = range(-(-run.painted // CHUNK))
    missing = [number for number in numbers if not _chunk(run.out, number).exists()]
    with ProcessPoolExecutor(run.workers, mp_context=get_context("spawn")) as pool:
        tasks = [(run.out, number, run.seed) for number in missing]
        for _ in track(pool.map(_paint_chunk, tasks), "painting", total=len(tasks), disable=not tasks):
            pass
    rows, columns = (side // 2 for side in PAINTED_SIZE)
    pictures = np.concatenate([np.load(_chunk(run.out, number)) for number in numbers])[: run.painted]
    assert pictures.shape[1:] == (rows, columns, 3)
    conditions = np.concatenate([_conditions_of(number, run.seed) for number in numbers])[: run.painted]
    values = torch.zeros(len(pictures), len(NAMES), dtype=torch.int64)
    for name, column in zip(CONDITIONS, conditions.T, strict=True):
        values[:, NAMES.index(name)] = torch.from_numpy(1 + column)
    return pictures, values


def _chunk(out: Path, number: int) -> Path:
    return out / "painted" / f"{number:04d}.npy"


def _conditions_of(number: int, seed: int) -> NDArray[np.int64]:
    """Place and framing of each picture of a chunk [CHUNK, 2]."""
    random = np.random.default_rng([seed, number])
    places = random.integers(len(BACKGROUNDS), size=CHUNK)
    return np.stack([places, random.choice(len(FRAMING_CHANCES), CHUNK, p=FRAMING_CHANCES)], 1)


def _paint_chunk(task: tuple[Path, int, int]) -> None:
    out, number, seed = task
    cv2.setNumThreads(1)
    random = np.random.default_rng([seed, number, 1])
    height, width = PAINTED_SIZE
    pictures = []
    for place, framing in _conditions_of(number, seed):
        blur = BLUR[SLOTS["framing"][framing]]
        horizon = height * random.uniform(*HORIZONS)
        picture = paint(BACKGROUNDS[place], int(random.integers(2**31)), height, width, horizon, blur)
        pictures.append(coarse((255 * picture + 0.5).astype(np.uint8), 2))
    path = _chunk(out, number)
    path.parent.mkdir(exist_ok=True)
    write_array(path, np.stack(pictures))
