"""Losses on pictures that the adapter draws: recognition of face and body, and alignment with the same drawing without
the person (PuLID; Guo et al., 2024).

Some rows of a batch are drawn from pure noise by the few-step branch, decoded, and read by frozen recognition networks.
A face or body that is not found on a drawn picture does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.pixels import to_uint8
from trainer.adapter.batches import AdapterBatch, Judged
from trainer.adapter.few_steps import FewStepBranch, Predict
from trainer.adapter.recipe import IdentityRecipe
from trainer.adapter.recognition import Recognition, embeddings

Decode = Callable[[Tensor], Tensor]
"""Scaled latents [B, C, h, w] -> pictures [B, 3, H, W] in about [-1, 1]."""


@dataclass(frozen=True)
class DrawnPictures:
    """Computes the losses on the pictures of one run. recognition: the networks that recognise faces and bodies."""

    settings: IdentityRecipe
    branch: FewStepBranch
    decode: Decode
    recognition: Mapping[Judged, Recognition]

    def rows_of(self, batch: AdapterBatch) -> list[int]:
        """The rows to draw: the first ones whose person has an embedding of some network."""
        targets = [w for name in self.recognition if (w := wanted_of(batch, name)) is not None]
        has_target = torch.stack([target.abs().sum(1) > 0 for target in targets]).any(0)
        return has_target.nonzero().flatten().tolist()[: self.settings.rows]

    def losses(
        self, batch: AdapterBatch, predict: Predict, without: Predict | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Draws every row of `batch` with `predict`; returns the losses of the pictures by name.

        face, body: 1 - cosine, averaged over the pictures on which it is found. semantic, layout: PuLID's two alignment
        losses; `without` predicts the same drawing without the person. identity: the weighted sum of all.
        """
        noise = torch.randn(batch.mean.shape, generator=generator, device=batch.mean.device)
        drawn = self.branch.draw(noise, predict, without, generator)
        pictures = self.decode(drawn.latents)
        found: dict[str, Tensor] = {}
        for name, recognition in self.recognition.items():
            target = wanted_of(batch, name)
            assert target is not None
            found[name] = unlikeness(recognition, pictures, target)
        found |= {"semantic": drawn.semantic, "layout": drawn.layout}
        weighted = [getattr(self.settings, name) * loss for name, loss in found.items()]
        return found | {"identity": torch.stack(weighted).sum()}


def wanted_of(batch: AdapterBatch, judged: Judged) -> Tensor | None:
    """The target embeddings [B, D]: unit vectors, or zeros in rows without one. None if the batch has none."""
    return batch.wanted_face if judged == "face" else batch.wanted_body


def unlikeness(recognition: Recognition, pictures: Tensor, target: Tensor) -> Tensor:
    """1 - cosine of the embeddings on pictures [B, 3, H, W] to target [B, D], averaged over the rows that have a target
    and a detection; 0, without a gradient, where no row has both."""
    rows, places = [], []
    for row, picture in enumerate(to_uint8(pictures.detach())):
        place = recognition.places.find(Image.fromarray(picture)) if target[row].any() else None
        if place is not None:
            rows.append(row)
            places.append(place)
    if not rows:
        return torch.zeros((), device=pictures.device)
    recognition.network.to(pictures.device)
    with torch.autocast(pictures.device.type, enabled=False):
        embedded = embeddings(recognition, pictures[rows].float(), places)
    return (1 - (embedded * target[rows]).sum(1)).mean()


def decoder_of(vae: Any, scaling: float, tiny: bool) -> Decode:
    """Returns a decoder. The base's autoencoder decodes in full precision and recomputes each block for the gradient; a
    tiny autoencoder reads scaled latents."""
    if not tiny:
        vae.enable_gradient_checkpointing()

    def decode(latents: Tensor) -> Tensor:
        vae.to(latents.device)
        if tiny:
            pictures: Tensor = vae.decode(latents, return_dict=False)[0]
            return pictures
        with torch.autocast(latents.device.type, enabled=False):
            pictures = vae.decode(latents.float() / scaling, return_dict=False)[0]
        return pictures

    return decode
