"""Few steps without guidance.

A student, which begins as the teacher, learns to reach in one step, predicted once, where `stride` guided steps of the
teacher arrive (progressive distillation, Salimans & Ho, 2022, with guidance folded in, Meng et al., 2023). It learns
along the teacher's own trajectories from pure noise: at exactly the times at which it will draw. Only the UNet and the
adapter's projections learn; what reads words, photos and poses stays as it is and runs once for all steps.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition
from engine.adapter.guide import joined, many
from engine.backbones.nano_model import NanoModel, Told, load_model, pool_words, predict_v
from trainer.errors import CheckpointError
from trainer.nano.architecture import TEXT_TOKENS
from trainer.nano.photos import Batch, Conditions, TrainingPhotos
from trainer.nano.state import Ahead, Course, accelerator_of, new_trainer
from trainer.nano.training_set import TrainingSet

TOLD = Conditions(no_text=0.02, no_identity=0.04, nothing=0.0)
"""What the student is asked for: nearly always with words and a person, as users ask."""

HELD_OUT_SEED = 20_001
PERSON_WEIGHT = 2.0


@dataclass(frozen=True)
class DistilRun:
    """How to distil. `student_steps` are learned, each from `stride` steps of `teacher` at `guidance` (by default its
    own); `batch` counts trajectories, each of which gives `student_steps` rows; `held_out` more measure how close both
    are. The rest is as in TrainingRun."""

    teacher: Path
    out: Path
    minutes: float
    steps: int | None = None
    student_steps: int = 4
    stride: int = 2
    guidance: float | None = None
    batch: int = 6
    learning_rate: float = 2e-4
    warmup_steps: int = 20
    ema_decay: float = 0.98
    held_out: int = 16
    until: float | None = None
    seed: int = 0


def repeated(told: Told, times: int) -> Told:
    """`times` copies, one after the other."""
    return Told(
        told.text.repeat(times, 1, 1),
        told.pooled.repeat(times, 1),
        {name: _joined([branch] * times) for name, branch in told.identity.items()},
        None if told.guide is None else many(told.guide, times),
    )


class Student(nn.Module):
    """What learns: the UNet and the adapter's keys and values."""

    def __init__(self, model: NanoModel) -> None:
        super().__init__()
        self.unet: nn.Module = model.unet.train().requires_grad_(True)
        self.projections = model.adapter.projections.train().requires_grad_(True)


def distil(run: DistilRun, people: TrainingSet) -> dict[str, Any] | None:
    """Distils until the budget is spent, or until it is time to stop (None); resumes; exports `out/nano`, which draws
    in `student_steps` unguided steps.

    Returns, and writes to `out/distil.json`, the mean squared difference between the student's and the teacher's
    finished latents on held-out noise, before and after. Raises CheckpointError where the steps do not divide the
    schedule, WeightsError for a teacher that is no nano folder.
    """
    torch.manual_seed(run.seed)
    run.out.mkdir(parents=True, exist_ok=True)
    accelerator = accelerator_of(False)
    teacher, model = (_placed(load_model(run.teacher), accelerator.device) for _ in range(2))
    guidance = teacher.metadata["sampling"]["guidance"] if run.guidance is None else run.guidance
    schedule = Schedule.of(teacher, run.student_steps * run.stride)
    config, cache = teacher.adapter.config, run.out / "cache"
    photos = TrainingPhotos(people, teacher.vae, teacher.tokenizer, config, cache, accelerator.device)
    _describe(model, teacher, run, guidance)
    trainer = new_trainer(run, model, Student(model))
    trainer.resume()
    held_out = photos.batch(run.held_out, TOLD, 0.0, np.random.default_rng(HELD_OUT_SEED))
    before = _before(run, lambda: _difference(teacher, model, held_out, schedule, run, guidance))
    rng = np.random.default_rng([run.seed, trainer.step])
    make = partial(photos.batch, run.batch, TOLD, PERSON_WEIGHT, rng)
    with Course(trainer, people.manifest) as course, Ahead(make) as batches:
        while True:
            batch = batches.next()
            told = tell(teacher, batch)
            path = trajectory(teacher, told, noise_like(teacher, run.batch), schedule, guidance)
            loss = _loss(model, told, path, schedule, run.stride, batch.weight)
            trainer.learn(loss, accelerator.backward)
            if course.step_done({"loss": loss}):
                break
    if not course.finished:
        return None
    raw = trainer.averaged()
    figures = before | {"after": _difference(teacher, model, held_out, schedule, run, guidance), "step": trainer.step}
    trainer.denoiser.load_state_dict(raw)
    model.metadata["distilled"]["difference"] = figures
    trainer.export(people.manifest)
    (run.out / "distil.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    return figures


@dataclass(frozen=True)
class Schedule:
    """Times of a DDIM sampler; alphas and sigmas [steps + 1]: of every time and of the clean picture at the end."""

    times: Tensor
    alphas: Tensor
    sigmas: Tensor

    @classmethod
    def of(cls, model: NanoModel, steps: int) -> Schedule:
        """The scheduler's own times. Raises CheckpointError where they are not evenly spaced."""
        scheduler = model.scheduler
        total = scheduler.config.num_train_timesteps
        if total % steps:
            raise CheckpointError(f"expected student steps times stride to divide {total}, got {steps}: choose others")
        scheduler.set_timesteps(steps)
        squares = torch.cat([scheduler.alphas_cumprod[scheduler.timesteps], torch.ones(1)])
        device = model.unet.device
        return cls(scheduler.timesteps.to(device), squares.sqrt().to(device), (1 - squares).sqrt().to(device))


def noise_like(model: NanoModel, rows: int) -> Tensor:
    height, width = model.unet.config.sample_size
    return torch.randn(rows, model.unet.config.out_channels, height, width).to(model.unet.device)


@torch.no_grad()
def tell(model: NanoModel, batch: Batch) -> Told:
    """What the batch says, encoded; K and V of the person are left to whoever draws."""
    device = model.unet.device
    text, words = _words(model, batch.tokens)
    identity = {
        name: BranchCondition(scale.to(device), model.adapter.encoders[name](crop.to(device)))
        for name, scale, crop in (
            ("face", batch.face_scale, batch.face),
            ("body", batch.body_scale, batch.body),
        )
    }
    assert model.guide is not None
    guide = model.guide(batch.skeleton, batch.draft, model.vae)
    return Told(text, model.adapter.pooled(words, identity), identity, guide)


@torch.no_grad()
def guided(model: NanoModel, told: Told) -> Told:
    """Twice the rows for classifier-free guidance: the first half is told nothing."""
    assert model.guide is not None and told.guide is not None
    rows, patch = len(told.text), int(model.vae.config.patch_px)
    size = (patch * told.guide.latents.shape[2], patch * told.guide.latents.shape[3])
    blank = model.tokenizer("", padding="max_length", max_length=TEXT_TOKENS, return_tensors="pt").input_ids
    text, words = _words(model, blank.repeat(rows, 1).to(model.unet.device))
    return Told(
        torch.cat([text, told.text]),
        torch.cat([model.adapter.pooled(words, {}), told.pooled]),
        {
            name: _joined([replace(branch, scale=torch.zeros_like(branch.scale)), branch])
            for name, branch in told.identity.items()
        },
        joined(model.guide.of_nothing(rows, size, model.vae), told.guide),
    )


@torch.no_grad()
def trajectory(model: NanoModel, told: Told, noise: Tensor, schedule: Schedule, guidance: float) -> list[Tensor]:
    """The latents [B, C, h, w] at every time of the schedule and, last, the clean ones."""
    told = guided(model, told) if guidance != 1.0 else told
    told = replace(told, identity=model.adapter.cache(told.identity))
    path = [noise]
    for number, time in enumerate(schedule.times):
        if guidance == 1.0:
            v = predict_v(model, path[-1], time, told)
        else:
            negative, positive = predict_v(model, path[-1].repeat(2, 1, 1, 1), time, told).chunk(2)
            v = negative + guidance * (positive - negative)
        path.append(step(path[-1], v, schedule, number, number + 1))
    return path


def step(noisy: Tensor, v: Tensor, schedule: Schedule, start: int, end: int) -> Tensor:
    """DDIM from one number of the schedule to another: x0 = alpha x - sigma v, eps = alpha v + sigma x."""
    alpha, sigma = schedule.alphas[start], schedule.sigmas[start]
    return schedule.alphas[end] * (alpha * noisy - sigma * v) + schedule.sigmas[end] * (alpha * v + sigma * noisy)


def leading(noisy: Tensor, reached: Tensor, schedule: Schedule, start: int, end: int) -> Tensor:
    """The v that `step` needs to get from `noisy` to `reached`."""
    alpha, sigma = schedule.alphas[start], schedule.sigmas[start]
    alpha_end, sigma_end = schedule.alphas[end], schedule.sigmas[end]
    along = alpha_end * alpha + sigma_end * sigma
    return (along * noisy - reached) / (alpha_end * sigma - sigma_end * alpha)


def _loss(
    model: NanoModel, told: Told, path: Sequence[Tensor], schedule: Schedule, stride: int, weight: Tensor
) -> Tensor:
    """MSE of v over all steps of the student, in one batch, weighed as in training: by weight [B, 1, h, w] and by how
    much an error of each channel shows."""
    starts = range(0, len(path) - 1, stride)
    rows = len(path[0])
    noisy = torch.cat([path[start] for start in starts])
    target = torch.cat([leading(path[s], path[s + stride], schedule, s, s + stride) for s in starts])
    times = schedule.times[::stride].repeat_interleave(rows)
    off = predict_v(model, noisy, times, repeated(told, len(starts))) - target
    return (model.vae.variances().sqrt() * weight.repeat(len(starts), 1, 1, 1) * off.square()).mean() / weight.mean()


@torch.no_grad()
def _difference(
    teacher: NanoModel, student: NanoModel, batch: Batch, schedule: Schedule, run: DistilRun, guidance: float
) -> float:
    """MSE between what both draw from the same noise; latents have unit variance on average."""
    told = tell(teacher, batch)
    with torch.random.fork_rng():
        torch.manual_seed(HELD_OUT_SEED)
        noise = noise_like(teacher, len(batch.tokens))
    coarse = Schedule.of(student, run.student_steps)
    wanted = trajectory(teacher, told, noise, schedule, guidance)[-1]
    drawn = trajectory(student, told, noise, coarse, 1.0)[-1]
    return float(F.mse_loss(drawn, wanted))


def _before(run: DistilRun, measure: Any) -> dict[str, float]:
    """Measured once, by the run that began."""
    path = run.out / "before.json"
    if not path.exists():
        path.write_text(json.dumps({"before": measure()}) + "\n", "utf-8")
    figures: dict[str, float] = json.loads(path.read_text("utf-8"))
    return figures


def _describe(model: NanoModel, teacher: NanoModel, run: DistilRun, guidance: float) -> None:
    """How the student draws, and what the teacher's metadata said of the teacher."""
    kept = ("step", "minutes", "commit", "recipe", "sampling")
    origin = {key: teacher.metadata[key] for key in kept if key in teacher.metadata}
    sampling = {"steps": run.student_steps, "guidance": 1.0}
    distilled = {"teacher": origin, "teacher_steps": run.student_steps * run.stride, "teacher_guidance": guidance}
    model.metadata.update(sampling=sampling, distilled=distilled)


def _placed(model: NanoModel, device: torch.device) -> NanoModel:
    for module in model.modules():
        module.to(device)
    model.unet.to(memory_format=torch.channels_last)
    return model


def _words(model: NanoModel, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Token states [B, M, D] and the words pooled [B, D]."""
    states = model.text_encoder(tokens).last_hidden_state
    return states, pool_words(states, tokens, model.tokenizer.eos_token_id)


def _joined(branches: Sequence[BranchCondition]) -> BranchCondition:
    """The rows of all, in order."""
    tokens = [branch.tokens for branch in branches if branch.tokens is not None]
    return BranchCondition(torch.cat([branch.scale for branch in branches]), torch.cat(tokens))
