"""A figure with its bootstrap interval: means, medians, ratios and distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.metrics import Floats, bootstrap

FAR: Final = 100.0
"""The CIEDE2000 of a part that the picture does not show: larger than between any two garments."""
GALLERY: Final = 100
RESAMPLES: Final = 2000
SET_RESAMPLES: Final = 100
AUC_RESAMPLES: Final = 500
SET_MIN: Final = 3
"""The least number of people for a distance between sets."""

Features = NDArray[np.float32]


@dataclass(frozen=True)
class GateFigure:
    """A value with its 95 % bootstrap interval over `count` people; NaN where it is known for none."""

    value: float
    low: float
    high: float
    count: int

    def plain(self) -> dict[str, Any]:
        """The fields for JSON, which has no NaN."""
        return {name: None if np.isnan(number) else number for name, number in vars(self).items()}


UNKNOWN: Final = GateFigure(np.nan, np.nan, np.nan, 0)


def mean_of(values: Floats) -> GateFigure:
    """The mean of values [people], NaN where unknown."""
    interval = bootstrap(values)
    return GateFigure(interval.mean, interval.low, interval.high, interval.count)


def median_of(values: Floats, seed: int = 0) -> GateFigure:
    """The median of values [people], NaN where unknown, with the percentiles of the resamples' medians."""
    finite = values[~np.isnan(values)]
    if not len(finite):
        return UNKNOWN
    rows = np.random.default_rng(seed).integers(len(finite), size=(RESAMPLES, len(finite)))
    low, high = np.quantile(np.median(finite[rows], axis=1), (0.025, 0.975))
    return GateFigure(float(np.median(finite)), float(low), float(high), len(finite))


def ratio_of(values: Floats, others: Floats, seed: int = 0) -> GateFigure:
    """The mean of values divided by the mean of others, both [people]; people with NaN in either are left out."""
    both = ~(np.isnan(values) | np.isnan(others))
    first, second = values[both], others[both]
    if not len(first) or not second.any():
        return UNKNOWN
    rows = np.random.default_rng(seed).integers(len(first), size=(RESAMPLES, len(first)))
    low, high = np.nanquantile(first[rows].sum(1) / np.maximum(second[rows].sum(1), 1e-9), (0.025, 0.975))
    return GateFigure(float(first.mean() / second.mean()), float(low), float(high), len(first))


def auc_of(positive: Floats, negative: Floats, seed: int = 0) -> GateFigure:
    """The probability that a positive picture scores higher than a negative one, ties counting half (the area
    under the ROC curve); scores of the same people [people], NaN where unknown."""
    both = ~(np.isnan(positive) | np.isnan(negative))
    first, second = positive[both], negative[both]
    if not len(first):
        return UNKNOWN
    wins = (first[:, None] > second) + 0.5 * (first[:, None] == second)
    rows = np.random.default_rng(seed).integers(len(first), size=(AUC_RESAMPLES, len(first)))
    low, high = np.quantile([wins[np.ix_(people, people)].mean() for people in rows], (0.025, 0.975))
    return GateFigure(float(wins.mean()), float(low), float(high), len(first))


def distance_of(
    measure: Callable[[Features, Features], float], first: Features, second: Features, seed: int = 0
) -> GateFigure:
    """A distance between two sets of the same people, features [people, D] each.

    The interval is the value plus and minus 1.96 standard deviations of the resamples. The resamples' own percentiles
    would be too high, because a resample has fewer different people.
    """
    if len(first) < SET_MIN:
        return UNKNOWN
    rng, value = np.random.default_rng(seed), measure(first, second)
    resamples = [rng.integers(len(first), size=len(first)) for _ in range(SET_RESAMPLES)]
    reach = 1.96 * float(np.std([measure(first[rows], second[rows]) for rows in resamples]))
    return GateFigure(value, value - reach, value + reach, len(first))


def rank1_among(queries: Features, gallery: Features, among: int = GALLERY) -> Floats:
    """[people]: 1 where a query is nearest to its own row of a gallery of `among` people, else 0; unit vectors [n, D].

    The galleries are consecutive groups of `among` people; the remaining people are searched among the last `among`.
    """
    hits = np.zeros(len(queries))
    for start in range(0, len(queries), among):
        stop = min(start + among, len(queries))
        first = max(min(start, len(queries) - among), 0)
        nearest = (queries[start:stop] @ gallery[first : first + among].T).argmax(1)
        hits[start:stop] = nearest + first == np.arange(start, stop)
    return hits
