"""Validation sheets: reference, target, and the picture that the adapter draws for the target's caption, one row per
person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler
from numpy.typing import NDArray
from torch import Tensor

from engine.pixels import to_uint8
from trainer.adapter.batches import AdapterBatch, PairedPhotos, TrainingRow
from trainer.adapter.cache import CachedPhoto
from trainer.adapter.learner import AdapterLearner
from trainer.adapter.methods import conditions

Picture = NDArray[np.uint8]
GAP_PX = 4


class ValidationSheet:
    """Called with a step: uint8 [H, W, 3]. Every call draws the same people from the same noise."""

    def __init__(self, learner: AdapterLearner, photos: PairedPhotos, vae: Any, scheduler: Any) -> None:
        recipe = learner.recipe
        self.learner, self.photos, self.vae = learner, photos, vae
        self.steps, self.guidance, self.seed = recipe.sheet_steps, recipe.sheet_guidance, recipe.seed
        self.scheduler = scheduler
        people = sorted(photos.people)[: recipe.sheet_people]
        self.rows = [_pair(photos.people[person]) for person in people]

    @torch.inference_mode()
    def __call__(self, step: int) -> Picture:
        device = self.learner.device
        self.vae.to(device)
        bf16 = self.learner.recipe.precision == "bf16"
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            rows = [[*self._given_pictures(row), self._drawn(row)] for row in self.rows]
        self.vae.to("cpu")
        return laid_out(rows)

    def _given_pictures(self, row: TrainingRow) -> list[Picture]:
        """Reference and target, encoded and decoded by the autoencoder."""
        pictures = []
        for photo in (row.references[0], row.target):
            latents = self.photos.cache.tensors(photo, ["latents.mean"])["latents.mean"]
            pictures.append(self._decoded(latents[None].float().to(self.learner.device)))
        return pictures

    def _drawn(self, row: TrainingRow) -> Picture:
        device = self.learner.device
        self.learner.base.unet.to(device)
        encoded = self._encoded(row)
        withheld = self._encoded(replace(row, references=(), caption="empty"))
        scheduler = DDIMScheduler.from_config(self.scheduler.config, clip_sample=False)
        scheduler.set_timesteps(self.steps, device=device)
        noise = torch.Generator().manual_seed(self.seed)
        latents = torch.randn(encoded.mean.shape, generator=noise).to(device) * scheduler.init_noise_sigma
        identity, empty = (conditions(self.learner.branches, photos.references) for photos in (encoded, withheld))
        for timestep in scheduler.timesteps:
            at = timestep.expand(1)
            predicted = self.learner.predicted(latents, at, encoded, identity).float()
            if self.guidance > 1:
                without = self.learner.predicted(latents, at, withheld, empty).float()
                predicted = without + self.guidance * (predicted - without)
            latents = scheduler.step(predicted, timestep, latents).prev_sample
        return self._decoded(latents / self.learner.base.scaling)

    def _encoded(self, row: TrainingRow) -> AdapterBatch:
        return self.photos.encoded([row], [[set() for _ in row.references]]).to(self.learner.device)

    def _decoded(self, latents: Tensor) -> Picture:
        """unscaled [1, C, h, w] -> uint8 [H, W, 3]."""
        with torch.autocast(latents.device.type, enabled=False):
            picture: Picture = to_uint8(self.vae.decode(latents.float(), return_dict=False)[0])[0]
        return picture


def laid_out(rows: list[list[Picture]]) -> Picture:
    """Pictures of any sizes in cells of equal size, on white."""
    height = max(picture.shape[0] for row in rows for picture in row) + GAP_PX
    width = max(picture.shape[1] for row in rows for picture in row) + GAP_PX
    sheet = np.full((height * len(rows), width * max(map(len, rows)), 3), 255, np.uint8)
    for line, row in enumerate(rows):
        for column, picture in enumerate(row):
            top, left = line * height, column * width
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def _pair(photos: list[CachedPhoto]) -> TrainingRow:
    """A person's first photo, and another in the same clothes where there is one; the caption names other clothes."""
    target = photos[0]
    others = photos[1:] or photos
    same = [photo for photo in others if photo.outfit is not None and photo.outfit == target.outfit]
    return TrainingRow(target, ((same or others)[0],), "scene" if same else "full")
