"""The sampler that all trained methods share, and their errors on given targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler
from numpy.typing import NDArray
from torch import Tensor

from engine.pixels import to_tensor, to_uint8
from engine.pose import draw_skeleton
from trainer.loop import training_device
from trainer.losses import clean_and_noise, v_target
from trainer.study.methods.base import StudyBase, load_base
from trainer.study.methods.identity_features import Encoders, IdentityFeatures, crops_of, face_points, gather
from trainer.study.methods.method import EncodedPrompts, Method
from trainer.study.methods.photos import VIEWS_MAX
from trainer.study.methods.pose_encoder import skeleton_tensor
from trainer.study.methods.registry import load_encoders, load_method
from trainer.study.methods.request import AS_USUAL, Picture, Request, Variation

BATCH: Final = 32
TIMES: Final = (0.2, 0.4, 0.6, 0.8, 0.95)
"""Shares of the schedule at which the diffusion loss is measured."""


class StudySampler:
    """See trainer.study.methods.request.Sampler."""

    def __init__(self, name: str, base: StudyBase, encoders: Encoders, method: Method) -> None:
        self.name, self.base, self.encoders, self.method = name, base, encoders, method
        self.device = base.unet.device
        self.size = (base.width, base.height)

    @torch.inference_mode()
    def draw(self, requests: Sequence[Request], variation: Variation = AS_USUAL) -> Picture:
        batches = [requests[first : first + BATCH] for first in range(0, len(requests), BATCH)]
        return np.concatenate([self._draw(batch, variation) for batch in batches])

    @torch.inference_mode()
    def errors(self, requests: Sequence[Request], targets: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        batches = [slice(first, first + BATCH) for first in range(0, len(requests), BATCH)]
        of_noise, of_clean = zip(*(self._errors(requests[rows], targets[rows]) for rows in batches), strict=True)
        return np.concatenate(of_noise), np.concatenate(of_clean)

    def _draw(self, requests: Sequence[Request], variation: Variation) -> Picture:
        guided = variation.guidance > 1
        words = self._words([request.prompt for request in requests], guided)
        features = self._features(requests, variation.views)
        scales = self._scales(len(requests), variation)
        pose = self._pose(requests)
        if guided:
            features = features.rows(torch.arange(len(requests), device=self.device).repeat(2))
            scales = {name: torch.cat([torch.zeros_like(scale), scale]) for name, scale in scales.items()}
            pose = None if pose is None else [torch.cat([torch.zeros_like(part), part]) for part in pose]
        scheduler = DDIMScheduler.from_config(self.base.scheduler.config)
        scheduler.set_timesteps(variation.steps, device=self.device)
        latents = self._noise(requests)
        for timestep in scheduler.timesteps:
            doubled = torch.cat([latents, latents]) if guided else latents
            at = torch.full((len(doubled),), int(timestep), device=self.device)
            v = self.method.predict(doubled, at, words, features, scales, pose)
            if guided:
                negative, positive = v.chunk(2)
                v = negative + variation.guidance * (positive - negative)
            latents = scheduler.step(v, timestep, latents).prev_sample
        return to_uint8(self.base.decode(latents))

    def _errors(self, requests: Sequence[Request], targets: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        small = F.interpolate(to_tensor(targets), size=(self.base.height, self.base.width), mode="area")
        clean = self.base.encode(small.to(self.device))
        words = self._words([request.prompt for request in requests], False)
        features, noise = self._features(requests, None), self._noise(requests)
        scales, alphas = self._scales(len(requests), AS_USUAL), self.base.alphas()
        guesses = []
        for share in (*TIMES, 1.0):
            at = torch.full((len(clean),), int(share * (len(alphas) - 1)), device=self.device)
            noisy, _ = v_target(clean, noise, alphas[at])
            v = self.method.predict(noisy, at, words, features, scales, self._pose(requests))
            guesses.append(clean_and_noise(noisy, v, alphas[at]))
        of_noise = torch.stack([(guess - noise).square().mean((1, 2, 3)) for _, guess in guesses[:-1]]).mean(0)
        of_clean = (guesses[-1][0] - clean).square().mean((1, 2, 3))
        return of_noise.double().cpu().numpy(), of_clean.double().cpu().numpy()

    def _words(self, prompts: list[str], guided: bool) -> EncodedPrompts:
        words = EncodedPrompts(*self.base.text(prompts))
        if not guided:
            return words
        nothing = EncodedPrompts(*self.base.text([""] * len(prompts)))
        return EncodedPrompts(torch.cat([nothing.states, words.states]), torch.cat([nothing.pooled, words.pooled]))

    def _features(self, requests: Sequence[Request], views: int | None) -> IdentityFeatures:
        """The target place of the face: that of the pose, else that of the first reference, as in InstantID by
        default."""
        limit = VIEWS_MAX if views is None else views
        limited = [request.references[:limit] for request in requests]
        crops = [crops_of(photo, self.encoders.config) for references in limited for photo in references]
        read = {feature: value.cpu() for feature, value in self.encoders.read(crops).items()}
        index, photos = 0, np.full((len(limited), limit), -1, np.int64)
        for row, references in enumerate(limited):
            photos[row, : len(references)] = range(index, index + len(references))
            index += len(references)
        points = [face_points(_face_pose(request)) for request in requests]
        return gather(read, photos, torch.from_numpy(np.stack(points))).to(self.device)

    def _scales(self, count: int, variation: Variation) -> dict[str, Tensor]:
        on = {"face": variation.face, "body": variation.body}
        return {
            name: torch.full((count,), float(on.get(name, True)), device=self.device) for name in self.method.branches
        }

    def _pose(self, requests: Sequence[Request]) -> list[Tensor] | None:
        """The base's own pose control, the same for every method; None without a pose in the requests."""
        if all(request.pose is None for request in requests):
            return None
        no_joints = np.zeros((17, 3), np.float32)
        skeletons = [
            draw_skeleton(no_joints if request.pose is None else request.pose, self.base.width, self.base.height)
            for request in requests
        ]
        has_pose = torch.tensor([float(request.pose is not None) for request in requests])
        residuals: list[Tensor] = self.base.pose(skeleton_tensor(skeletons).to(self.device), has_pose.to(self.device))
        return residuals

    def _noise(self, requests: Sequence[Request]) -> Tensor:
        shape = (self.base.unet.config.in_channels, *self.base.latent_size)
        seeded = [torch.randn(shape, generator=torch.Generator().manual_seed(r.seed)) for r in requests]
        return torch.stack(seeded).to(self.device)


def _face_pose(request: Request) -> NDArray[np.float32]:
    if request.pose is not None:
        return request.pose
    first = request.references[0]
    height, width = first.image.shape[:2]
    return (first.keypoints / np.array([width, height, 1], np.float32)).astype(np.float32)


def load_sampler(study: Path, name: str) -> StudySampler:
    """A method of a study's folder, with its own copy of the base. Raises CheckpointError where it was not trained."""
    device = training_device()
    base = load_base(study / "base").to(device)
    encoders = load_encoders(study / "encoders").to(device)
    return StudySampler(name, base, encoders, load_method(study / "methods" / name, name, base).to(device))
