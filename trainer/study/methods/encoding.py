"""Training the encoders that all methods share: identity and colours. Supervised contrastive learning (Khosla et al.,
2020) over photos of one person in one outfit, and prediction of the colour of each part.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.pixels import to_tensor
from trainer.losses import pairs_loss
from trainer.part_colours import part_colours
from trainer.shards import PeopleShards
from trainer.study.methods.identity_features import Crops, Encoders

COLOURS_WEIGHT = 2.0


@dataclass(frozen=True)
class EncoderBatch:
    """pictures [2B, 3, H, W], faces [2B, 3, S, S] in [-1, 1], pairs side by side; colours [2B, parts, 3]; face_seen
    [2B]."""

    pictures: Tensor
    faces: Tensor
    colours: Tensor
    face_seen: Tensor

    def to(self, device: torch.device | str) -> EncoderBatch:
        """The same with all tensors on `device`."""
        return EncoderBatch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class EncoderPhotos:
    """Pairs of photos of the same person in the same outfit, as some crop each."""

    def __init__(self, people: PeopleShards, crops: list[Crops]) -> None:
        self.crops = crops
        parts = torch.from_numpy(people.parts)
        batches = range(0, len(crops), 256)
        coloured = [part_colours(to_tensor(people.images[f : f + 256]), parts[f : f + 256]) for f in batches]
        self.colours = torch.cat(coloured)
        labels = people.identity * 1000 + people.outfit
        order = np.argsort(labels, kind="stable")
        groups = np.split(order, np.unique(labels[order], return_index=True)[1][1:])
        self.groups = [group for group in groups if len(group) > 1]

    def batch(self, size: int, rng: np.random.Generator) -> EncoderBatch:
        people = rng.choice(len(self.groups), size, replace=len(self.groups) < size)
        photos = np.concatenate([rng.permutation(self.groups[person])[:2] for person in people])
        kinds = rng.choice(("whole", "body", "weighted"), len(photos))
        pictures = [getattr(self.crops[photo], kind) for photo, kind in zip(photos, kinds, strict=True)]
        return EncoderBatch(
            pictures=_in_other_light(pictures, rng),
            faces=_in_other_light([self.crops[photo].face for photo in photos], rng),
            colours=self.colours[photos],
            face_seen=torch.tensor([self.crops[photo].face_seen for photo in photos]),
        )


class EncoderLearner(nn.Module):
    def __init__(self, encoders: Encoders) -> None:
        super().__init__()
        self.encoders = encoders

    def forward(self, batch: EncoderBatch, generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of a batch, "loss" first."""
        encoders = self.encoders
        pooled = encoders.picture_pool(encoders.of_pictures(batch.pictures))
        person = F.normalize(encoders.person(pooled), dim=-1)
        _, identity = encoders.of_faces(batch.faces)
        predicted = encoders.colours(pooled).unflatten(1, (-1, 3))
        measured = ~batch.colours.isnan()
        error = torch.where(measured, batch.colours - predicted, 0.0)
        colours = error.square().sum() / measured.sum().clamp(min=1)
        both = batch.face_seen.view(-1, 2).all(1).repeat_interleave(2)
        alike = pairs_loss(person)
        faces = pairs_loss(identity[both]) if both.sum() > 2 else alike * 0
        return {"loss": alike + faces + COLOURS_WEIGHT * colours, "person": alike, "face": faces, "colours": colours}


def _in_other_light(images: list[NDArray[np.uint8]], rng: np.random.Generator) -> Tensor:
    """[n, 3, H, W] in [-1, 1], each a little brighter or darker."""
    gains = torch.from_numpy(rng.uniform(0.85, 1.15, (len(images), 1, 1, 1))).float()
    return ((to_tensor(np.stack(images)) + 1) * gains - 1).clamp(-1, 1)
