"""A method on its frozen base: the loss of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.adapter.attention import IdentityCondition
from engine.adapter.ip_adapter import IPAdapterBranches
from trainer.adapter.batches import AdapterBatch
from trainer.adapter.control import residuals
from trainer.adapter.identity_losses import DrawnPictures
from trainer.adapter.methods import conditions, plan_of
from trainer.adapter.recipe import Recipe
from trainer.errors import DataError
from trainer.losses import min_snr_weight, min_snr_weight_of_noise, v_target


@dataclass(frozen=True)
class FrozenBase:
    """unet: with the branches attached. alphas [T]: the schedule's cumulative products. prediction: epsilon or
    v_prediction; scaling: of the autoencoder's latents."""

    unet: Any
    alphas: Tensor
    prediction: str
    scaling: float

    def __post_init__(self) -> None:
        if self.prediction not in ("epsilon", "v_prediction"):
            raise DataError(
                f"expected a base that predicts epsilon or v_prediction, got {self.prediction}: give another --base"
            )


@dataclass(frozen=True)
class ControlRead:
    """IdentityNet, and the branch whose tokens it reads."""

    net: Any
    branch: str


def predict(
    unet: Any,
    noisy: Tensor,
    timestep: Tensor,
    batch: AdapterBatch,
    identity: IdentityCondition,
    control: ControlRead | None = None,
) -> Tensor:
    """The UNet's prediction [B, C, h, w] of noisy latents at timestep [B]."""
    added = None if batch.pooled is None else {"text_embeds": batch.pooled, "time_ids": batch.time_ids}
    extra: dict[str, Any] = {}
    if control is not None:
        assert batch.skeleton is not None
        extra = residuals(control.net, noisy, timestep, batch.skeleton, added, identity[control.branch])
    predicted: Tensor = unet(
        noisy,
        timestep,
        encoder_hidden_states=batch.text,
        added_cond_kwargs=added,
        cross_attention_kwargs={"identity": identity},
        return_dict=False,
        **extra,
    )[0]
    return predicted


class AdapterLearner(nn.Module):
    """Trains the branches; the base is not among its parameters, so that it is neither saved nor averaged."""

    base: FrozenBase
    drawn: DrawnPictures | None
    calls: Tensor

    def __init__(
        self,
        base: FrozenBase,
        branches: IPAdapterBranches,
        recipe: Recipe,
        control: Any = None,
        drawn: DrawnPictures | None = None,
    ) -> None:
        """control: the IdentityNet of methods that have one. drawn: the losses on drawn pictures, where the recipe has
        them."""
        super().__init__()
        self.branches = branches
        self.control = control
        self.recipe = recipe
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "drawn", drawn)
        if drawn is not None:
            self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        branches.attach(base.unet)
        if recipe.gradient_checkpointing:
            base.unet.enable_gradient_checkpointing(None if drawn is None else drawn.branch.lora.checkpoint)
            if control is not None:
                control.enable_gradient_checkpointing()

    @property
    def device(self) -> torch.device:
        return next(self.branches.parameters()).device

    def predicted(self, noisy: Tensor, timestep: Tensor, batch: AdapterBatch, identity: IdentityCondition) -> Tensor:
        """The UNet's prediction with all trained parts; identity as `conditions` returns it."""
        control = None if self.control is None else ControlRead(self.control, plan_of(self.recipe).control_reads)
        return predict(self.base.unet, noisy, timestep, batch, identity, control)

    def forward(self, batch: AdapterBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """ "loss"; "diffusion": equation 1; "person": equation 1 on the person alone; with losses on drawn pictures
        also those of `DrawnPictures.losses`, 0 before they start."""
        self.base.unet.to(self.device)
        batch = batch.to(self.device)
        clean = self.base.scaling * (batch.mean + batch.std * _noise_like(batch.mean, generator))
        noise = _noise_like(clean, generator)
        alphas = self.base.alphas.to(self.device)
        timestep = torch.randint(len(alphas), (len(clean),), generator=generator, device=self.device)
        alpha_bar = alphas[timestep]
        noisy, v = v_target(clean, noise, alpha_bar)
        target = noise if self.base.prediction == "epsilon" else v
        bf16 = self.recipe.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            identity = conditions(self.branches, batch.references)
            predicted = self.predicted(noisy, timestep, batch, identity)
        error = (predicted.float() - target).square()
        losses = {
            "loss": (self._time_weight(alpha_bar) * over_person(error, batch.mask, self.recipe.person_weight)).mean(),
            "diffusion": error.mean(),
            "person": (error * batch.mask).sum() / (batch.mask.sum() * error.shape[1]).clamp(min=1e-6),
        }
        if self.drawn is None:
            return losses
        judged = self._judged(self.drawn, batch, generator)
        return losses | judged | {"loss": losses["loss"] + judged["identity"]}

    def _judged(self, drawn: DrawnPictures, batch: AdapterBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """The stages of PuLID: none of these losses, then recognition, then also alignment."""
        share = int(self.calls) / (self.recipe.steps * self.recipe.accumulation)
        self.calls = self.calls + 1
        rows = drawn.rows_of(batch) if share >= drawn.settings.identity_from else []
        if not rows:
            none = torch.zeros((), device=self.device)
            return dict.fromkeys([*drawn.recognition, "semantic", "layout", "identity"], none)
        rows_batch, bf16 = batch.of(rows), self.recipe.precision == "bf16"

        def predicted(noisy: Tensor, timestep: Tensor) -> Tensor:
            return self.predicted(noisy, timestep, rows_batch, identity)

        def without(noisy: Tensor, timestep: Tensor) -> Tensor:
            return predict(self.base.unet, noisy, timestep, rows_batch, {})

        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            identity = conditions(self.branches, rows_batch.references)
            aligned = share >= drawn.settings.alignment_from
            return drawn.losses(rows_batch, predicted, without if aligned else None, generator)

    def _time_weight(self, alpha_bar: Tensor) -> Tensor:
        of_noise = self.base.prediction == "epsilon"
        weigh = min_snr_weight_of_noise if of_noise else min_snr_weight
        return weigh(alpha_bar, self.recipe.min_snr_gamma)


def over_person(error: Tensor, mask: Tensor, person_weight: float) -> Tensor:
    """Equation 1 weighted by the person: error [B, C, h, w], mask [B, 1, h, w] in 0..1 -> [B], the mean of the error
    times 1 + person_weight mask. The weight's mean is divided out for each picture: a small person counts as much as
    a large one."""
    weight = 1 + person_weight * mask
    return (weight * error).mean((1, 2, 3)) / weight.mean((1, 2, 3))


def _noise_like(value: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(value.shape, generator=generator, device=value.device)
