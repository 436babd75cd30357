"""Finds near-duplicates among the photos of a folder, and photos that show another person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray

_ROUNDS = 10


@dataclass(frozen=True)
class Hashed:
    """A photo's phash (hex) and its number of pixels: of two near-duplicates the larger one is kept."""

    perceptual: str
    pixels: int


def duplicates(photos: Sequence[Hashed], bits: int) -> dict[int, int]:
    """Photo -> the photo of which it is a near-duplicate, for those to be dropped; of photos of equal size the first is
    kept."""
    hashes = [imagehash.hex_to_hash(photo.perceptual) for photo in photos]
    chosen: list[int] = []
    dropped: dict[int, int] = {}
    for index in sorted(range(len(photos)), key=lambda index: (-photos[index].pixels, index)):
        twin = next((other for other in chosen if hashes[index] - hashes[other] <= bits), None)
        if twin is None:
            chosen.append(index)
        else:
            dropped[index] = twin
    return dropped


def majority(embeddings: NDArray[np.float32], same: float) -> NDArray[np.float32]:
    """The cosine of each face with the mean of the largest group, float32 [n]; members of the group have at least
    `same`."""
    return np.asarray(embeddings @ mean_of_majority(embeddings, same), np.float32)


def mean_of_majority(embeddings: NDArray[np.float32], same: float) -> NDArray[np.float32]:
    """The direction [D] of the largest group's mean.

    embeddings [n, D] of unit length. The group starts as the face with the most others within `same` of it, and is
    formed again about its mean until no face joins or leaves."""
    members = embeddings @ embeddings.T >= same
    group = members[int(members.sum(1).argmax())]
    for _ in range(_ROUNDS):
        mean = embeddings[group].mean(0)
        mean = mean / max(float(np.linalg.norm(mean)), 1e-6)
        closer = embeddings @ mean >= same
        if not closer.any() or bool((closer == group).all()):
            break
        group = closer
    return np.asarray(mean, np.float32)
