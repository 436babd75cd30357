"""Training nano's denoiser with its adapter and text encoder: `python -m trainer train`.

v-prediction on a cosine schedule with zero terminal SNR; all parts but the autoencoder learn together, pose among them.
Words and photos come first: for some minutes the encoders alone learn to foretell the picture's coarse layout and the
person's colours from what they pool, at a fraction of a UNet step's cost, and keep that as a side task later (LOG.md
says why). The budget is wall-clock minutes and the learning rate follows it down to nothing, so a run of any length
ends well; a run that was cut off resumes where it stood.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition
from engine.adapter.model import Adapter
from engine.adapter.pose import PoseEncoder
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano import NanoModel, load_model, pool_words, save_model
from trainer.data import PAINTED, Batch, Conditions, TrainingPhotos
from trainer.errors import CheckpointError
from trainer.nano import build, train_tokenizer
from trainer.shards import PeopleShards, read_shards
from trainer.version import commit

NOISE_BIAS = 0.8
TIME_MIN = 0.08
"""Times are TIME_MIN + (1 - TIME_MIN) u ** NOISE_BIAS of the schedule with u uniform: noisy times, where composition is
decided, come more often; the nearly clean ones, which a few-step sampler never visits, not at all."""

CONDITION_ROWS = 3
"""Rows a step while the encoders learn alone, as a multiple of the batch."""

LAYOUT = (6, 4)
SIDE_WEIGHT = 0.5
COLOURS_WEIGHT = 4.0
"""The side task: the latent averaged over this grid (rows, columns) and the colour of every part of the person, both
foretold linearly from the pooled conditions."""


@dataclass(frozen=True)
class TrainingRun:
    """How to train. `minutes` and `steps` (if given) count across resumptions; `person_weight` is extra loss weight.

    The first `condition_minutes` teach the encoders alone. A run that does not resume begins either with random weights
    over the latents of `autoencoder`, or with the nano folder `start_from` and that folder's own autoencoder: a UNet
    knows no other latents. `restart` keeps the weights of `out` but begins the budget anew."""

    data: Path
    autoencoder: Path | None
    out: Path
    minutes: float
    steps: int | None = None
    batch: int = 16
    learning_rate: float = 5e-4
    warmup_steps: int = 200
    ema_decay: float = 0.997
    person_weight: float = 2.0
    compile: bool = False
    condition_minutes: float = 0.0
    restart: bool = False
    start_from: Path | None = None
    shards: int | None = None
    seed: int = 0


class Denoiser(nn.Module):
    """Everything that learns: text encoder, adapter, pose encoder, UNet and the heads of the side tasks."""

    def __init__(self, model: NanoModel) -> None:
        super().__init__()
        self.unet: nn.Module = model.unet
        self.text_encoder: nn.Module = model.text_encoder
        self.adapter: Adapter = model.adapter
        assert model.pose is not None
        self.pose: PoseEncoder = model.pose
        self.end: int = model.tokenizer.eos_token_id
        pooled_dim = model.unet.config.projection_class_embeddings_input_dim
        self.layout = nn.Linear(pooled_dim, model.unet.config.in_channels * LAYOUT[0] * LAYOUT[1])
        self.colours = nn.Linear(pooled_dim, 3 * len(PAINTED))

    def forward(
        self,
        noisy: Tensor | None,
        timestep: Tensor,
        tokens: Tensor,
        face: Tensor,
        body: Tensor,
        skeleton: Tensor,
        scales: Tensor,
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        """noisy [B, C, h, w], timestep [B], tokens [B, M], crops [B, 3, H, W], skeleton [B, 3, H, W], scales [3, B] of
        face, body and pose -> v, layout, colours.

        v [B, C, h, w], None without `noisy`; layout [B, C, *LAYOUT]; colours [B, parts, 3].
        """
        text = self.text_encoder(tokens).last_hidden_state
        identity = {
            "face": BranchCondition(scales[0], self.adapter.encoders["face"](face)),
            "body": BranchCondition(scales[1], self.adapter.encoders["body"](body)),
        }
        pooled = self.adapter.pooled(pool_words(text, tokens, self.end), identity)
        layout = self.layout(pooled).unflatten(1, (-1, *LAYOUT))
        colours = self.colours(pooled).unflatten(1, (-1, 3))
        if noisy is None:
            return None, layout, colours
        kwargs = {"identity": identity}
        v = self.unet(
            noisy,
            timestep,
            text,
            class_labels=pooled,
            cross_attention_kwargs=kwargs,
            down_intrablock_additional_residuals=self.pose(skeleton, scales[2]),
            return_dict=False,
        )[0]
        return v, layout, colours


@dataclass
class Trainer:
    """The mutable state of a run; `save` and `resume` carry all of it over."""

    run: TrainingRun
    model: NanoModel
    denoiser: Denoiser
    optimizer: torch.optim.Optimizer
    ema: dict[str, Tensor]
    step: int = 0
    phase_from: int = 0
    spent_s: float = 0.0

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
        }
        torch.save(state, self.state_path.with_suffix(".tmp"))
        self.state_path.with_suffix(".tmp").replace(self.state_path)

    def resume(self) -> None:
        if not self.state_path.exists():
            return
        state = torch.load(self.state_path, weights_only=True)
        self.denoiser.load_state_dict(state["denoiser"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema, self.step, self.spent_s = state["ema"], state["step"], state["spent_s"]
        self.phase_from = state["phase_from"]

    def learning_rate(self) -> float:
        """Warms up twice: for the encoders, then for the UNet."""
        warm = min(1.0, (self.step - self.phase_from + 1) / self.run.warmup_steps)
        fraction = min(1.0, self.spent_s / (60 * self.run.minutes))
        return self.run.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction)))

    @torch.no_grad()
    def average(self) -> None:
        """EMA with a decay that grows with the step, so that a short run does not keep its random start."""
        decay = min(self.run.ema_decay, (1 + self.step) / (10 + self.step))
        current = self.denoiser.state_dict()
        torch._foreach_lerp_(list(self.ema.values()), [current[name] for name in self.ema], 1 - decay)

    def export(self, manifest: dict[str, Any]) -> Path:
        """Writes the averaged weights as a nano folder under `out/nano`."""
        raw = {name: value.clone() for name, value in self.denoiser.state_dict().items()}
        self.denoiser.load_state_dict(raw | self.ema)
        self.model.metadata.update(
            step=self.step,
            minutes=round(self.spent_s / 60, 1),
            commit=commit(),
            data=manifest,
            recipe={key: str(value) if isinstance(value, Path) else value for key, value in asdict(self.run).items()},
        )
        save_model(self.model, self.run.out / "nano")
        self.denoiser.load_state_dict(raw)
        return self.run.out / "nano"


def train(run: TrainingRun) -> None:
    """Trains until the budget is spent; checkpoints every few minutes to `out`, exports `out/nano` at the end.

    Raises DataError without shards, CheckpointError unless exactly one of `autoencoder` and `start_from` is given,
    WeightsError for a `start_from` that is no nano folder.
    """
    torch.manual_seed(run.seed)
    run.out.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    people = read_shards(run.data, run.shards)
    trainer = _trainer(run, _model(run, people))
    photos = TrainingPhotos(people, trainer.model.vae, run.out / "cache", trainer.model.adapter.config)
    trainer.denoiser.to(accelerator.device)
    trainer.denoiser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer.resume()
    if run.restart:
        trainer.spent_s = 0.0
    predict = torch.compile(trainer.denoiser) if run.compile else trainer.denoiser
    alphas = trainer.model.scheduler.alphas_cumprod.to(accelerator.device)
    rng = np.random.default_rng([run.seed, trainer.step])
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, (run.out / "log.jsonl").open("a", buffering=1) as log:
        bar = progress.add_task("train", total=60 * run.minutes, completed=int(trainer.spent_s))
        last = saved = exported = time.monotonic()
        recent: list[Tensor] = []
        encoders_alone = trainer.spent_s < 60 * run.condition_minutes
        while True:
            if encoders_alone and trainer.spent_s >= 60 * run.condition_minutes:
                encoders_alone, trainer.phase_from = False, trainer.step
            rows = run.batch * (CONDITION_ROWS if encoders_alone else 1)
            batch = photos.batch(rows, Conditions(), run.person_weight, rng)
            for group in trainer.optimizer.param_groups:
                group["lr"] = trainer.learning_rate()
            losses = _losses(predict, trainer.model, batch, None if encoders_alone else alphas, accelerator.device)
            trainer.optimizer.zero_grad(set_to_none=True)
            side_weight = 1.0 if encoders_alone else SIDE_WEIGHT
            accelerator.backward(losses[0] + side_weight * (losses[1] + COLOURS_WEIGHT * losses[2]))
            torch.nn.utils.clip_grad_norm_(trainer.denoiser.parameters(), 1.0)
            trainer.optimizer.step()
            trainer.step += 1
            trainer.average()
            recent.append(torch.stack(losses).detach())
            now = time.monotonic()
            trainer.spent_s, last = trainer.spent_s + now - last, now
            done = trainer.spent_s >= 60 * run.minutes or trainer.step == run.steps
            if done or trainer.step % 25 == 0:
                loss, layout, colours = torch.stack(recent).mean(0).tolist()
                row = {"step": trainer.step, "loss": loss, "layout": layout, "colours": colours}
                row["spent_s"] = round(trainer.spent_s)
                log.write(json.dumps(row) + "\n")
                progress.update(bar, completed=trainer.spent_s, description=f"step {trainer.step} {loss:.4f}")
                recent.clear()
            if done or now - saved > 180:
                trainer.save()
                saved = time.monotonic()
            if done or now - exported > 900:
                trainer.export(people.manifest)
                exported = time.monotonic()
            if done:
                return


def _trainer(run: TrainingRun, model: NanoModel) -> Trainer:
    denoiser = Denoiser(model)
    optimizer = torch.optim.AdamW(
        denoiser.parameters(), lr=run.learning_rate, weight_decay=1e-2, betas=(0.9, 0.99), fused=True
    )
    ema = {name: value.clone() for name, value in denoiser.state_dict().items() if value.is_floating_point()}
    return Trainer(run, model, denoiser, optimizer, ema)


def _model(run: TrainingRun, people: PeopleShards) -> NanoModel:
    if run.start_from is None and run.autoencoder is not None:
        vae = NanoAutoencoder.from_pretrained(run.autoencoder)
        return build(_tokenizer(run, people), vae.eval().requires_grad_(False))
    if run.start_from is None or run.autoencoder is not None:
        raise CheckpointError("expected either --autoencoder (random weights) or --start-from (its own autoencoder)")
    model = load_model(run.start_from)
    if model.pose is None:
        model = replace(model, pose=PoseEncoder.of(model.unet))
    for learner in (model.unet, model.text_encoder, model.adapter, model.pose):
        assert learner is not None
        learner.train().requires_grad_(True)
    return model


def _tokenizer(run: TrainingRun, people: PeopleShards) -> Any:
    from transformers import CLIPTokenizer

    folder = run.out / "tokenizer"
    if not folder.exists():
        phrases = [phrase for copy in people.styled for phrase in copy.phrase.values()]
        train_tokenizer([*(c for row in people.captions for c in row.values()), *phrases]).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def _losses(
    predict: Any, model: NanoModel, batch: Batch, alphas: Tensor | None, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted MSE of v = alpha eps - sigma x0 (Salimans & Ho, 2022), stratified times; MSE of the side tasks.

    Without `alphas` nothing is denoised and the first is zero.
    """
    clean = batch.latents.to(device)
    size = len(clean)
    noisy, timestep, target = None, torch.zeros(size, dtype=torch.long, device=device), clean
    if alphas is not None:
        spread = TIME_MIN + (1 - TIME_MIN) * ((torch.arange(size) + torch.rand(size)) / size) ** NOISE_BIAS
        timestep = (spread * len(alphas)).long().clamp(max=len(alphas) - 1).to(device)
        alpha, sigma = (root.sqrt()[:, None, None, None] for root in (alphas[timestep], 1 - alphas[timestep]))
        noise = torch.randn_like(clean)
        noisy = (alpha * clean + sigma * noise).contiguous(memory_format=torch.channels_last)
        target = alpha * noise - sigma * clean
    tokens = model.tokenizer(
        batch.captions,
        padding="max_length",
        truncation=True,
        max_length=model.text_encoder.config.max_position_embeddings,
        return_tensors="pt",
    ).input_ids.to(device)
    scales = torch.stack([batch.face_scale, batch.body_scale, batch.pose_scale]).to(device)
    crops = (batch.face.to(device), batch.body.to(device), batch.skeleton.to(device))
    v, layout, colours = predict(noisy, timestep, tokens, *crops, scales)
    layout_loss = F.mse_loss(layout, F.adaptive_avg_pool2d(clean, LAYOUT))
    true_colours = batch.colours.to(device)
    seen = ~true_colours.isnan()
    off = torch.where(seen, true_colours - colours, 0.0)  # a NaN under `where` has no gradient
    colours_loss = off.square().sum() / seen.sum().clamp(min=1)
    if v is None:
        return torch.zeros_like(layout_loss), layout_loss, colours_loss
    weight = batch.weight.to(device)
    return (weight * (v - target).square()).mean() / weight.mean(), layout_loss, colours_loss
