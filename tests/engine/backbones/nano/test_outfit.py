"""Clothes that neither prompt nor photos determine form one outfit, the same for the same seed."""

from __future__ import annotations

import torch

from engine.backbones.nano.attributes import encode_attributes
from engine.backbones.nano.outfit import with_outfit
from engine.body.atlas import Region, shipped_atlas
from engine.body.texture import SURENESS
from tests.engine.backbones.nano.test_pipeline import nano_request

ATLAS = shipped_atlas()


def photo_of(*regions: Region) -> object:
    photo = nano_request().references[0]
    seen = torch.isin(ATLAS.region, torch.tensor([int(region) for region in regions]))
    photo.texture[SURENESS] = seen.float()
    return photo


def test_what_a_photo_shows_is_left_to_the_photo() -> None:
    said = with_outfit({"place": "beach"}, [photo_of(*Region)], ATLAS, 1)  # type: ignore[list-item]

    assert said == {"place": "beach"}


def test_below_a_portrait_there_are_trousers_and_shoes() -> None:
    portrait = photo_of(Region.HEAD, Region.TORSO)
    outfits = [with_outfit({}, [portrait], ATLAS, seed) for seed in range(20)]  # type: ignore[list-item]

    for said in outfits:
        assert {"bottom", "bottom_colour", "shoes", "shoes_colour"} <= set(said)
        assert "top" not in said
        encode_attributes(said)  # every value is one that nano knows
    assert outfits[3] == with_outfit({}, [portrait], ATLAS, 3)  # type: ignore[list-item]
    assert len({said["bottom_colour"] for said in outfits}) > 1


def test_words_come_before_the_outfit() -> None:
    said = with_outfit({"bottom_colour": "red"}, [photo_of(Region.HEAD)], ATLAS, 1)  # type: ignore[list-item]

    assert said["bottom_colour"] == "red" and said["bottom"] == "trousers"


def test_a_dress_is_top_and_bottom() -> None:
    said = with_outfit({"top": "dress", "top_colour": "blue"}, [photo_of(Region.HEAD)], ATLAS, 1)  # type: ignore[list-item]

    assert said["bottom"] == "dress" and said["bottom_colour"] == "blue"
