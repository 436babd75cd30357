"""Which pose a prompt asks for, where nobody gave one: a class by the words, and then one of its examples.

A picture's layout is what a small denoiser finds hardest to make up; told where the joints are, it can spend itself on
who is there. So whoever asks for no pose gets one from photos that fit the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

FULL_LENGTH_BONUS: Final = 2.0
"""Added to the log-odds of full-length classes: who names no framing wants to see the whole body."""
LIKELY: Final = 0.5
"""Classes less likely than this share of the likeliest are never taken."""


class PosePrior(nn.Module):
    """poses [classes, examples, 17, 3]: x, y in 0..1 of the picture, seen 0/1; full [classes]: whole-body classes;
    known [classes]: those that have examples."""

    poses: Tensor
    full: Tensor
    known: Tensor

    def __init__(self, token_dim: int, classes: int, examples: int) -> None:
        super().__init__()
        self.classify = nn.Linear(token_dim, classes)
        self.register_buffer("poses", torch.zeros(classes, examples, 17, 3))
        self.register_buffer("full", torch.zeros(classes))
        self.register_buffer("known", torch.zeros(classes))

    def forward(self, pooled: Tensor) -> Tensor:
        """Pooled words [B, token_dim] -> logits [B, classes]."""
        logits: Tensor = self.classify(pooled)
        return logits

    @torch.no_grad()
    def suggest(self, pooled: Tensor, seeds: Sequence[int]) -> list[NDArray[np.float32]]:
        """Poses [17, 3] for pooled words [B, token_dim]; equal words and seeds give equal poses."""
        logits = (self(pooled) + FULL_LENGTH_BONUS * self.full).masked_fill(self.known == 0, -torch.inf)
        suggested = []
        for row, seed in zip(logits, seeds, strict=True):
            random = np.random.default_rng([17, seed])
            chosen = chosen_class(row, random)
            suggested.append(self.poses[chosen, int(random.integers(self.poses.shape[1]))].float().cpu().numpy())
        return suggested


def chosen_class(logits: Tensor, random: np.random.Generator) -> int:
    """One of the likely classes of logits [classes], as likely as it is."""
    chances = logits.softmax(-1).double().cpu().numpy()
    chances *= chances >= LIKELY * chances.max()
    return int(random.choice(len(chances), p=chances / chances.sum()))
