"""Pools several views of one person into one embedding by attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TEMPERATURE: Final = 0.2
PRIOR_MIN: Final = 1e-3
"""The least quality of a view, so that a poor view counts where there is no better one."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """embedding float32 [D], unit length; weights float32 [V], summing to 1."""

    embedding: NDArray[np.float32]
    weights: NDArray[np.float32]


def attend(embeddings: NDArray[np.float32], prior: NDArray[np.float32]) -> Pooled:
    """Unit embeddings [V, D] and the quality of each view [V] -> one embedding.

    The query is the mean of the views weighted by quality, every view is key and value: weights = softmax(query .
    embedding / TEMPERATURE + log prior). So a poor view, and one unlike all the others (another person, a bad crop),
    counts less. Deterministic; a single view is returned unchanged."""
    prior = np.maximum(prior, PRIOR_MIN)
    query = _unit(prior @ embeddings)
    scores = embeddings @ query / TEMPERATURE + np.log(prior)
    weights = np.exp(scores - scores.max())
    weights = (weights / weights.sum()).astype(np.float32)
    return Pooled(_unit(weights @ embeddings), weights)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
