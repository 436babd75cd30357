"""Training nano's denoiser with its adapter and text encoder: `python -m trainer train`.

v-prediction on a cosine schedule with zero terminal SNR; all parts but the autoencoder learn together, pose among them.
Words and photos come first: for some minutes the encoders alone learn to foretell the picture's coarse layout and the
person's colours from what they pool, at a fraction of a UNet step's cost, and keep that as a side task later (LOG.md
says why). The budget is wall-clock minutes and the learning rate follows it down to nothing, so a run of any length
ends well; a run that was cut off resumes where it stood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition
from engine.adapter.model import Adapter
from engine.adapter.pose import PoseEncoder
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano import NanoModel, load_model, pool_words
from trainer.data import PAINTED, Batch, Conditions, TrainingPhotos
from trainer.errors import CheckpointError
from trainer.nano import build, train_tokenizer
from trainer.shards import PeopleShards, read_shards
from trainer.state import Course, new_trainer

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


def train(run: TrainingRun) -> None:
    """Trains until the budget is spent; checkpoints every few minutes to `out`, exports `out/nano` at the end.

    Raises DataError without shards, CheckpointError unless exactly one of `autoencoder` and `start_from` is given,
    WeightsError for a `start_from` that is no nano folder.
    """
    torch.manual_seed(run.seed)
    run.out.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    people = read_shards(run.data, run.shards)
    model = _model(run, people)
    trainer = new_trainer(run, model, Denoiser(model))
    photos = TrainingPhotos(people, trainer.model.vae, run.out / "cache", trainer.model.adapter.config)
    trainer.denoiser.to(accelerator.device)
    trainer.denoiser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer.resume()
    if run.restart:
        trainer.spent_s = 0.0
    predict = torch.compile(trainer.denoiser) if run.compile else trainer.denoiser
    alphas = trainer.model.scheduler.alphas_cumprod.to(accelerator.device)
    rng = np.random.default_rng([run.seed, trainer.step])
    encoders_alone = trainer.spent_s < 60 * run.condition_minutes
    with Course(trainer, people.manifest) as course:
        while True:
            if encoders_alone and trainer.spent_s >= 60 * run.condition_minutes:
                encoders_alone, trainer.phase_from = False, trainer.step
            rows = run.batch * (CONDITION_ROWS if encoders_alone else 1)
            batch = photos.batch(rows, Conditions(), run.person_weight, rng)
            loss, layout, colours = _losses(
                predict, trainer.model, batch, None if encoders_alone else alphas, accelerator.device
            )
            side_weight = 1.0 if encoders_alone else SIDE_WEIGHT
            trainer.learn(loss + side_weight * (layout + COLOURS_WEIGHT * colours), accelerator.backward)
            if course.step_done({"loss": loss, "layout": layout, "colours": colours}):
                return


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
