"""Training nano's denoiser with its adapter and text encoder.

v-prediction on a cosine schedule with zero terminal SNR; all parts but the autoencoder learn together, pose among them.
Words and photos come first: for some minutes the encoders alone learn to foretell the picture's coarse layout and the
person's colours from what they pool, at a fraction of a UNet step's cost, and keep that as a side task later (LOG.md
says why). The budget is wall-clock minutes and the learning rate follows it down to nothing, so a run of any length
ends well; a run that was cut off resumes where it stood.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition
from engine.adapter.guide import Draft, Guidance, Guide
from engine.adapter.model import Adapter
from engine.adapter.pose_prior import PosePrior
from engine.adapter.scene_prior import ScenePrior
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano_model import NanoModel, beside, load_model, pool_words, v_of
from trainer.data import PAINTED
from trainer.errors import CheckpointError
from trainer.nano.architecture import build, prior_of, scenes_of, train_tokenizer
from trainer.nano.photos import LEVELS, Batch, Conditions, TrainingPhotos
from trainer.nano.state import Ahead, Course, accelerator_of, new_trainer
from trainer.nano.training_set import TrainingSet
from trainer.people.parts import Part

TEACHER_STEPS = 8
FROM_NOISE = 0.35
ON_THE_WAY = 0.45
"""Shares of the times: pure noise, where nearly all is decided that is told; those that a sampler of TEACHER_STEPS
visits; the others are uniform above TIME_MIN of the schedule. Nobody draws in a hundred steps with so small a model: it
need not know a hundred times equally well."""
TIME_MIN = 0.08
"""The nearly clean times, which a few-step sampler never visits, do not occur."""

CONDITION_ROWS = 3
"""Rows a step while the encoders learn alone, as a multiple of the batch."""

LAYOUT = (6, 4)
SIDE_WEIGHT = 0.5
COLOURS_WEIGHT, ASKED_WEIGHT = 4.0, 0.3
"""The side task: the latent averaged over this grid (rows, columns) and the colour of every part of the person, both
foretold linearly from the pooled conditions; stance and framing, and the place, from the pooled words."""
SAID = ("asked", "place", "styled")
SPREAD_BATCHES = 4
SPREAD_MIN = 1e-3

PARTS_WEIGHT = 0.3
"""Of the part map, read off the UNet's last features: what is where is learned sooner when it is asked for than when it
has to be found out from pixels alone."""


@dataclass(frozen=True)
class TrainingRun:
    """How to train. `minutes` and `steps` (if given) count across resumptions; `person_weight` is extra loss weight.

    The first `condition_minutes` teach the encoders alone. A run that does not resume begins either with random weights
    over the latents of `autoencoder`, or with the nano folder `start_from` and that folder's own autoencoder: a UNet
    knows no other latents. `restart` keeps the weights of `out` but begins the budget anew."""

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
    seed: int = 0
    bfloat16: bool = False
    until: float | None = None


@dataclass(frozen=True)
class Foretold:
    """v [B, C, h, w] and part logits [B, P, 2 h, 2 w], None without noisy latents; layout [B, C, *LAYOUT]; colours [B,
    parts, 3]; asked, place: logits [B, classes]; styled: logits [B]."""

    v: Tensor | None
    parts: Tensor | None
    layout: Tensor
    colours: Tensor
    asked: Tensor
    place: Tensor
    styled: Tensor


class Denoiser(nn.Module):
    """Everything that learns: text encoder, adapter, guide, UNet and the heads of the side tasks."""

    def __init__(self, model: NanoModel) -> None:
        super().__init__()
        self.unet: nn.Module = model.unet
        self.text_encoder: nn.Module = model.text_encoder
        self.adapter: Adapter = model.adapter
        assert model.guide is not None and model.prior is not None and model.scenes is not None
        self.guide: Guide = model.guide
        self.prior: PosePrior = model.prior
        self.scenes: ScenePrior = model.scenes
        self.end: int = model.tokenizer.eos_token_id
        pooled_dim = model.unet.config.projection_class_embeddings_input_dim
        self.layout = nn.Linear(pooled_dim, model.unet.config.out_channels * LAYOUT[0] * LAYOUT[1])
        self.colours = nn.Linear(pooled_dim, 3 * len(PAINTED))
        width = model.unet.config.block_out_channels[0]
        self.parts = nn.Sequential(nn.Conv2d(width, len(Part) * LEVELS**2, 1), nn.PixelShuffle(LEVELS))

    def forward(
        self,
        noisy: Tensor | None,
        timestep: Tensor,
        alpha_bar: Tensor,
        tokens: Tensor,
        face: Tensor,
        body: Tensor,
        scales: Tensor,
        skeleton: Tensor,
        draft: Draft,
        vae: Any,
    ) -> Foretold:
        """noisy [B, C, h, w], timestep and alpha_bar [B], tokens [B, M], crops [B, 3, H, W], scales [2, B] of face and
        body; the rest as `Guide` reads it."""
        text = self.text_encoder(tokens).last_hidden_state
        identity = {
            "face": BranchCondition(scales[0], self.adapter.encoders["face"](face)),
            "body": BranchCondition(scales[1], self.adapter.encoders["body"](body)),
        }
        words = pool_words(text, tokens, self.end)
        pooled = self.adapter.pooled(words, identity)
        layout = self.layout(pooled).unflatten(1, (-1, *LAYOUT))
        colours = self.colours(pooled).unflatten(1, (-1, 3))
        foretold = (layout, colours, self.prior(words), *self.scenes(words))
        if noisy is None:
            return Foretold(None, None, *foretold)
        guidance: Guidance = self.guide(skeleton, draft, vae)
        with _last_features(self.unet) as features:
            output = self.unet(
                beside(noisy, alpha_bar, guidance).contiguous(memory_format=torch.channels_last),
                timestep,
                text,
                class_labels=pooled,
                cross_attention_kwargs={"identity": identity},
                return_dict=False,
            )[0]
        v = v_of(output, noisy, alpha_bar, guidance)
        return Foretold(v, self.parts(features[0]), *foretold)


@contextmanager
def _last_features(unet: nn.Module) -> Iterator[list[Tensor]]:
    """Collects what the last block of the UNet hands to its output convolution, [B, C, h, w]."""
    found: list[Tensor] = []
    hook = unet.get_submodule("conv_norm_out").register_forward_pre_hook(lambda _m, given: found.append(given[0]))
    try:
        yield found
    finally:
        hook.remove()


def train(run: TrainingRun, people: TrainingSet) -> bool:
    """Trains until the budget is spent (True) or it is time to stop (False); checkpoints every few minutes to `out`,
    exports `out/nano` at the end.

    Raises CheckpointError unless exactly one of `autoencoder` and `start_from` is given, WeightsError for a
    `start_from` that is no nano folder.
    """
    torch.manual_seed(run.seed)
    run.out.mkdir(parents=True, exist_ok=True)
    accelerator = accelerator_of(run.bfloat16)
    device = accelerator.device
    model = _model(run, people)
    trainer = new_trainer(run, model, Denoiser(model).to(device))
    vae, config = trainer.model.vae.to(device), trainer.model.adapter.config
    photos = TrainingPhotos(people, vae, model.tokenizer, config, run.out / "cache", device)
    trainer.denoiser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer.resume()
    if run.restart:
        trainer.spent_s = 0.0
    predict = torch.compile(trainer.denoiser) if run.compile else trainer.denoiser
    alphas = trainer.model.scheduler.alphas_cumprod.to(device)
    if trainer.step == 0 and run.start_from is None:
        assert model.guide is not None
        model.guide.spread.copy_(_spread(photos, run))
        trainer.ema["guide.spread"].copy_(model.guide.spread)
    rng = np.random.default_rng([run.seed, trainer.step])
    torch.manual_seed(run.seed * 1_000_003 + trainer.step)
    with Course(trainer, people.manifest) as course:
        for encoders_alone, until_s in ((True, 60 * run.condition_minutes), (False, math.inf)):
            if trainer.spent_s >= until_s:
                continue
            rows = run.batch * (CONDITION_ROWS if encoders_alone else 1)
            with Ahead(partial(photos.batch, rows, Conditions(), run.person_weight, rng)) as batches:
                while trainer.spent_s < until_s:
                    with accelerator.autocast():
                        losses = _losses(predict, batches.next(), vae, None if encoders_alone else alphas)
                    trainer.learn(_sum_of(losses, encoders_alone), accelerator.backward)
                    if course.step_done(losses):
                        return course.finished
            trainer.phase_from = trainer.step
    raise AssertionError("a course ends by itself")


def _sum_of(losses: dict[str, Tensor], encoders_alone: bool) -> Tensor:
    side = losses["layout"] + COLOURS_WEIGHT * losses["colours"] + ASKED_WEIGHT * sum(losses[n] for n in SAID)
    return losses["loss"] + (1.0 if encoders_alone else SIDE_WEIGHT) * side + PARTS_WEIGHT * losses["parts"]


def _model(run: TrainingRun, people: TrainingSet) -> NanoModel:
    if run.start_from is None and run.autoencoder is not None:
        vae = NanoAutoencoder.from_pretrained(run.autoencoder)
        height, width = people.images.shape[1:3]
        tokenizer = _tokenizer(run, people)
        vae.eval().requires_grad_(False)
        return build(tokenizer, vae, width, height, prior_of(people, run.seed), scenes_of(people, run.seed))
    if run.start_from is None or run.autoencoder is not None:
        raise CheckpointError("expected either --autoencoder (random weights) or --start-from (its own autoencoder)")
    model = load_model(run.start_from)
    if model.guide is None or model.prior is None or model.scenes is None:
        raise CheckpointError(f"expected a nano with guide and priors in {run.start_from}, got an older one")
    if model.scenes.places != people.place_names:
        raise CheckpointError(f"expected a nano of the photos' places in {run.start_from}, got another: begin anew")
    for learner in (model.unet, model.text_encoder, model.adapter, model.guide, model.prior, model.scenes):
        assert learner is not None
        learner.train().requires_grad_(True)
    return model


def _tokenizer(run: TrainingRun, people: TrainingSet) -> Any:
    from transformers import CLIPTokenizer

    folder = run.out / "tokenizer"
    if not folder.exists():
        train_tokenizer(t for row in people.words for texts in row.values() for t in texts).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def times_of(size: int, steps: int, device: torch.device) -> Tensor:
    """Times int64 [size] below `steps`: see FROM_NOISE."""
    visited = torch.randint(1, TEACHER_STEPS + 1, (size,), device=device) * steps // TEACHER_STEPS - 1
    anywhere = ((TIME_MIN + (1 - TIME_MIN) * torch.rand(size, device=device)) * steps).long().clamp(max=steps - 1)
    kind = torch.rand(size, device=device)
    later = torch.where(kind < FROM_NOISE + ON_THE_WAY, visited, anywhere)
    return torch.where(kind < FROM_NOISE, torch.full_like(later, steps - 1), later)


@torch.no_grad()
def _spread(photos: TrainingPhotos, run: TrainingRun) -> Tensor:
    """The variance of what drafts lack, by channel [2, C, 1, 1], where they are not doubtful and where they are; over
    some batches without styles, which change all of a picture."""
    rng, plain = np.random.default_rng([run.seed, 61]), Conditions(styled=0.0)
    patch_px = int(photos.vae.config.patch_px)
    sums = shares = torch.zeros((), device=photos.device)
    for _ in range(SPREAD_BATCHES):
        batch = photos.batch(run.batch, plain, run.person_weight, rng)
        lacking = batch.latents - photos.vae.encode(batch.draft.picture).latents * photos.vae.config.scaling_factor
        doubtful = F.avg_pool2d(batch.draft.doubtful, patch_px)
        for_both = torch.stack([1 - doubtful, doubtful])
        sums = sums + (for_both * lacking.square()).sum((1, 3, 4))
        shares = shares + for_both.sum((1, 3, 4))
    return (sums / shares)[..., None, None].clamp(min=SPREAD_MIN)


def _losses(predict: Any, batch: Batch, vae: Any, alphas: Tensor | None) -> dict[str, Tensor]:
    """MSE of v = alpha eps - sigma x0 (Salimans & Ho, 2022) first, then the side tasks'.

    A channel's variance says how much of the picture's squared error an error of it makes; eyes and folds are little of
    that and much of what people look at, so each weighs by the root. Without `alphas` nothing is denoised: the first
    and that of the parts are zero.
    """
    clean = batch.latents
    size, device = len(clean), clean.device
    noisy, timestep, target = None, torch.zeros(size, dtype=torch.long, device=device), clean
    alpha_bar = torch.ones(size, device=device)
    if alphas is not None:
        timestep = times_of(size, len(alphas), device)
        alpha_bar = alphas[timestep]
        alpha, sigma = (root.sqrt()[:, None, None, None] for root in (alpha_bar, 1 - alpha_bar))
        noise = torch.randn_like(clean)
        noisy = alpha * clean + sigma * noise
        target = alpha * noise - sigma * clean
    scales = torch.stack([batch.face_scale, batch.body_scale])
    guide = (batch.skeleton, batch.draft, vae)
    told = predict(noisy, timestep, alpha_bar, batch.tokens, batch.face, batch.body, scales, *guide)
    seen = ~batch.colours.isnan()
    off = torch.where(seen, batch.colours - told.colours, 0.0)  # a NaN under `where` has no gradient
    side = {
        "layout": F.mse_loss(told.layout, F.adaptive_avg_pool2d(clean, LAYOUT)),
        "colours": off.square().sum() / seen.sum().clamp(min=1),
        "asked": F.cross_entropy(told.asked.float(), batch.asked),
        "place": F.cross_entropy(told.place.float(), batch.place),
        "styled": F.binary_cross_entropy_with_logits(told.styled.float(), batch.styled),
    }
    if told.v is None:
        nothing = torch.zeros((), device=device)
        return {"loss": nothing, "parts": nothing} | side
    weight = vae.variances().sqrt() * batch.weight
    denoised = (weight * (told.v - target).square()).mean() / batch.weight.mean()
    return {"loss": denoised, "parts": F.cross_entropy(told.parts, batch.parts)} | side
