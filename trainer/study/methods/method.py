"""The base class of all methods: branches on the frozen base, the diffusion loss, and one call to the UNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn

from engine.adapter.attention import BranchCondition
from engine.adapter.model import BranchLayers, cross_attention_layers
from trainer.losses import diffusion_loss, min_snr_weight, v_target
from trainer.study.methods.base import StudyBase
from trainer.study.methods.identity_features import IDENTITY_DIM, IdentityFeatures
from trainer.study.methods.photos import StudyBatch

NOISE_BIAS: Final = 0.8
TIME_MIN: Final = 0.02
"""Times are TIME_MIN + (1 - TIME_MIN) u ** NOISE_BIAS of the schedule, u uniform and stratified over the batch."""
MIN_SNR_GAMMA: Final = 5.0


@dataclass(frozen=True)
class Noised:
    """noisy, target (v), noise [B, C, h, w]; timestep, alpha_bar [B]."""

    noisy: Tensor
    target: Tensor
    timestep: Tensor
    alpha_bar: Tensor


@dataclass(frozen=True)
class EncodedPrompts:
    """states [B, M, D], pooled [B, D]."""

    states: Tensor
    pooled: Tensor


def noised(clean: Tensor, alphas: Tensor, generator: torch.Generator) -> Noised:
    """Latents at random times of the schedule alphas [T]."""
    size = len(clean)
    share = torch.rand(size, generator=generator, device=clean.device)
    uniform = (torch.arange(size, device=clean.device) + share) / size
    spread = TIME_MIN + (1 - TIME_MIN) * uniform**NOISE_BIAS
    timestep = (spread * len(alphas)).long().clamp(max=len(alphas) - 1)
    noise = torch.randn(clean.shape, generator=generator, device=clean.device)
    noisy, target = v_target(clean, noise, alphas[timestep])
    return Noised(noisy, target, timestep, alphas[timestep])


class Method(nn.Module):
    """A method on its base. Subclasses give `tokens`; those with more than attention also `controls` or `forward`.

    The base is not among the method's parameters: it is frozen, and saved once."""

    branches: ClassVar[tuple[str, ...]] = ()
    views_trained: int = 4
    base: StudyBase

    def __init__(self, base: StudyBase) -> None:
        super().__init__()
        object.__setattr__(self, "base", base)
        self.layers = BranchLayers(base.token_dim, cross_attention_layers(base.unet), self.branches)
        self.pooled = nn.ModuleDict({name: _zero(nn.Linear(base.token_dim, base.token_dim)) for name in self.branches})
        if self.branches:
            self.layers.begin_as_text(base.unet)
            self.layers.attach(base.unet)

    def tokens(self, features: IdentityFeatures) -> dict[str, BranchCondition]:
        """The tokens that each branch attends to, with scale 1 where the photos show the region."""
        return {}

    def controls(
        self, noisy: Tensor, timestep: Tensor, identity: dict[str, BranchCondition], features: IdentityFeatures
    ) -> dict[str, Any]:
        """More keyword arguments for the UNet."""
        return {}

    def predict(
        self,
        noisy: Tensor,
        timestep: Tensor,
        words: EncodedPrompts,
        features: IdentityFeatures | None,
        scales: dict[str, Tensor] | Tensor,
        pose: list[Tensor] | None = None,
    ) -> Tensor:
        """v [B, C, h, w]. scales: [B] for all branches, or by branch; without features, or a branch, the base alone."""
        kwargs: dict[str, Any] = {}
        pooled = words.pooled
        if features is not None and self.branches:
            identity = {
                name: BranchCondition(
                    condition.scale * (scales if isinstance(scales, Tensor) else scales[name]),
                    condition.tokens,
                    mask=condition.mask,
                )
                for name, condition in self.tokens(features).items()
            }
            pooled = pooled + self._pooled(identity)
            kwargs = self.controls(noisy, timestep, identity, features)
            kwargs["cross_attention_kwargs"] = {"identity": identity}
        if pose is not None:
            kwargs["down_intrablock_additional_residuals"] = list(pose)
        v: Tensor = self.base.unet(noisy, timestep, words.states, class_labels=pooled, return_dict=False, **kwargs)[0]
        return v

    def _pooled(self, identity: dict[str, BranchCondition]) -> Tensor:
        """The vectors that the branches add to the pooled text embedding [B, D].

        The base reads the text twice, by attention and pooled into the time embedding. It reads the tokens of methods
        in the same two ways; otherwise runs as short as ours would learn no colours (trainer/LOG.md)."""
        added = []
        for name, branch in identity.items():
            assert branch.tokens is not None
            added.append(branch.scale[:, None] * self.pooled[name](branch.tokens.mean(1)))
        return torch.stack(added).sum(0)

    def forward(self, batch: StudyBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of a batch, "loss" first."""
        now = noised(batch.clean, self.base.alphas(), generator)
        v = self.predict_batch(batch, now)
        loss = self.diffusion(batch, now, v)
        return {"loss": loss, "diffusion": loss}

    def predict_batch(self, batch: StudyBatch, now: Noised) -> Tensor:
        with torch.no_grad():
            words = EncodedPrompts(*self.base.text(batch.captions))
            pose = self.base.pose(batch.skeleton, batch.pose_scale)
        return self.predict(now.noisy, now.timestep, words, batch.features, batch.known, pose)

    def diffusion(self, batch: StudyBatch, now: Noised, v: Tensor) -> Tensor:
        weight = batch.weight * self.base.vae.variances()
        return diffusion_loss(v, now.target, weight, min_snr_weight(now.alpha_bar, MIN_SNR_GAMMA))


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Resampler(nn.Module):
    """Learned queries that read any number of tokens: IP-Adapter Plus (Ye et al., 2023) after the Perceiver."""

    def __init__(self, dim: int, queries: int, depth: int = 2, heads: int = 6) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, dim) * dim**-0.5)
        layers = [
            nn.TransformerDecoderLayer(dim, heads, 2 * dim, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(depth)
        ]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """tokens [B, N, D], mask bool [B, N] (a row holds a True) -> [B, queries, D]."""
        latents = self.queries.expand(len(tokens), -1, -1)
        for layer in self.layers:
            latents = layer(latents, tokens, memory_key_padding_mask=None if mask is None else ~mask)
        out: Tensor = self.norm(latents)
        return out


def identity_projection(dim: int, tokens: int) -> nn.Sequential:
    """A face's identity [B, E] -> [B, tokens, dim], as InstantID and PuLID begin."""
    return nn.Sequential(
        nn.Linear(IDENTITY_DIM, 2 * dim),
        nn.GELU(),
        nn.Linear(2 * dim, tokens * dim),
        nn.Unflatten(1, (tokens, dim)),
        nn.LayerNorm(dim),
    )


def over_views(values: Tensor, counted: Tensor) -> Tensor:
    """The mean [B, ...] of values [B, V, ...] over the views counted bool [B, V]; zero where there are none."""
    weights = counted.to(values.dtype)
    shaped = weights.reshape(*weights.shape, *(1,) * (values.dim() - 2))
    return (values * shaped).sum(1) / weights.sum(1).clamp(min=1).reshape(-1, *(1,) * (values.dim() - 2))


def side_by_side(tokens: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """tokens [B, V, N, D] of views counted bool [B, V] -> [B, V * N, D] and its mask; a row without any view attends to
    its first one, with scale zero."""
    counted = counted.clone()
    counted[:, 0] |= ~counted.any(1)
    return tokens.flatten(1, 2), counted.repeat_interleave(tokens.shape[2], dim=1)


def scales_of(counted: Tensor) -> Tensor:
    """[B]: 1 where any view counts."""
    return counted.any(1).float()
