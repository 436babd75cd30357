"""A measurement that can be summarised for all people, or for those of one framing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.metrics import Floats, kernel_distance
from trainer.gates.figures import UNKNOWN, Features, GateFigure, auc_of, distance_of, mean_of, median_of, ratio_of

Rows = NDArray[np.bool_]
"""[people]: true for those that are summarised."""


@dataclass(frozen=True)
class PerPerson:
    """values [people], NaN where unknown, and the function that summarises them."""

    values: Floats
    summary: Callable[[Floats], GateFigure] = mean_of

    def of(self, rows: Rows) -> GateFigure:
        return self.summary(self.values[rows])


@dataclass(frozen=True)
class Ratio:
    """values over others, both [people]."""

    values: Floats
    others: Floats

    def of(self, rows: Rows) -> GateFigure:
        return ratio_of(self.values[rows], self.others[rows])


@dataclass(frozen=True)
class Separation:
    """AUC of scores of drawn and true pictures, both [people]."""

    drawn: Floats
    true: Floats

    def of(self, rows: Rows) -> GateFigure:
        return auc_of(self.drawn[rows], self.true[rows])


@dataclass(frozen=True)
class KernelDistance:
    """KID (Binkowski et al., 2018) of features [people, D] each."""

    drawn: Features
    true: Features

    def of(self, rows: Rows) -> GateFigure:
        return distance_of(kernel_distance, self.drawn[rows], self.true[rows])


Measure = PerPerson | Ratio | Separation | KernelDistance
Measures = dict[str, Measure]


def everybody(people: int) -> Rows:
    return np.ones(people, bool)


def pad(values: Floats, people: int) -> Floats:
    """values of the first people -> [people], NaN for the rest."""
    return np.concatenate([values, np.full(people - len(values), np.nan)])


def figures_of(measures: Measures, rows: Rows) -> dict[str, GateFigure]:
    return {name: measure.of(rows) for name, measure in measures.items()}


def by_framing(measures: Measures, framings: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Framing of the reference -> figures by name, for JSON."""
    names = np.array(framings)
    return {
        framing: {name: figure.plain() for name, figure in figures_of(measures, names == framing).items()}
        for framing in sorted(set(framings))
    }


def differences(full: Measures, without: Measures) -> dict[str, GateFigure]:
    """The loss of each figure where a condition is withheld: full - without, person by person over the people of
    `without`. Positive is better, except for colour differences."""
    losses = {}
    for name, less in without.items():
        more = full.get(name)
        if isinstance(more, PerPerson) and isinstance(less, PerPerson):
            change = more.values[: len(less.values)] - less.values
            losses[name] = mean_of(change) if less.summary is mean_of else median_of(change)
    return {name: figure for name, figure in losses.items() if figure != UNKNOWN}
