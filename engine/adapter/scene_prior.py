"""Which place a prompt asks for: a class by the words, and then one of its examples; and whether it asks for a style.

A small denoiser makes up a person's surroundings slowly and blurred, though they have nothing to do with the person.
So the draft stands before a picture of such a place, as retrieval-augmented diffusion does (Blattmann et al., 2022).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from engine.adapter.pose_prior import chosen_class
from engine.identity.skeleton import ANKLES, HIPS
from engine.pose import CONFIDENCE_MIN

FRAMINGS: Final = ("full", "waist", "portrait")
"""How much of a body is in the picture; a place looks otherwise behind each."""


class ScenePrior(nn.Module):
    """examples: name of the place -> framing -> pictures as WebP files, all of one size; may be empty."""

    def __init__(self, token_dim: int, places: Sequence[str]) -> None:
        super().__init__()
        self.places = tuple(places)
        self.classify = nn.Linear(token_dim, len(self.places))
        self.restyle = nn.Linear(token_dim, 1)
        self.examples: dict[str, dict[str, list[bytes]]] = {}

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled words [B, token_dim] -> logits [B, places], and a logit [B] of a picture in a style of its own."""
        return self.classify(pooled), self.restyle(pooled)[:, 0]

    @torch.no_grad()
    def suggest(
        self, logits: Tensor, poses: Sequence[NDArray[np.float32] | None], seeds: Sequence[int]
    ) -> list[Image.Image | None]:
        """RGB pictures of places for logits [B, places]; equal logits, poses and seeds give equal places.

        None where there is no example."""
        known = torch.tensor([bool(self.examples.get(place)) for place in self.places], device=logits.device)
        if not bool(known.any()):
            return [None] * len(seeds)
        logits = logits.masked_fill(~known, -torch.inf)
        found: list[Image.Image | None] = []
        for row, pose, seed in zip(logits, poses, seeds, strict=True):
            random = np.random.default_rng([19, seed])
            by_framing = self.examples[self.places[chosen_class(row, random)]]
            own = by_framing.get(framing_of(pose)) or next(iter(by_framing.values()))
            with Image.open(io.BytesIO(own[int(random.integers(len(own)))])) as picture:
                found.append(picture.convert("RGB"))
        return found

    def save_examples(self, path: Path) -> None:
        """One archive; equal examples give equal bytes."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for place, by_framing in sorted(self.examples.items()):
                for framing, pictures in sorted(by_framing.items()):
                    for number, picture in enumerate(pictures):
                        archive.writestr(zipfile.ZipInfo(f"{place}/{framing}/{number:02}.webp"), picture)

    def load_examples(self, path: Path) -> None:
        """What `save_examples` wrote."""
        self.examples = {}
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                place, framing, _ = name.split("/")
                self.examples.setdefault(place, {}).setdefault(framing, []).append(archive.read(name))


def framing_of(pose: NDArray[np.float32] | None) -> str:
    """By the lowest joints in the picture; of no pose, "full". pose [17, 3]: x and y in 0..1, confidence in 0..1."""
    if pose is None:
        return "full"
    inside = (pose[:, 2] >= CONFIDENCE_MIN) & (pose[:, :2] >= 0).all(1) & (pose[:, :2] <= 1).all(1)
    if inside[list(ANKLES)].any():
        return "full"
    return "waist" if inside[list(HIPS)].any() else "portrait"
