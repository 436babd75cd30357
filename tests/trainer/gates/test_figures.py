"""Figures with their bootstrap intervals."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.gates.figures import (
    FAR,
    UNKNOWN,
    GateFigure,
    auc_of,
    distance_of,
    mean_of,
    median_of,
    rank1_among,
    ratio_of,
)


def vectors(places: list[float]) -> NDArray[np.float32]:
    """Unit vectors on a circle, at these angles."""
    return np.stack([np.cos(places), np.sin(places)], 1).astype(np.float32)


def test_a_median_is_not_moved_by_how_far_the_far_ones_are() -> None:
    near = np.linspace(5, 15, 61)
    whole = median_of(near)
    with_missing = median_of(np.concatenate([near, np.full(9, FAR)]))
    assert whole.value == pytest.approx(10) and whole.low < 10 < whole.high
    assert whole.value < with_missing.value < 12
    assert median_of(np.concatenate([near, np.full(70, FAR)])).value == FAR  # missing from most of the pictures


def test_more_people_make_a_figure_surer() -> None:
    rng = np.random.default_rng(1)
    for figure in (mean_of, median_of):
        few, many = (figure(rng.normal(10, 3, count)) for count in (20, 500))
        assert many.high - many.low < 0.5 * (few.high - few.low)
        assert many.low < 10 < many.high


def test_what_is_known_of_nobody_becomes_null() -> None:
    nothing = np.full(3, np.nan)
    for figure in (mean_of(nothing), median_of(nothing)):
        assert figure.plain() == {"value": None, "low": None, "high": None, "count": 0}
    assert mean_of(np.array([1.0, np.nan, 0.0])).count == 2


def test_whoever_is_left_over_looks_among_as_many() -> None:
    gallery = vectors([0.0, 1.0, 2.0, 3.0, 4.0])
    assert rank1_among(gallery, gallery, among=2).tolist() == [1] * 5
    # the last one is drawn as the one before: found among the last two, it would be found alone
    queries = gallery.copy()
    queries[4] = gallery[3]
    assert rank1_among(queries, gallery, among=2).tolist() == [1, 1, 1, 1, 0]


def test_strangers_of_other_galleries_do_not_matter() -> None:
    gallery = vectors([0.0, 2.0, 0.1, 3.0])
    queries = vectors([0.09, 2.0, 0.1, 3.0])  # nearer to the third person, who is in the other gallery
    assert rank1_among(queries, gallery, among=2).tolist() == [1] * 4
    assert rank1_among(queries, gallery, among=4).tolist() == [0, 1, 1, 1]


def test_a_distance_lies_within_its_interval() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.normal(mean, 1, (40, 3)).astype(np.float32) for mean in (0, 1))

    def gap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        return float(np.linalg.norm(a.mean(0) - b.mean(0)))

    figure = distance_of(gap, first, second)
    assert figure.value == gap(first, second)
    assert figure.low < figure.value < figure.high < 2 * figure.value
    assert distance_of(gap, first, first) == GateFigure(0.0, 0.0, 0.0, 40)


def test_auc_is_the_chance_that_a_positive_scores_higher() -> None:
    low, high = np.arange(10.0), np.arange(10.0) + 20
    assert auc_of(high, low).value == 1 and auc_of(low, high).value == 0 and auc_of(low, low).value == 0.5
    mixed = auc_of(np.array([1.0, 3.0, np.nan]), np.array([2.0, 0.0, 1.0]))
    assert mixed.value == 0.75 and mixed.count == 2 and mixed.low <= mixed.value <= mixed.high
    assert auc_of(np.full(2, np.nan), low[:2]) == UNKNOWN


def test_a_ratio_is_of_the_means_of_people_with_both_values() -> None:
    figure = ratio_of(np.array([0.4, 0.8, np.nan]), np.array([0.8, 0.8, 0.1]))
    assert figure.value == pytest.approx(0.75) and figure.count == 2
    assert figure.low <= figure.value <= figure.high
    assert ratio_of(np.full(2, np.nan), np.ones(2)) == UNKNOWN
