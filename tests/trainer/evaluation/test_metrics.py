"""The metrics of the evaluation against closed forms, published values and hand-made cases."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from trainer.evaluation import metrics
from trainer.evaluation.metrics import (
    COCO_SIGMAS,
    bootstrap,
    colour_difference,
    copy_paste_gap,
    cosine,
    frechet,
    kernel_distance,
    oks,
    paired,
    pck,
    rank1,
)


def normal(rows: int, columns: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(rows, columns)) + shift).astype(np.float32)


def test_an_interval_covers_the_mean_and_skips_unknown_values() -> None:
    values = np.random.default_rng(0).normal(3, 1, 400)
    values[::4] = np.nan
    found = bootstrap(values)
    assert found.count == 300
    assert found.low < 3 < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(300), rel=0.2)


def test_paired_people_reveal_a_difference_smaller_than_the_spread() -> None:
    person = np.random.default_rng(0).normal(0, 10, 200)
    better = paired(person + 0.5, person + np.random.default_rng(1).normal(0, 0.5, 200))
    assert better.low > 0
    assert bootstrap(person).low < -0.5 < bootstrap(person).high


def test_unknown_values_alone_give_a_count_of_zero() -> None:
    assert bootstrap(np.full(5, np.nan)).count == 0


def test_rank1_counts_queries_whose_nearest_neighbour_is_their_own() -> None:
    gallery = np.eye(4, dtype=np.float32)
    np.testing.assert_array_equal(rank1(gallery, gallery), [1, 1, 1, 1])
    np.testing.assert_array_equal(rank1(gallery[[1, 0, 2, 3]], gallery), [0, 0, 1, 1])
    np.testing.assert_allclose(cosine(gallery, gallery[[0, 0, 0, 3]]), [1, 0, 0, 1])


def test_frechet_distance_of_shifted_gaussians_is_the_square_of_the_shift() -> None:
    first, second = normal(4000, 3, 0), normal(4000, 3, 1, shift=2.0)
    assert frechet(first, first) == pytest.approx(0, abs=1e-6)
    assert frechet(first, second) == pytest.approx(12, rel=0.05)


def test_frechet_distance_of_fewer_pictures_than_features_is_that_of_their_covariances() -> None:
    first, second = normal(7, 30, 0), 2 * normal(5, 30, 1, shift=0.5)
    one, other = (np.cov(features, rowvar=False) for features in (first, second))
    root = np.sqrt(np.linalg.eigvals(one @ other).real.clip(0)).sum()
    shift = ((first.mean(0) - second.mean(0)) ** 2).sum()
    assert frechet(first, second) == pytest.approx(shift + np.trace(one + other) - 2 * root, rel=1e-4)


def test_kernel_distance_is_about_zero_for_one_distribution_and_not_for_two() -> None:
    first, same, other = normal(400, 4, 0), normal(400, 4, 1), normal(400, 4, 2, shift=1.0)
    assert abs(kernel_distance(first, same)) < 0.1
    assert kernel_distance(first, other) > 0.5


def test_frechet_distance_of_other_spreads_is_the_closed_form() -> None:
    first, second = normal(20_000, 2, 0), 3 * normal(20_000, 2, 1)
    assert frechet(first, second) == pytest.approx(2 * (3 - 1) ** 2, rel=0.05)  # the sum of (s1 - s2)^2
    assert frechet(first[:, :1], second[:, :1]) == pytest.approx((3 - 1) ** 2, rel=0.05)


def test_kernel_distance_of_one_distribution_falls_on_both_sides_of_zero() -> None:
    found = [kernel_distance(normal(60, 4, 2 * seed), normal(60, 4, 2 * seed + 1)) for seed in range(60)]
    assert min(found) < 0 < max(found)
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))


def test_large_sets_are_measured_by_subsets_that_agree_with_all_pairs() -> None:
    first, other = normal(900, 4, 0), normal(700, 4, 1, shift=1.0)
    whole = kernel_distance(first, other)
    assert kernel_distance(first, other, subsets=60, subset_size=200) == pytest.approx(whole, rel=0.05)
    few = {kernel_distance(first, other, subsets=2, subset_size=50, seed=seed) for seed in (0, 0, 1)}
    assert len(few) == 2  # a seed draws the same subsets again


def test_no_kernel_is_larger_than_a_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, real = set[int](), metrics._squared_mmd

    def noted(first: np.ndarray, second: np.ndarray) -> float:
        sizes.update((len(first), len(second)))
        return real(first, second)

    monkeypatch.setattr(metrics, "_squared_mmd", noted)
    kernel_distance(normal(300, 2, 0), normal(90, 2, 1), subsets=2, subset_size=100)
    assert sizes == {90}
    kernel_distance(normal(300, 2, 0), normal(200, 2, 1), subsets=2, subset_size=100)
    assert sizes == {90, 100}


def test_a_copied_reference_shows_as_a_gap() -> None:
    np.testing.assert_allclose(copy_paste_gap(np.array([1.0, 0.5]), np.array([0.6, 0.7])), [0.4, -0.2])


def test_joints_count_within_a_tenth_of_the_persons_size() -> None:
    target = np.zeros((17, 2))
    target[:, 1] = np.linspace(0, 100, 17)
    visible = np.ones(17, bool)
    found = target.copy()
    found[:5, 0] += 9
    found[5:8, 0] += 11
    assert pck(found, target, visible) == pytest.approx(14 / 17)
    assert np.isnan(pck(found, target, np.zeros(17, bool)))


def test_oks_is_one_on_the_spot_and_falls_sooner_for_eyes_than_for_hips() -> None:
    target = np.random.default_rng(0).uniform(0, 100, (17, 2))
    visible = np.ones(17, bool)
    assert oks(target, target, visible, 2000) == 1
    eye, hip = visible & (np.arange(17) == 1), visible & (np.arange(17) == 11)
    assert oks(target + 3, target, eye, 2000) < oks(target + 3, target, hip, 2000)


def test_oks_of_a_known_distance_is_cocos_formula() -> None:
    target = np.zeros((17, 2))
    nose, area_px = np.arange(17) == 0, 900.0
    reach = 2 * COCO_SIGMAS[0] * np.sqrt(area_px)
    assert oks(target + np.array([reach, 0]), target, nose, area_px) == pytest.approx(np.exp(-0.5))


@pytest.mark.parametrize(
    ("first", "second", "published"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_gives_the_papers_values(
    first: tuple[float, ...], second: tuple[float, ...], published: float
) -> None:
    assert float(deltaE_ciede2000(first, second)) == pytest.approx(published, abs=1e-4)


def test_colours_are_compared_by_part_and_a_missing_part_is_none() -> None:
    red, blue = (np.full((8, 8, 3), colour, np.uint8) for colour in ((200, 20, 20), (20, 20, 200)))
    parts = np.full((8, 8), 3, np.uint8)
    assert colour_difference(red, parts, red, parts, 3) == pytest.approx(0, abs=1e-6)
    assert colour_difference(red, parts, blue, parts, 3) > 40  # type: ignore[operator]
    nothing = np.zeros((8, 8), np.uint8)
    assert np.isnan(colour_difference(red, nothing, red, parts, 3))  # type: ignore[arg-type]
    assert colour_difference(red, parts, red, nothing, 3) is None
