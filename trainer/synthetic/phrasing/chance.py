"""Random choices for all parts of a phrase."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def one(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each as likely."""
    return options[int(rng.integers(len(options)))]


def mostly(rng: np.random.Generator, options: Sequence[T]) -> T:
    """The first option, which is the common word, with probability 0.4; otherwise any option."""
    return options[0] if rng.random() < 0.4 else one(rng, options)


def happens(rng: np.random.Generator, chance: float) -> bool:
    """True with the probability `chance`, 0..1."""
    return bool(rng.random() < chance)


def shuffled(rng: np.random.Generator, items: Sequence[T]) -> list[T]:
    """The items in some order."""
    return [items[int(index)] for index in rng.permutation(len(items))]
