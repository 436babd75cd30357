"""BoLID: text, face and body branches over one query; the body is read from all views at once, in front of a damped
background; besides the diffusion loss, two losses compare the predicted picture with the target's joints and with the
prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition
from trainer.losses import agreement_loss, clean_and_noise, keypoint_loss
from trainer.study.methods.base import StudyBase
from trainer.study.methods.critic import Critic
from trainer.study.methods.identity_features import IdentityFeatures
from trainer.study.methods.method import Method, Noised, Resampler, noised, scales_of, side_by_side
from trainer.study.methods.photos import StudyBatch


@dataclass(frozen=True)
class BoLIDOptions:
    """gaussian: whether the body is read with its surroundings damped; body_tokens, face_tokens: what a branch attends
    to; views: how many it is trained with; a, b: weights of L_id (joints) and L_CLIP (words)."""

    gaussian: bool = True
    body_tokens: int = 16
    face_tokens: int = 8
    views: int = 4
    a: float = 0.05
    b: float = 0.02


class BoLID(Method):
    """The critic's features are what L_id and L_CLIP compare; it is frozen and no part of the evaluation."""

    branches: ClassVar[tuple[str, ...]] = ("face", "body")

    def __init__(self, base: StudyBase, critic: Critic | None = None, options: BoLIDOptions = BoLIDOptions()) -> None:
        super().__init__(base)
        self.options = options
        self.views_trained = options.views
        object.__setattr__(self, "critic", critic)
        dim = base.token_dim
        layer = nn.TransformerEncoderLayer(dim, 6, 2 * dim, 0.0, "gelu", batch_first=True, norm_first=True)
        self.aggregate = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.body = Resampler(dim, options.body_tokens)
        self.face = Resampler(dim, options.face_tokens)

    def tokens(self, features: IdentityFeatures) -> dict[str, BranchCondition]:
        tokens = features.weighted if self.options.gaussian else features.body
        views, mask = side_by_side(tokens, features.present)
        joined = self.aggregate(views, src_key_padding_mask=~mask)
        heads, head_mask = side_by_side(features.face, features.face_seen)
        return {
            "face": BranchCondition(scales_of(features.face_seen), self.face(heads, head_mask)),
            "body": BranchCondition(scales_of(features.present), self.body(joined, mask)),
        }

    def forward(self, batch: StudyBatch, generator: torch.Generator) -> dict[str, Tensor]:
        now = noised(batch.clean, self.base.alphas(), generator)
        v = self.predict_batch(batch, now)
        diffusion = self.diffusion(batch, now, v)
        if self.critic is None or (self.options.a == 0 and self.options.b == 0):
            return {"loss": diffusion, "diffusion": diffusion}
        joints, words = self._judged(batch, now, v)
        loss = diffusion + self.options.a * joints + self.options.b * words
        return {"loss": loss, "diffusion": diffusion, "joints": joints, "words": words}

    critic: Critic | None

    def _judged(self, batch: StudyBatch, now: Noised, v: Tensor) -> tuple[Tensor, Tensor]:
        """L_id and L_CLIP of the predictions at times with enough signal (alpha_bar above 0.2)."""
        assert self.critic is not None
        clean, _ = clean_and_noise(now.noisy, v, now.alpha_bar)
        judged = self.critic(clean)
        clear = now.alpha_bar > 0.2
        if not clear.any():
            return v.sum() * 0, v.sum() * 0
        captioned = clear & torch.tensor([bool(caption) for caption in batch.captions], device=v.device)
        words = self.critic.words(*self.base.text(batch.captions))
        joints = keypoint_loss(judged.joints[clear], batch.joints[clear], batch.seen[clear])
        return joints, agreement_loss(judged.picture[captioned], words[captioned]) if captioned.any() else v.sum() * 0
