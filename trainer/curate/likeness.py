"""Finds photos of a folder that show nearly the same picture, and photos that show another person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray

_ROUNDS = 10


@dataclass(frozen=True)
class Hashed:
    """A photo's phash (hex) and how much of it there is: the larger of two near-duplicates stays."""

    perceptual: str
    pixels: int


def duplicates(photos: Sequence[Hashed], bits: int) -> dict[int, int]:
    """Photo -> the photo that it nearly repeats, for those to be dropped; of equal size the first stays."""
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
    """Cosine of each face with the mean of the largest group, float32 [n]; members have at least `same`."""
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
