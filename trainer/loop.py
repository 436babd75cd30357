"""The training loop of the study and of adapters: base, encoders, critic and every method go through it.

The budget is a number of steps, so that two methods can be given the same number of pictures. A resumed run is
bit-equal to an uninterrupted one: weights, optimizer, average, and the states of both random generators are saved.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, send_to_device
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from trainer.errors import CheckpointError
from trainer.files import load_state, replacing
from trainer.optional import open_wandb, optimizer_of

LOG_STEPS = 25
OFF_BY_DEFAULT = {"minutes": None, "momentum": 0.9, "accumulation": 1, "optimizer": "adamw"}
"""Settings that older runs lack, with the values that those runs had: they resume only with these."""


@dataclass(frozen=True)
class TrainConfig:
    """Budget and optimizer settings of one run.

    `batch`: rows per process; `ema_decay`: of the moving average, which is exported."""

    out: Path
    steps: int
    batch: int
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    ema_decay: float = 0.995
    weight_decay: float = 1e-2
    momentum: float = 0.9
    """The first of Adam's betas; lower in adversarial training."""
    hold: float = 0.0
    """The share of the budget at the full learning rate, before the cosine decay."""
    minutes: float | None = None
    """A second budget, of training time: the run, and the decay of the learning rate, end with the one that is spent
    first."""
    save_every: int = 200
    validate_every: int = 0
    seed: int = 0
    compare: str = ""
    """Further facts that the result depends on; a run resumes only where all of them are equal."""
    accumulation: int = 1
    """The number of batches whose gradients are summed in one step."""
    optimizer: Literal["adamw", "adamw8bit"] = "adamw"
    wandb: str = ""
    """The wandb project that also gets the figures; None: none."""

    def stamp(self) -> dict[str, Any]:
        leaves_out = ["out", "save_every", "validate_every", "wandb"]
        leaves_out += [name for name, value in OFF_BY_DEFAULT.items() if getattr(self, name) == value]
        return {key: value for key, value in vars(self).items() if key not in leaves_out}


@dataclass
class TrainState:
    """The state of a run between two steps."""

    learner: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    rng: np.random.Generator
    noise: torch.Generator
    step: int = 0
    spent_s: float = 0.0
    drawn_from: str = ""
    """The state of `rng` before the batch that is prefetched but not used yet."""


Draw = Callable[[int, np.random.Generator], Any]
"""Rows and a random generator -> the learner's arguments before the torch.Generator. Tensors, and objects with a method
`to(device)`, are moved to the learner's device."""


def training_device() -> torch.device:
    """The device that `fit` trains on: this process's GPU where CUDA is visible, else the CPU."""
    device: torch.device = _accelerator().device
    return device


def _accelerator() -> Any:
    return Accelerator(cpu=not torch.cuda.is_available())


def fit(run: TrainConfig, learner: nn.Module, draw: Draw, validate: Callable[[int], Any] | None = None) -> float:
    """Trains `learner`, whose forward(batch, generator) returns a dict with "loss" first, and loads the averaged
    weights into it; returns the seconds of training. A finished run is only loaded.

    Writes state.pt, log.jsonl and TensorBoard events to `run.out`; `validate(step)`, if given, is called every
    `validate_every` steps with the averaged weights in the learner and returns a picture uint8 [H, W, 3]. Raises
    CheckpointError where `run.out` holds a run of other settings."""
    run.out.mkdir(parents=True, exist_ok=True)
    accelerator = _accelerator()
    state = _start(run, learner, accelerator)
    _resume(run, state, accelerator)
    if spent(run, state) < 1:
        _train(run, state, accelerator, draw, validate)
    accelerator.unwrap_model(state.learner).load_state_dict(state.average, strict=False)
    return state.spent_s


def _start(run: TrainConfig, learner: nn.Module, accelerator: Any) -> TrainState:
    learning = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    optimizer = optimizer_of(run.optimizer, learning, run.learning_rate, run.weight_decay, run.momentum)
    rank = accelerator.process_index
    noise = torch.Generator(accelerator.device).manual_seed(run.seed * 1000 + rank)
    learner, optimizer = accelerator.prepare(learner, optimizer)
    names = {name for name, value in accelerator.unwrap_model(learner).named_parameters() if value.requires_grad}
    weights = accelerator.unwrap_model(learner).state_dict()
    average = {name: weights[name].clone() for name in weights if name in names}
    return TrainState(learner, optimizer, average, np.random.default_rng([run.seed, rank]), noise)


def _train(
    run: TrainConfig, state: TrainState, accelerator: Any, draw: Draw, validate: Callable[[int], Any] | None
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    recent: list[dict[str, Tensor]] = []
    main = accelerator.is_main_process
    with (
        Progress(*columns, disable=not main) as progress,
        _Log(run, main) as log,
        ThreadPoolExecutor(1) as ahead,
    ):
        bar = progress.add_task(run.out.name, total=run.steps, completed=state.step)
        batch = _drawn(run, state, draw, ahead)
        while spent(run, state) < 1:
            started = time.monotonic()
            present, batch = batch.result(), _drawn(run, state, draw, ahead)
            losses = _learn(run, state, accelerator, present)
            state.spent_s = _of_first(accelerator, state.spent_s + time.monotonic() - started)
            recent.append(losses)
            progress.update(bar, completed=state.step)
            done = spent(run, state) >= 1
            if done or state.step % LOG_STEPS == 0:
                means = {name: float(torch.stack([row[name] for row in recent]).mean()) for name in recent[0]}
                log.write(state.step, means, state.spent_s)
                progress.update(bar, description=f"{run.out.name} {means['loss']:.4f}")
                recent.clear()
            if done or state.step % run.save_every == 0:
                _save(run, state, accelerator)
            if validate is not None and main and run.validate_every and state.step % run.validate_every == 0:
                log.picture(state.step, _averaged(state, accelerator, validate))


def _of_first(accelerator: Any, seconds: float) -> float:
    """The first process's value: with separate clocks, one process would stop while the others wait for it for ever."""
    if accelerator.num_processes == 1:
        return seconds
    shared = torch.tensor(seconds, dtype=torch.float64, device="cpu")
    return float(broadcast(shared.to(accelerator.device), from_process=0))


def _drawn(run: TrainConfig, state: TrainState, draw: Draw, ahead: ThreadPoolExecutor) -> Future[Any]:
    """The batches of the next step, prepared during the current one."""
    state.drawn_from = json.dumps(state.rng.bit_generator.state)
    return ahead.submit(lambda: [draw(run.batch, state.rng) for _ in range(run.accumulation)])


def _learn(run: TrainConfig, state: TrainState, accelerator: Any, batches: list[Any]) -> dict[str, Tensor]:
    """Runs one step; the means of the losses over its batches."""
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(run, state.step, spent(run, state))
    state.optimizer.zero_grad(set_to_none=True)
    rows: list[dict[str, Tensor]] = []
    for number, batch in enumerate(batches, start=1):
        with nullcontext() if number == len(batches) else accelerator.no_sync(state.learner):
            losses: dict[str, Tensor] = state.learner(send_to_device(batch, accelerator.device), state.noise)
            accelerator.backward(losses["loss"] / len(batches))
        rows.append({name: loss.detach() for name, loss in losses.items()})
    accelerator.clip_grad_norm_(state.learner.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    weights = accelerator.unwrap_model(state.learner).state_dict()
    decay = min(run.ema_decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        torch._foreach_lerp_(list(state.average.values()), [weights[name] for name in state.average], 1 - decay)
    return {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}


def spent(run: TrainConfig, state: TrainState) -> float:
    """The larger of the spent shares of steps and of minutes; from 1 on, the run is finished."""
    timed = 0.0 if run.minutes is None else state.spent_s / (60 * run.minutes)
    return max(state.step / run.steps, timed)


def learning_rate(run: TrainConfig, step: int, budget_share: float) -> float:
    """The factor of the learning rate: warm-up, constant, then cosine decay to a hundredth at the end of the budget."""
    warm = min(1.0, (step + 1) / max(run.warmup_steps, 1))
    share = min(1.0, max(0.0, budget_share - run.hold) / (1 - run.hold))
    return run.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def _averaged(state: TrainState, accelerator: Any, validate: Callable[[int], Any]) -> Any:
    """The result of `validate` with the averaged weights in place of the current ones."""
    learner = accelerator.unwrap_model(state.learner)
    learning = {name: learner.state_dict()[name].clone() for name in state.average}
    learner.load_state_dict(state.average, strict=False)
    picture = validate(state.step)
    learner.load_state_dict(learning, strict=False)
    return picture


def _save(run: TrainConfig, state: TrainState, accelerator: Any) -> None:
    random = {"rng": state.drawn_from, "noise": state.noise.get_state()}
    _write(random | {"step": state.step}, run.out / f"random-{accelerator.process_index}.pt")
    if accelerator.is_main_process:
        state_dict = {
            "learner": accelerator.unwrap_model(state.learner).state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "average": state.average,
            "step": state.step,
            "spent_s": state.spent_s,
            "run": json.dumps(run.stamp(), default=str),
        }
        _write(state_dict, run.out / "state.pt")


def _write(value: dict[str, Any], path: Path) -> None:
    with replacing(path) as draft:
        torch.save(value, draft)


def _resume(run: TrainConfig, state: TrainState, accelerator: Any) -> None:
    path = run.out / "state.pt"
    if not path.exists():
        return
    # with several processes accelerate names the CPU "cpu:0", which torch.load does not know
    device = accelerator.device
    saved = load_state(path, torch.device("cpu") if device.type == "cpu" else device)
    expected = json.dumps(run.stamp(), default=str)
    if saved["run"] != expected:
        raise CheckpointError(
            f"expected a run of {saved['run']} in {run.out}, got {expected}: give another folder or remove it"
        )
    accelerator.unwrap_model(state.learner).load_state_dict(saved["learner"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.average, state.step, state.spent_s = saved["average"], saved["step"], saved["spent_s"]
    random_path = run.out / f"random-{accelerator.process_index}.pt"
    random = load_state(random_path)
    state.rng.bit_generator.state = json.loads(random["rng"])
    state.noise.set_state(random["noise"])


class _Log:
    """Writes log.jsonl, TensorBoard events and, if requested, a wandb run; only in the main process."""

    def __init__(self, run: TrainConfig, active: bool) -> None:
        self.run, self.out, self.active = run, run.out, active
        self.wandb: Any = None

    def __enter__(self) -> _Log:
        if self.active:
            from torch.utils.tensorboard import SummaryWriter

            if self.run.wandb:
                self.wandb = open_wandb(self.run.wandb, self.out, self.run.stamp())
            self.lines = (self.out / "log.jsonl").open("a", buffering=1)
            self.events = SummaryWriter(str(self.out / "tensorboard"))
        return self

    def __exit__(self, *error: object) -> None:
        if self.active:
            self.lines.close()
            self.events.close()
        if self.wandb is not None:
            self.wandb.finish()

    def write(self, step: int, means: dict[str, float], spent_s: float) -> None:
        if self.active:
            self.lines.write(json.dumps({"step": step} | means | {"spent_s": round(spent_s, 1)}) + "\n")
            for name, value in means.items():
                self.events.add_scalar(name, value, step)
            if self.wandb is not None:
                self.wandb.log(means, step=step)

    def picture(self, step: int, picture: Any) -> None:
        """Also writes validation pictures beside the log, for users without TensorBoard."""
        from PIL import Image

        folder = self.out / "validation"
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / f"{step:06d}.png")
        self.events.add_image("validation", picture, step, dataformats="HWC")
