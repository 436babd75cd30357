"""Training the base, and validation pictures of a method in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.pixels import to_tensor, to_uint8
from trainer.losses import diffusion_loss, min_snr_weight
from trainer.shards import PeopleShards
from trainer.study.methods.base import StudyBase
from trainer.study.methods.method import MIN_SNR_GAMMA, EncodedPrompts, Method, noised
from trainer.study.methods.photos import StudyBatch, poses_of, reference_of
from trainer.study.methods.request import Request
from trainer.study.methods.sampler import StudySampler


class BaseLearner(nn.Module):
    """The learner of the base, which reads only text and skeletons."""

    base: StudyBase
    method: Method

    def __init__(self, base: StudyBase) -> None:
        super().__init__()
        self.unet, self.text_encoder, self.pose = base.learners()
        for part in base.learners():
            part.train().requires_grad_(True)
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "method", Method(base))

    def forward(self, batch: StudyBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of a batch, "loss" first."""
        now = noised(batch.clean, self.base.alphas(), generator)
        words, pose = EncodedPrompts(*self.base.text(batch.captions)), self.base.pose(batch.skeleton, batch.pose_scale)
        v = self.method.predict(now.noisy, now.timestep, words, None, batch.known, pose)
        loss = diffusion_loss(v, now.target, batch.weight, min_snr_weight(now.alpha_bar, MIN_SNR_GAMMA))
        return {"loss": loss}


class StudyValidation:
    """Call with a step: draws some people in the scenes of their photos."""

    def __init__(self, sampler: StudySampler, people: PeopleShards, count: int) -> None:
        _, firsts = np.unique(people.identity, return_index=True)
        photos = [int(first) for first in firsts[:count]]
        references = [reference_of(people, photo) for photo in photos]
        prompts = [people.captions[photo]["en_scene"] for photo in photos]
        self.sampler = sampler
        self.requests = [
            Request((r,), p, n, poses_of(people)[i])
            for n, (r, p, i) in enumerate(zip(references, prompts, photos, strict=True))
        ]
        width, height = sampler.size
        small = F.interpolate(to_tensor(people.images[photos]), size=(height, width), mode="area")
        self.shown = to_uint8(small)

    def __call__(self, step: int) -> Any:
        """A sheet uint8 [2 H, count W, 3]: the photos, and below them the pictures drawn from them."""
        drawn = self.sampler.draw(self.requests)
        return np.concatenate([np.concatenate(list(self.shown), 1), np.concatenate(list(drawn), 1)])
