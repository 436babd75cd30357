"""Identities: reproducible, adult, kept apart by split, and the same in other clothes."""

import json
from dataclasses import fields

import pytest

from trainer.synthetic import SPLITS, Identity, sample_identity, split_of
from trainer.synthetic.attributes import attributes, parameters
from trainer.synthetic.face import LARGEST, SPREADS
from trainer.synthetic.identity import HAIR_STYLES
from trainer.synthetic.palette import GARMENT_COLOURS, HAIR_COLOURS
from trainer.synthetic.wardrobe import BAGS, BOTTOMS, HATS, MOTIFS, PATTERNS, SHOES, TOPS


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


@pytest.fixture(scope="module")
def crowd() -> list[Identity]:
    return [sample_identity(seed) for seed in range(1500)]


def test_a_person_in_other_clothes_keeps_the_body() -> None:
    for seed in (0, 1, 1_000_000, 2_000_000):
        first, second = sample_identity(seed), sample_identity(seed, 1)
        for field in fields(Identity):
            if field.name not in ("outfit", "outfit_number"):
                assert getattr(first, field.name) == getattr(second, field.name)
        assert first.outfit != second.outfit
        assert second == sample_identity(seed, 1)


def test_outfits_of_a_person_differ() -> None:
    outfits = [sample_identity(7, number).outfit for number in range(20)]
    assert len(set(outfits)) == 20
    assert len({outfit.top.kind for outfit in outfits}) > 3


def test_an_outfit_number_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected an outfit number"):
        sample_identity(3, -1)


def test_all_colours_are_worn(crowd: list[Identity]) -> None:
    assert {person.top.colour for person in crowd} == set(GARMENT_COLOURS)
    assert {person.hair.colour for person in crowd} == set(HAIR_COLOURS)


def test_everything_in_the_wardrobe_is_worn(crowd: list[Identity]) -> None:
    assert {person.top.kind for person in crowd} == set(TOPS)
    assert {person.bottom.kind for person in crowd if person.bottom} == set(BOTTOMS)
    assert {person.shoes.kind for person in crowd} == set(SHOES)
    assert {person.hat.kind for person in crowd if person.hat} == set(HATS)
    assert {person.bag.kind for person in crowd if person.bag} == set(BAGS)
    assert {person.top.pattern for person in crowd} == set(PATTERNS)
    assert {person.top.motif for person in crowd} == {None, *MOTIFS}
    assert {person.hair.style for person in crowd} == set(HAIR_STYLES)


def test_faces_differ_moderately(crowd: list[Identity]) -> None:
    assert len({person.shape for person in crowd}) == len(crowd)
    for person in crowd[:200]:
        assert [name for name, _ in person.shape] == list(SPREADS)
        assert all(abs(strength) <= LARGEST for _, strength in person.shape)


def test_the_record_of_a_person_is_complete_json() -> None:
    person = sample_identity(11, 2)
    record = json.loads(json.dumps(parameters(person)))
    assert set(record) == {field.name for field in fields(Identity)}
    assert record["shape"] == dict(person.shape)
    assert record["phenotype"]["age"] == person.phenotype.age
    assert record["outfit"]["top"]["kind"] == person.top.kind


def test_attributes_are_names_and_bytes() -> None:
    person = next(p for p in map(sample_identity, range(200)) if p.bag is not None)
    stored = json.loads(json.dumps(attributes(person)))
    assert stored["bag"]["kind"] in BAGS
    assert all(0 <= value <= 255 and isinstance(value, int) for value in stored["skin_rgb"] + stored["top"]["rgb"])
