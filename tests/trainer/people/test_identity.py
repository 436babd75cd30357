"""Identities: reproducible, adult, and kept apart by split."""

import pytest

from trainer.people import SPLITS, sample_identity, split_of
from trainer.people.palette import GARMENT_COLOURS, HAIR_COLOURS


def test_equal_seeds_give_equal_people() -> None:
    assert sample_identity(123) == sample_identity(123)


def test_different_seeds_give_different_people() -> None:
    assert len({sample_identity(seed).phenotype for seed in range(50)}) == 50


def test_splits_do_not_overlap() -> None:
    ranges = list(SPLITS.values())
    for index, seeds in enumerate(ranges):
        for other in ranges[index + 1 :]:
            assert seeds.stop <= other.start or other.stop <= seeds.start


@pytest.mark.parametrize(
    ("seed", "split"),
    [
        (0, "train"),
        (999_999, "train"),
        (1_000_000, "validation"),
        (1_099_999, "validation"),
        (2_000_000, "test"),
        (2_099_999, "test"),
    ],
)
def test_split_of_knows_the_borders(seed: int, split: str) -> None:
    assert split_of(seed) == split


@pytest.mark.parametrize("seed", [-1, 1_100_000, 2_100_000])
def test_a_seed_outside_every_split_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="Expected an identity seed"):
        sample_identity(seed)


def test_everybody_is_an_adult() -> None:
    adulthood = 0.6
    assert all(sample_identity(seed).phenotype.age > adulthood for seed in range(300))


def test_a_dress_comes_without_a_bottom_and_everything_else_with_one() -> None:
    for seed in range(300):
        person = sample_identity(seed)
        assert (person.bottom is None) == (person.top.kind == "dress")


def test_all_colours_are_worn() -> None:
    people = [sample_identity(seed) for seed in range(1500)]
    assert {person.top.colour for person in people} == set(GARMENT_COLOURS)
    assert {person.hair.colour for person in people} == set(HAIR_COLOURS)
