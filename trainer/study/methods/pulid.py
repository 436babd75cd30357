"""PuLID (Guo et al., 2024): identity tokens that change the base's picture as little as possible, with an identity loss
on a few-step branch that draws from pure noise.

In stages, as in the paper: the diffusion loss alone; then also the identity loss; then also alignment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition, split_heads
from engine.adapter.model import cross_attention_layers
from trainer.losses import agreement_loss, clean_and_noise, layout_alignment, semantic_alignment
from trainer.study.methods.base import StudyBase
from trainer.study.methods.critic import Critic
from trainer.study.methods.identity_features import IdentityFeatures
from trainer.study.methods.method import (
    EncodedPrompts,
    Method,
    Resampler,
    identity_projection,
    over_views,
    scales_of,
    side_by_side,
)
from trainer.study.methods.photos import StudyBatch


@dataclass(frozen=True)
class PuLIDOptions:
    """The first steps of the stages, in calls of the learner; weights of the losses; steps and rows of the branch."""

    identity_from: int = 0
    alignment_from: int = 0
    identity_weight: float = 0.2
    semantic_weight: float = 0.6
    layout_weight: float = 0.1
    branch_steps: int = 4
    branch_rows: int = 6
    identity_tokens: int = 4
    face_tokens: int = 4


class PuLID(Method):
    """Tokens of the identity vector and of the face's features."""

    branches: ClassVar[tuple[str, ...]] = ("face",)
    critic: Critic | None
    calls: Tensor

    def __init__(self, base: StudyBase, critic: Critic | None = None, options: PuLIDOptions = PuLIDOptions()) -> None:
        super().__init__(base)
        self.options = options
        object.__setattr__(self, "critic", critic)
        dim = base.token_dim
        self.project = identity_projection(dim, options.identity_tokens)
        self.face = Resampler(dim, options.face_tokens)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def tokens(self, features: IdentityFeatures) -> dict[str, BranchCondition]:
        identity = self.project(over_views(features.identity, features.face_seen))
        heads, mask = side_by_side(features.face, features.face_seen)
        tokens = torch.cat([identity, self.face(heads, mask)], dim=1)
        return {"face": BranchCondition(scales_of(features.face_seen), tokens)}

    def forward(self, batch: StudyBatch, generator: torch.Generator) -> dict[str, Tensor]:
        losses = super().forward(batch, generator)
        stage, self.calls = int(self.calls), self.calls + 1
        if self.critic is None or stage < self.options.identity_from:
            return losses
        visible = (batch.features.face_seen.any(1) & (batch.known > 0)).nonzero().flatten()[: self.options.branch_rows]
        if not len(visible):
            return losses
        identity, semantic, layout = self._branch(batch, visible, stage >= self.options.alignment_from, generator)
        alignment = self.options.semantic_weight * semantic + self.options.layout_weight * layout
        loss = losses["loss"] + self.options.identity_weight * identity + alignment
        return {
            "loss": loss,
            "diffusion": losses["diffusion"],
            "identity": identity,
            "semantic": semantic,
            "layout": layout,
        }

    def _branch(
        self, batch: StudyBatch, rows: Tensor, aligned: bool, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draws some rows in few steps from pure noise, with and without the identity, the same words and noise."""
        assert self.critic is not None
        features = batch.features.rows(rows)
        with torch.no_grad():
            words = EncodedPrompts(*self.base.text([batch.captions[int(row)] for row in rows]))
        shape = (len(rows), *batch.clean.shape[1:])
        noise = torch.randn(shape, generator=generator, device=batch.clean.device)
        with _queries(self.base) as with_identity:
            clean = self._few_steps(noise, words, features)
        semantic = layout = clean.sum() * 0
        if aligned:
            with torch.no_grad(), _queries(self.base) as without:
                self._few_steps(noise, words, None)
            semantic, layout = self._alignment(with_identity, without, words)
        target = nn.functional.normalize(over_views(features.identity, features.face_seen), dim=-1)
        return agreement_loss(self.critic(clean).identity, target), semantic, layout

    def _few_steps(self, latents: Tensor, words: EncodedPrompts, features: IdentityFeatures | None) -> Tensor:
        """Deterministic DDIM steps (Song et al., 2021) down the schedule; the gradient goes through all of them."""
        alphas = self.base.alphas()
        times = torch.linspace(len(alphas) - 1, 0, self.options.branch_steps + 1).long().tolist()
        clean = latents
        for now, after in pairwise(times):
            at = torch.full((len(latents),), now, device=latents.device)
            v = self.predict(latents, at, words, features, torch.ones(len(latents), device=latents.device))
            clean, noise = clean_and_noise(latents, v, alphas[at])
            next_alpha = alphas[after]
            latents = next_alpha.sqrt() * clean + (1 - next_alpha).sqrt() * noise
        return clean

    def _alignment(self, with_identity: list[Any], without: list[Any], words: EncodedPrompts) -> tuple[Tensor, Tensor]:
        semantic, layout = [], []
        for (layer, query), (_, plain) in zip(with_identity, without, strict=True):
            attention = self.base.unet.get_submodule(layer)
            keys = split_heads(attention.to_k(words.states), attention.heads)
            first, second = (split_heads(q, attention.heads) for q in (query, plain))
            semantic.append(semantic_alignment(first, second, keys))
            layout.append(layout_alignment(first, second))
        return torch.stack(semantic).mean(), torch.stack(layout).mean()


@contextmanager
def _queries(base: StudyBase) -> Iterator[list[tuple[str, Tensor]]]:
    """Collects (layer, queries [B, L, inner_dim]) of every cross-attention call made inside."""
    found: list[tuple[str, Tensor]] = []
    hooks = []
    for name in cross_attention_layers(base.unet):
        layer = name.removesuffix(".processor")
        to_q = base.unet.get_submodule(f"{layer}.to_q")
        hooks.append(to_q.register_forward_hook(lambda _m, _i, out, layer=layer: found.append((layer, out))))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
