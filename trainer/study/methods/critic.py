"""The critic behind the losses of BoLID and PuLID: joints, face identity and agreement with the prompt from latents.

A small network over latents, trained once on train photos and then frozen. The evaluation never uses it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.losses import agreement_loss, keypoint_loss, matching_loss, v_target
from trainer.study.methods.base import StudyBase
from trainer.study.methods.identity_features import IDENTITY_DIM
from trainer.study.methods.photos import StudyBatch

PICTURE_DIM = 96


@dataclass(frozen=True)
class CriticOutput:
    """joints [B, 17, 2] in 0..1; identity [B, E] and picture [B, P], unit vectors."""

    joints: Tensor
    identity: Tensor
    picture: Tensor


class Critic(nn.Module):
    """Convolutions over latents with three heads, and a projection of pooled words."""

    base: StudyBase

    def __init__(self, base: StudyBase, width: int = 96) -> None:
        super().__init__()
        object.__setattr__(self, "base", base)
        channels = base.unet.config.in_channels
        self.trunk = nn.Sequential(
            _block(channels, width, 1),
            _block(width, width, 1),
            _block(width, 2 * width, 2),
            _block(2 * width, 2 * width, 1),
        )
        rows, columns = base.latent_size
        cells = math.ceil(rows / 2) * math.ceil(columns / 2)
        self.flat = nn.Sequential(nn.Conv2d(2 * width, 32, 1), nn.Flatten(), nn.Linear(32 * cells, 256), nn.GELU())
        self.joints = nn.Linear(256, 34)
        self.identity = nn.Linear(256, IDENTITY_DIM)
        self.picture = nn.Linear(256, PICTURE_DIM)
        self.of_words = nn.Sequential(nn.Linear(base.token_dim, 256), nn.GELU(), nn.Linear(256, PICTURE_DIM))

    def judge(self, latents: Tensor) -> CriticOutput:
        """The outputs for latents [B, C, h, w] of the base's size."""
        features = self.flat(self.trunk(latents))
        return CriticOutput(
            torch.sigmoid(self.joints(features)).view(-1, 17, 2),
            F.normalize(self.identity(features), dim=-1),
            F.normalize(self.picture(features), dim=-1),
        )

    def words(self, states: Tensor, pooled: Tensor) -> Tensor:
        """The base's words -> unit vectors [B, P]; `states` is not read."""
        return F.normalize(self.of_words(pooled), dim=-1)

    def __call__(self, *arguments: object) -> CriticOutput:
        return super().__call__(*arguments)  # type: ignore[no-any-return]

    def forward(self, latents: Tensor) -> CriticOutput:
        return self.judge(latents)


class CriticLearner(nn.Module):
    """Trains a critic on clean and slightly noisy latents, because predicted latents are never quite clean."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, batch: StudyBatch, generator: torch.Generator) -> dict[str, Tensor]:
        noise = torch.randn(batch.clean.shape, generator=generator, device=batch.clean.device)
        strength = 0.3 * torch.rand(len(noise), generator=generator, device=noise.device)
        latents, _ = v_target(batch.clean, noise, 1 - strength)
        judged = self.critic.judge(latents)
        joints = keypoint_loss(judged.joints, batch.joints, batch.seen)
        has_face = batch.features.face_seen[:, 0]
        identity = (
            agreement_loss(judged.identity[has_face], batch.features.identity[has_face, 0])
            if has_face.any()
            else joints * 0
        )
        with torch.no_grad():
            states, pooled = self.critic.base.text(batch.captions)
        words = matching_loss(judged.picture, self.critic.words(states, pooled))
        return {"loss": joints + identity + 0.3 * words, "joints": joints, "identity": identity, "words": words}


def _block(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, stride=stride, padding=1), nn.GroupNorm(8, out), nn.SiLU())
