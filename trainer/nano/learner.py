"""The learner of nano's denoiser: flow matching with predictions of the clean picture, and validation sheets."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.flow import Prediction, add_noise, coefficients, sample
from engine.backbones.nano.network import LATENT_CHANNELS, PATCH_PX, Conditioning, NanoNetwork, without_features
from engine.identity.body import BodyPart
from engine.pixels import to_tensor
from trainer.nano.batches import Batch, Batches
from trainer.nano.store import Store
from trainer.precision import fast_precision

AT_NOISE: Final = 0.5
"""Share of the rows at time 0, where a sampler begins; the others are logit-normal about TIME_CENTRE (Esser et al.,
2024). Outlines and places are decided at times of .1 to .4: latents vary several times more than the noise does. With a
centre of .8 these times were 7 % of the rows, and pictures stayed blurred (trainer/LOG.md 24)."""
TIME_CENTRE, TIME_SPREAD = -0.3, 1.2
NO_FEATURES, ROUGH_FEATURES = 0.3, 0.5
"""Shares of the rows whose layout has no eyes and no mouth, and whose eyes and mouth are patches about these: predicted
layouts have them so, and the denoiser has to draw them after the photo."""
FEATURES_GROWN_PX, FEATURES_SHIFTED_PX = 2, 3
TIME_MAX: Final = 0.97
FITTED_ON: Final = 1500
"""Photos that the autoencoder's components are taken from."""
VALIDATION_TIMES: Final = (0.0, 0.25, 0.5, 0.75)
SHEET_STEPS: Final = (1, 2, 4, 8)
SHEET_PEOPLE: Final = 12


class NanoLearner(nn.Module):
    """Call with (batch, generator): returns losses, "loss" first. Layouts are those of the photos (teacher forcing)."""

    def __init__(self, network: NanoNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, noise: torch.Generator) -> dict[str, Tensor]:
        batch = batch.to(noise.device)
        batch = replace(batch, layout=with_wrong_features(batch.layout, noise))
        time = times_of(len(batch.picture), noise)
        loss = self.errors(batch, time, noise)
        at_noise = time == 0
        late = loss[~at_noise].detach().sum() / (~at_noise).sum().clamp(min=1)
        early = loss[at_noise].detach().sum() / at_noise.sum().clamp(min=1)
        return {"loss": loss.mean(), "at_noise": early, "later": late}

    def errors(self, batch: Batch, time: Tensor, noise: torch.Generator) -> Tensor:
        """The weighted squared error of each row [B], in units of what the network's output has to be: so all times
        count alike. Channels count by c_out², the error that zeros would leave in the picture: at time 0 coarse
        components are most of it, near time 1 all components are equal shares. With shares of time 0 at all times,
        details had a fifth of their weight where a sampler decides them."""
        clean = self.network.vae.encode(batch.picture).latents
        z0 = torch.randn(clean.shape, generator=noise, device=clean.device)
        return self.prediction_errors(batch, clean, add_noise(clean, z0, time), time)[0]

    def prediction_errors(
        self, batch: Batch, clean: Tensor, z: Tensor, time: Tensor
    ) -> tuple[Tensor, Tensor, Conditioning]:
        """The `errors` [B] of predictions from z [B, C, h, w] at times [B], the predicted latents, the conditioning."""
        with fast_precision():
            conditioning = self.network.condition(*batch.conditions())
            prediction = self.network.predict(z, time, conditioning)
        c = coefficients(time, self.network.spread.view(1, -1, 1, 1))
        target = (clean - c.skip * z) / c.out
        weight = batch.weight / batch.weight.mean()
        visible = c.out.square()
        channels = visible / visible.mean(1, keepdim=True)
        errors: Tensor = (weight * channels * (prediction.output - target).square()).mean((1, 2, 3))
        return errors, prediction.clean, conditioning

    @torch.no_grad()
    def draw(self, batch: Batch, steps: int, seed: int) -> Tensor:
        """Pictures [B, 3, H, W] in [-1, 1] from noise in so many steps."""
        batch = batch.to(self.network.spread.device)
        with fast_precision():
            conditioning = self.network.condition(*batch.conditions())
            conditioning = self.network.cached(conditioning)
        shape = (len(batch.picture), LATENT_CHANNELS, *(side // PATCH_PX for side in batch.picture.shape[2:]))
        source = torch.Generator().manual_seed(seed)

        def noise() -> Tensor:
            return torch.randn(shape, generator=source).to(batch.picture.device)

        def predict(z: Tensor, time: Tensor) -> Prediction:
            with fast_precision():
                return self.network.predict(z, time, conditioning)

        return sample(predict, noise, steps).picture.clamp(-1, 1)


def with_wrong_features(layout: Tensor, noise: torch.Generator) -> Tensor:
    """layout int64 [B, H, W] with the errors that a LayoutPredictor makes at eyes and mouth: see ROUGH_FEATURES."""
    device = layout.device
    chance = torch.rand(len(layout), 1, 1, generator=noise, device=device)
    shifts = torch.randint(2 * FEATURES_SHIFTED_PX + 1, (2,), generator=noise, device=device) - FEATURES_SHIFTED_PX
    bare, features = without_features(layout), layout[:, None] == BodyPart.FACE
    wide_features = F.max_pool2d(features.float(), 2 * FEATURES_GROWN_PX + 1, 1, FEATURES_GROWN_PX)[:, 0]
    shifted_features = wide_features.roll(shifts.tolist(), (1, 2)) > 0
    rough = torch.where(shifted_features & (bare == BodyPart.SKIN), int(BodyPart.FACE), bare)
    return torch.where(chance < NO_FEATURES, bare, torch.where(chance < NO_FEATURES + ROUGH_FEATURES, rough, layout))


def times_of(count: int, noise: torch.Generator) -> Tensor:
    """Training times [count]: see AT_NOISE."""
    normal = torch.randn(count, generator=noise, device=noise.device)
    later = torch.sigmoid(TIME_CENTRE + TIME_SPREAD * normal).clamp(max=TIME_MAX)
    at_noise = torch.rand(count, generator=noise, device=noise.device) < AT_NOISE
    return torch.where(at_noise, torch.zeros_like(later), later)


def fit_autoencoder(store: Store, seed: int = 0) -> NanoAutoencoder:
    """Principal components of the store's photos."""
    rows = np.random.default_rng([seed, 71]).choice(len(store), min(FITTED_ON, len(store)), replace=False)
    vae: NanoAutoencoder = NanoAutoencoder(LATENT_CHANNELS, patch_px=PATCH_PX)
    vae.fit(to_tensor(store.rows("image", np.sort(rows))))
    vae.eval().requires_grad_(False)
    return vae


@dataclass(frozen=True)
class Validation:
    """Pictures of people who are never learned from, and the errors on them, at every call."""

    learner: NanoLearner
    batches: Batches
    out: Path
    pictures_per_step: int

    def __call__(self, step: int) -> NDArray[np.uint8]:
        """Appends to validation.jsonl and returns a sheet uint8 [H, W, 3]: references, photos, body maps, aligned
        texture, then pictures in SHEET_STEPS steps. Nothing is compiled for it: its shapes are others."""
        with torch.compiler.set_stance("force_eager"):
            return self._validate(step)

    def _validate(self, step: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng(5)
        targets = self.batches.targets
        rows = targets[(self.batches.framing[targets] == 0) & self.batches.same_clothes(targets)]
        errors = self._errors(rows[:: max(1, len(rows) // 96)][:96], rng)
        line = {"step": step, "pictures": step * self.pictures_per_step} | errors
        with (self.out / "validation.jsonl").open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        batch = self.batches.of(rows[:: max(1, len(rows) // SHEET_PEOPLE)][:SHEET_PEOPLE], rng)
        return self._sheet(batch)

    @torch.no_grad()
    def _errors(self, rows: NDArray[np.int64], rng: np.random.Generator) -> dict[str, float]:
        result: dict[str, list[float]] = {f"error_{time}": [] for time in VALIDATION_TIMES}
        device = self.learner.network.spread.device
        for start in range(0, len(rows), 16):
            batch = self.batches.of(rows[start : start + 16], rng).to(device)
            for time in VALIDATION_TIMES:
                noise = torch.Generator(device).manual_seed(start)
                errors = self.learner.errors(batch, torch.full((len(batch.picture),), time, device=device), noise)
                result[f"error_{time}"] += errors.tolist()
        return {name: float(np.mean(values)) for name, values in result.items()}

    def _sheet(self, batch: Batch) -> NDArray[np.uint8]:
        store = self.batches.store
        height, width = batch.picture.shape[2:]

        def large(maps: Tensor) -> NDArray[np.uint8]:
            pictures = ((maps.clamp(-1, 1) + 1) * 127.5).byte().permute(0, 2, 3, 1).cpu().numpy()
            return np.stack(
                [cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST) for picture in pictures]
            )

        rows: list[NDArray[Any]] = [store.rows("image", batch.references), store.rows("image", batch.rows)]
        rows += [large(batch.maps.normal), large(batch.appearance.texture[:, :3])]
        rows += [large(self.learner.draw(batch, steps, seed=1)) for steps in SHEET_STEPS]
        return np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)
