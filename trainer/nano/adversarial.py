"""The last stage of nano's training: a critic sharpens the first prediction.

The prediction with the least squared error is blurred wherever the conditions leave something open. A critic of patches
(Isola et al., 2017) that sees the conditions learns to tell predictions from photos; the denoiser learns flow matching
as before, and to be taken for a photo (adversarial diffusion distillation, Sauer et al., 2023, without a teacher). All
rows are at time 0: one step draws the picture, and a second one at time .5 only added noise (trainer/LOG.md 26).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from engine.backbones.nano.attributes import SLOTS
from engine.backbones.nano.network import STRUCTURE_CHANNELS, NanoNetwork
from trainer.nano.batches import Batch
from trainer.nano.learner import NanoLearner, with_wrong_features
from trainer.precision import fast_precision

CRITIC_CHANNELS: Final = (48, 96, 128)
PULL: Final = 0.2
"""The critic's weight in the denoiser's loss. Weighed by equal gradients, as Esser et al. (2021) do, it doubled the
errors within 300 steps: the gradient of a squared error shrinks where it is small, the critic's does not."""
LIKENESS: Final = 8.0
"""Weight of the difference between the critic's features of the prediction and of the photo (Wang et al., 2018): it
says where the prediction differs, not only that it does."""
SMOOTHNESS: Final = 20.0
"""Weight of the squared change of the critic's output when SMALL_NOISE is added to photos: R1 regularisation (Mescheder
et al., 2018) in finite differences (Lin et al., 2025). Without it the critic gave a constant after 450 steps."""
SMALL_NOISE: Final = 0.1
"""The standard deviation of the noise, in those of all channels of the latents."""


class PatchCritic(nn.Module):
    """Latents under their conditions -> how real the picture about each place looks. Latents are linear in the pixels,
    so nothing is lost by reading them, and a picture is a sixteenth as large. Channels keep their shares: with unit
    variance in each the critic looked at the finest ones most, and the denoiser drew jagged edges and halos."""

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        before = latent_channels + STRUCTURE_CHANNELS
        self.layers = nn.ModuleList()
        for number, width in enumerate(CRITIC_CHANNELS):
            self.layers.append(spectral_norm(nn.Conv2d(before, width, 3, stride=2 if number else 1, padding=1)))
            before = width
        self.last = spectral_norm(nn.Conv2d(before, 1, 3, padding=1))
        sizes = [len(values) + 1 for values in SLOTS.values()]
        self.register_buffer("first", torch.tensor([sum(sizes[:n]) for n in range(len(sizes))]), persistent=False)
        self.words = nn.EmbeddingBag(sum(sizes), before, mode="sum")
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, latents: Tensor, structure: Tensor, values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """latents [B, C, h, w] of unit variance over all channels; structure [B, STRUCTURE_CHANNELS, h, w]; values
        int64 [B, slots] -> [B, 1, h/4, w/4], the place itself and how it suits the words (projection: Miyato & Koyama,
        2018), and the features of every layer."""
        hidden, features = torch.cat([latents, structure], 1), []
        for layer in self.layers:
            hidden = F.leaky_relu(layer(hidden), 0.2)
            features.append(hidden)
        first: Tensor = self.first  # type: ignore[assignment]
        suits = (hidden * self.words(values + first)[:, :, None, None]).sum(1, keepdim=True)
        realness: Tensor = self.last(hidden) + suits
        return realness.float(), features


class AdversarialLearner(NanoLearner):
    """forward(batch, generator) -> losses, "loss" first: of the denoiser and of the critic in one backward pass, each
    with gradients for its own weights alone."""

    def __init__(self, network: NanoNetwork) -> None:
        super().__init__(network)
        self.critic = PatchCritic(len(network.spread))

    def forward(self, batch: Batch, noise: torch.Generator) -> dict[str, Tensor]:
        batch = batch.to(noise.device)
        batch = replace(batch, layout=with_wrong_features(batch.layout, noise))
        clean = self.network.vae.encode(batch.picture).latents
        z = torch.randn(clean.shape, generator=noise, device=clean.device)  # at time 0 all is noise
        errors, prediction, conditioning = self.prediction_errors(
            batch, clean, z, torch.zeros(len(clean), device=clean.device)
        )
        flow = errors.mean()
        scale = self.network.spread.square().mean().sqrt()
        prediction_latents, photo = prediction / scale, clean / scale
        structure = conditioning.structure.detach()
        frozen = {name: value.detach() for name, value in self.critic.named_parameters()}
        near = photo + SMALL_NOISE * torch.randn(photo.shape, generator=noise, device=photo.device)
        with fast_precision():
            prediction_realness, prediction_features = functional_call(
                self.critic, frozen, (prediction_latents, structure, batch.values)
            )
            latents = torch.cat([prediction_latents.detach(), photo, near])
            realness, features = self.critic(latents, torch.cat([structure] * 3), torch.cat([batch.values] * 3))
        weight = _shrunk(batch.weight, realness)
        of_prediction, of_photo, of_near = realness.chunk(3)
        doubt = -(weight * prediction_realness).mean()
        critic = (weight * (F.relu(1 + of_prediction) + F.relu(1 - of_photo))).mean()
        rough = (of_photo - of_near).square().mean()
        unlike = torch.stack(
            [
                (_shrunk(batch.weight, layer) * (layer - all_three.chunk(3)[1].detach()).abs()).mean()
                for layer, all_three in zip(prediction_features, features, strict=True)
            ]
        ).mean()
        loss = flow + PULL * doubt + LIKENESS * unlike + critic + SMOOTHNESS * rough
        gap = of_photo.mean() - of_prediction.mean()
        return {"loss": loss, "flow": flow, "critic": critic, "rough": rough, "unlike": unlike, "gap": gap}


def _shrunk(weight: Tensor, to: Tensor) -> Tensor:
    """The weight [B, 1, h, w] at the resolution of `to`, with mean 1: people count more to the critic too."""
    rows, columns = to.shape[2:]
    small = F.adaptive_avg_pool2d(weight, (rows, columns))
    return small / small.mean()
