"""A figure with how sure it is: shares and medians over people, and distances between sets of pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.metrics import Floats, bootstrap

FAR: Final = 100.0
"""The CIEDE2000 of a part that the picture does not show: further than any two garments are from each other."""
GALLERY: Final = 100
RESAMPLES: Final = 2000
SET_RESAMPLES: Final = 100

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Figure:
    """A value with its bootstrap interval of 95 % over people; NaN where it is not known of any of them."""

    value: float
    low: float
    high: float
    count: int

    def plain(self) -> dict[str, Any]:
        """For JSON, which knows no NaN."""
        return {name: None if np.isnan(number) else number for name, number in vars(self).items()}


def mean_of(values: Floats) -> Figure:
    """values [people], NaN where unknown."""
    interval = bootstrap(values)
    return Figure(interval.mean, interval.low, interval.high, interval.count)


def median_of(values: Floats, seed: int = 0) -> Figure:
    """The median of values [people], NaN where unknown, with the percentiles of the resamples' medians."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Figure(np.nan, np.nan, np.nan, 0)
    rows = np.random.default_rng(seed).integers(len(known), size=(RESAMPLES, len(known)))
    low, high = np.quantile(np.median(known[rows], axis=1), (0.025, 0.975))
    return Figure(float(np.median(known)), float(low), float(high), len(known))


def distance_of(
    measure: Callable[[Features, Features], float], first: Features, second: Features, seed: int = 0
) -> Figure:
    """A distance between two sets of the same people, features [people, D] each.

    The interval is the value and 1.96 standard deviations of the resamples to either side: people drawn twice make both
    sets poorer, so that the resamples' own percentiles would lie too high."""
    rng, value = np.random.default_rng(seed), measure(first, second)
    drawn = [rng.integers(len(first), size=len(first)) for _ in range(SET_RESAMPLES)]
    reach = 1.96 * float(np.std([measure(first[rows], second[rows]) for rows in drawn]))
    return Figure(value, value - reach, value + reach, len(first))


def rank1_among(queries: Features, gallery: Features, among: int = GALLERY) -> Floats:
    """[people], 1 where a query is nearest to its own row of a gallery of `among` people, else 0; unit vectors [n, D].

    The galleries are the people in their order, `among` at a time; who is left over looks among the last `among`."""
    hits = np.zeros(len(queries))
    for start in range(0, len(queries), among):
        stop = min(start + among, len(queries))
        first = max(min(start, len(queries) - among), 0)
        nearest = (queries[start:stop] @ gallery[first : first + among].T).argmax(1)
        hits[start:stop] = nearest + first == np.arange(start, stop)
    return hits
