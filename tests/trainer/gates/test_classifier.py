"""The classifier separates pictures that differ, and cannot separate equal ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.gates.classifier import fit_classifier, halves_of, logits_of, two_sample_scores
from trainer.gates.figures import auc_of


def smooth(count: int, seed: int) -> NDArray[np.uint8]:
    """Pictures [count, 48, 32, 3] of soft slopes."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:48, 0:32] / 48
    slopes = rng.uniform(-80, 80, (2, count, 1, 1, 3))
    pictures = 128 + slopes[0] * rows[..., None] + slopes[1] * columns[..., None] + rng.normal(0, 3, (count, 48, 32, 3))
    return pictures.clip(0, 255).astype(np.uint8)


def test_seams_are_separated_from_true_pictures_and_true_ones_are_not() -> None:
    true, others = smooth(24, 0), smooth(24, 1)
    torn = true.copy()
    torn[:, 14:34, 8:24] = np.roll(true, 9, axis=1)[:, 14:34, 8:24][:, ::-1]
    learns = halves_of(24)
    torn_auc = auc_of(*two_sample_scores(torn, true, learns, steps=60))
    same_auc = auc_of(*two_sample_scores(others, true, learns, steps=60))
    assert torn_auc.value > 0.9 > same_auc.value + 0.1
    assert torn_auc.count == 12


def test_scores_are_of_people_that_the_classifier_has_not_learned_from() -> None:
    learns = halves_of(8)
    assert learns.sum() == 4 and halves_of(8).tolist() == learns.tolist()
    for scores in two_sample_scores(smooth(8, 0), smooth(8, 1), learns, steps=2):
        assert np.isnan(scores).tolist() == learns.tolist()


def test_equal_seeds_give_equal_classifiers_and_leave_other_randomness_alone() -> None:
    pictures, labels = smooth(8, 0), np.array([0, 1] * 4)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second = (logits_of(fit_classifier(pictures, labels, steps=3), pictures) for _ in range(2))
    assert (first == second).all() and first.shape == (8, 2)
    assert torch.equal(before, torch.get_rng_state())
