"""What a training run carries from step to step, to disk and back."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import torch
from accelerate import Accelerator
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from engine.backbones.collage_model import NanoModel, save_model
from trainer.files import load_state
from trainer.version import commit

T = TypeVar("T")
LOG_STEPS = 25
SAVE_EVERY_S = 180
EXPORT_EVERY_S = 900
DONE = "done.json"
"""Written when a run's budget is spent."""


def accelerator_of(bfloat16: bool) -> Accelerator:
    """On the GPU, if there is one, in bfloat16 where asked; on a CPU always in float32."""
    cuda = torch.cuda.is_available()
    return Accelerator(cpu=not cuda, mixed_precision="bf16" if bfloat16 and cuda else "no")


class Run(Protocol):
    """What every run has: a folder, a budget in wall-clock minutes, and how fast it learns. A frozen dataclass.

    until: a time.monotonic() at which it stops and saves, wherever it stands (None: only when the budget is spent)."""

    @property
    def out(self) -> Path: ...
    @property
    def minutes(self) -> float: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def ema_decay(self) -> float: ...
    @property
    def until(self) -> float | None: ...


@dataclass
class Trainer:
    """The mutable state of a run; `save` and `resume` carry all of it over. `denoiser` holds all that `learn` teaches;
    companions: what else learns and has a state."""

    run: Run
    model: NanoModel
    denoiser: nn.Module
    optimizer: torch.optim.Optimizer
    ema: dict[str, Tensor]
    step: int = 0
    phase_from: int = 0
    spent_s: float = 0.0
    companions: dict[str, Any] = field(default_factory=dict)

    @property
    def state_path(self) -> Path:
        return self.run.out / "state.pt"

    def save(self) -> None:
        state = {
            "denoiser": self.denoiser.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.ema,
            "step": self.step,
            "phase_from": self.phase_from,
            "spent_s": self.spent_s,
            "companions": {name: companion.state_dict() for name, companion in self.companions.items()},
        }
        torch.save(state, self.state_path.with_suffix(".tmp"))
        self.state_path.with_suffix(".tmp").replace(self.state_path)

    def resume(self) -> None:
        if not self.state_path.exists():
            return
        place = next(self.denoiser.parameters()).device
        state = load_state(self.state_path, place)
        self.denoiser.load_state_dict(state["denoiser"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema, self.step, self.spent_s = state["ema"], state["step"], state["spent_s"]
        self.phase_from = state["phase_from"]
        for name, companion in self.companions.items():
            companion.load_state_dict(state["companions"][name])

    def learning_rate(self) -> float:
        """Warms up twice: for the encoders, then for the UNet."""
        warm = min(1.0, (self.step - self.phase_from + 1) / self.run.warmup_steps)
        fraction = min(1.0, self.spent_s / (60 * self.run.minutes))
        return self.run.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction)))

    def learn(self, loss: Tensor, backward: Any) -> None:
        """One optimizer step on `loss`, whose gradients `backward` takes, and one of the average."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.zero_grad(set_to_none=True)
        backward(loss)
        torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self._average()

    @torch.no_grad()
    def _average(self) -> None:
        """EMA with a decay that grows with the step, so that a short run does not keep its random start."""
        decay = min(self.run.ema_decay, (1 + self.step) / (10 + self.step))
        current = self.denoiser.state_dict()
        torch._foreach_lerp_(list(self.ema.values()), [current[name] for name in self.ema], 1 - decay)

    def averaged(self) -> dict[str, Tensor]:
        """Puts the averaged weights in and returns those that were there, for `denoiser.load_state_dict`."""
        raw = {name: value.clone() for name, value in self.denoiser.state_dict().items()}
        self.denoiser.load_state_dict(raw | self.ema)
        return raw

    def export(self, manifest: dict[str, Any]) -> Path:
        """Writes the averaged weights as a nano folder under `out/nano`."""
        raw = self.averaged()
        self.model.metadata.update(
            step=self.step,
            minutes=round(self.spent_s / 60, 1),
            commit=commit(),
            data=manifest,
            recipe={key: value for key, value in vars(self.run).items() if not isinstance(value, Path)},
        )
        save_model(self.model, self.run.out / "nano")
        self.denoiser.load_state_dict(raw)
        return self.run.out / "nano"


class Ahead(Generic[T]):
    """Makes the next of something while the last is learned from: `with Ahead(make) as batches: batches.next()`.

    One is made at a time, in the order of the calls, so what a seeded `make` gives does not depend on it; whatever it
    raises comes out of `next`."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._thread = make, ThreadPoolExecutor(1)
        self._next = self._thread.submit(make)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def next(self) -> T:
        """The next one, waited for where it is not there yet."""
        made = self._next.result()
        self._next = self._thread.submit(self._make)
        return made


def new_trainer(run: Run, model: NanoModel, denoiser: nn.Module) -> Trainer:
    """With AdamW over what of `denoiser` is not frozen, and an average that starts as it is."""
    learning = [parameter for parameter in denoiser.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=run.learning_rate, weight_decay=1e-2, betas=(0.9, 0.99), fused=True)
    ema = {name: value.clone() for name, value in denoiser.state_dict().items() if value.is_floating_point()}
    return Trainer(run, model, denoiser, optimizer, ema)


class Course:
    """Minds a run's clock, log and checkpoints: `with Course(...) as course: while not course.step_done(...)`.

    Writes a line to `out/log.jsonl` every LOG_STEPS steps, the state every few minutes, and exports now and then and at
    the end.
    """

    def __init__(self, trainer: Trainer, manifest: dict[str, Any]) -> None:
        self.trainer, self.manifest = trainer, manifest
        self.budget_s = 60 * trainer.run.minutes
        self.recent: list[dict[str, Tensor]] = []
        self.finished = False

    def __enter__(self) -> Self:
        self.last = self.saved = self.exported = time.monotonic()
        self.log = (self.trainer.run.out / "log.jsonl").open("a", buffering=1)
        self.progress = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self.bar = self.progress.add_task("train", total=self.budget_s, completed=int(self.trainer.spent_s))
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()
        self.log.close()

    def step_done(self, losses: dict[str, Tensor]) -> bool:
        """Counts the step; True when it is time to stop and all is on disk. `finished` then says whether the budget is
        spent, or only this call's time."""
        trainer, now = self.trainer, time.monotonic()
        trainer.spent_s, self.last = trainer.spent_s + now - self.last, now
        steps = trainer.run.steps
        self.finished = trainer.spent_s >= self.budget_s or (steps is not None and trainer.step >= steps)
        done = self.finished or (trainer.run.until is not None and now >= trainer.run.until)
        self.recent.append({name: loss.detach() for name, loss in losses.items()})
        if done or trainer.step % LOG_STEPS == 0:
            self._write()
        if done or now - self.saved > SAVE_EVERY_S:
            trainer.save()
            self.saved = time.monotonic()
        if done or now - self.exported > EXPORT_EVERY_S:
            trainer.export(self.manifest)
            self.exported = time.monotonic()
        if self.finished:
            (trainer.run.out / DONE).write_text(json.dumps({"step": trainer.step}) + "\n", "utf-8")
        return done

    def _write(self) -> None:
        means = {name: float(torch.stack([row[name] for row in self.recent]).mean()) for name in self.recent[0]}
        row = {"step": self.trainer.step} | means | {"spent_s": round(self.trainer.spent_s)}
        self.log.write(json.dumps(row) + "\n")
        loss = next(iter(means.values()))
        self.progress.update(
            self.bar, completed=self.trainer.spent_s, description=f"step {self.trainer.step} {loss:.4f}"
        )
        self.recent.clear()
