"""Training nano's denoiser with its adapter and text encoder.

It draws the picture from any point of the way between a draft and it (`engine.adapter.bridge`); all parts but the
autoencoder learn together.
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
from engine.adapter.bridge import TIMES, beside, clean_of, on_the_way
from engine.adapter.guide import Draft, Guidance, Guide
from engine.adapter.model import Adapter
from engine.adapter.pose_prior import PosePrior
from engine.adapter.scene_prior import ScenePrior
from engine.adapter.stand_in import StandIns
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.collage_model import NanoModel, load_model, pool_words
from trainer.collage.architecture import build, prior_of, scenes_of, stand_ins_of, train_tokenizer
from trainer.collage.photos import LEVELS, Batch, Conditions, TrainingPhotos
from trainer.collage.state import Ahead, Course, accelerator_of, new_trainer
from trainer.collage.training_set import TrainingSet
from trainer.errors import CheckpointError
from trainer.synthetic.parts import Part

STEPS = 4
AT_THE_DRAFT = 0.6
ON_THE_WAY = 0.3
"""Shares of the times: 1, where there is the draft and nearly all is decided; the others that a sampler of STEPS
visits; the rest are uniform."""

CONDITION_ROWS = 3
"""Rows a step while the encoders learn alone, as a multiple of the batch."""

LAYOUT = (6, 4)
SIDE_WEIGHT = 0.5
COLOURS_WEIGHT, ASKED_WEIGHT = 4.0, 0.3
"""The side task: the latent averaged over this grid (rows, columns) and the colour of every part of the person, both
foretold linearly from the pooled conditions; stance and framing, and the place, from the pooled words."""
SAID = ("asked", "place", "styled", "woman")
SPREAD_BATCHES = 4
SPREAD_MIN = 1e-3

EDGES_WEIGHT = 1.0
PIXELS_WEIGHT = 8.0
"""Of the picture's error against the side tasks', and in it of that of neighbouring pixels' differences."""

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
    """clean [B, C, h, w] and part logits [B, P, 2 h, 2 w], None without a picture to draw; layout [B, C, *LAYOUT];
    colours [B, parts, 3]; asked, place: logits [B, classes]; woman, styled: logits [B]."""

    clean: Tensor | None
    parts: Tensor | None
    layout: Tensor
    colours: Tensor
    woman: Tensor
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
        assert model.prior is not None and model.scenes is not None and model.stand_ins is not None
        self.guide: Guide = model.guide
        self.prior: PosePrior = model.prior
        self.scenes: ScenePrior = model.scenes
        self.end: int = model.tokenizer.eos_token_id
        pooled_dim = model.unet.config.projection_class_embeddings_input_dim
        self.layout = nn.Linear(pooled_dim, model.unet.config.out_channels * LAYOUT[0] * LAYOUT[1])
        width = model.unet.config.block_out_channels[0]
        self.parts = nn.Sequential(nn.Conv2d(width, len(Part) * LEVELS**2, 1), nn.PixelShuffle(LEVELS))
        self.stand_ins: StandIns = model.stand_ins

    def forward(
        self,
        picture: Tensor | None,
        time: Tensor,
        noise: Tensor,
        tokens: Tensor,
        face: Tensor,
        body: Tensor,
        scales: Tensor,
        skeleton: Tensor,
        draft: Draft,
        vae: Any,
    ) -> Foretold:
        """picture, noise [B, C, h, w], time [B] in 0..1, tokens [B, M], crops [B, 3, H, W], scales [2, B] of face and
        body; the rest as `Guide` reads it. The UNet sees the picture as far as at that time."""
        text = self.text_encoder(tokens).last_hidden_state
        identity = {
            "face": BranchCondition(scales[0], self.adapter.encoders["face"](face)),
            "body": BranchCondition(scales[1], self.adapter.encoders["body"](body)),
        }
        words = pool_words(text, tokens, self.end)
        pooled = self.adapter.pooled(words, identity)
        layout = self.layout(pooled).unflatten(1, (-1, *LAYOUT))
        foretold = (layout, *self.stand_ins(pooled), self.prior(words), *self.scenes(words))
        if picture is None:
            return Foretold(None, None, *foretold)
        guidance: Guidance = self.guide(skeleton, draft, vae)
        latents = on_the_way(picture, time, guidance, noise)
        with _last_features(self.unet) as features:
            output = self.unet(
                beside(latents, time, guidance).contiguous(memory_format=torch.channels_last),
                TIMES * time,
                text,
                class_labels=pooled,
                cross_attention_kwargs={"identity": identity},
                return_dict=False,
            )[0]
        clean = clean_of(output, latents, time, guidance)
        return Foretold(clean, self.parts(features[0]), *foretold)


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
    vae = trainer.model.vae.to(device)
    photos = TrainingPhotos(people, trainer.model, run.out / "cache")
    trainer.denoiser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer.resume()
    if run.restart:
        trainer.spent_s = 0.0
    predict = torch.compile(trainer.denoiser) if run.compile else trainer.denoiser
    if trainer.step == 0 and run.start_from is None:
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
                        losses = _losses(predict, batches.next(), vae, encoders_alone)
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
        own = (prior_of(people, run.seed), scenes_of(people, run.seed), stand_ins_of(people, run.seed))
        return build(tokenizer, vae, width, height, *own)
    if run.start_from is None or run.autoencoder is not None:
        raise CheckpointError("expected either --autoencoder (random weights) or --start-from (its own autoencoder)")
    model = load_model(run.start_from)
    if model.prior is None or model.scenes is None or model.stand_ins is None:
        raise CheckpointError(f"expected a nano with priors in {run.start_from}, got an older one")
    if model.scenes.places != people.place_names:
        raise CheckpointError(f"expected a nano of the photos' places in {run.start_from}, got another: begin anew")
    for learner in (
        model.unet,
        model.text_encoder,
        model.adapter,
        model.guide,
        model.prior,
        model.scenes,
        model.stand_ins,
    ):
        assert learner is not None
        learner.train().requires_grad_(True)
    return model


def _tokenizer(run: TrainingRun, people: TrainingSet) -> Any:
    from transformers import CLIPTokenizer

    folder = run.out / "tokenizer"
    if not folder.exists():
        train_tokenizer(t for row in people.words for texts in row.values() for t in texts).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def times_of(size: int, device: torch.device) -> Tensor:
    """Times [size] in 0..1: see AT_THE_DRAFT."""
    visited = torch.randint(1, STEPS, (size,), device=device) / STEPS
    kind = torch.rand(size, device=device)
    later = torch.where(kind < AT_THE_DRAFT + ON_THE_WAY, visited, torch.rand(size, device=device))
    return torch.where(kind < AT_THE_DRAFT, torch.ones_like(later), later)


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
    return (sums / shares.clamp(min=1))[..., None, None].clamp(min=SPREAD_MIN)


def _losses(predict: Any, batch: Batch, vae: NanoAutoencoder, encoders_alone: bool) -> dict[str, Tensor]:
    """The picture's error first, then the side tasks'. The encoders alone draw nothing: the first and that of the parts
    are zero."""
    size, device = len(batch.latents), batch.latents.device
    time, noise = times_of(size, device), torch.randn_like(batch.latents)
    picture = None if encoders_alone else batch.latents
    scales = torch.stack([batch.face_scale, batch.body_scale])
    guide = (batch.skeleton, batch.draft, vae)
    told = predict(picture, time, noise, batch.tokens, batch.face, batch.body, scales, *guide)
    seen = ~batch.colours.isnan()
    off = torch.where(seen, batch.colours - told.colours, 0.0)  # a NaN under `where` has no gradient
    side = {
        "layout": F.mse_loss(told.layout, F.adaptive_avg_pool2d(batch.latents, LAYOUT)),
        "colours": off.square().sum() / seen.sum().clamp(min=1),
        "woman": F.binary_cross_entropy_with_logits(told.woman.float(), batch.woman),
        "asked": F.cross_entropy(told.asked.float(), batch.asked),
        "place": F.cross_entropy(told.place.float(), batch.place),
        "styled": F.binary_cross_entropy_with_logits(told.styled.float(), batch.styled),
    }
    if told.clean is None:
        nothing = torch.zeros((), device=device)
        return {"loss": nothing, "parts": nothing} | side
    drawn, photo = (decoded(vae, latents) for latents in (told.clean, batch.latents))
    return {
        "loss": picture_error(drawn, photo, batch.weight),
        "parts": F.cross_entropy(told.parts, batch.parts),
    } | side


def picture_error(drawn: Tensor, photo: Tensor, weight: Tensor) -> Tensor:
    """L1 of pixels [B, 3, H, W] and of the differences between neighbours, which keep edges; weight [B, 1, h, w].

    Squared, brightness would drown eyes and folds."""
    off = (drawn - photo).float()
    weight = F.interpolate(weight, size=off.shape[2:])
    edges = (weight[:, :, 1:] * off.diff(dim=2).abs()).mean() + (weight[..., 1:] * off.diff(dim=3).abs()).mean()
    return PIXELS_WEIGHT * ((weight * off.abs()).mean() + EDGES_WEIGHT * edges) / weight.mean()


def decoded(vae: NanoAutoencoder, latents: Tensor) -> Tensor:
    """Pictures [B, 3, H, W], nominally in [-1, 1]."""
    with torch.autocast(latents.device.type, enabled=False):  # half precision would round edges away
        return vae.decode(latents.float() / vae.config.scaling_factor).sample
