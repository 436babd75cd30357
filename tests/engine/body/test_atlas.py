"""Surface points of the body: their coordinates, neighbours, mirror images and regions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.body.atlas import Region, load_atlas, shipped_atlas
from engine.body.body_map import MAP_CHANNELS, BodyMaps


def test_every_texel_is_the_nearest_to_its_own_coordinates() -> None:
    atlas = shipped_atlas()
    surface = torch.arange(1, len(atlas) + 1).view(1, 64, 64)
    coordinates = atlas.coordinates(surface)[0].flatten(1).T

    assert torch.equal(atlas.nearest(coordinates) + 1, surface.flatten())


def test_mirrored_texels_lie_at_the_other_side_of_the_body() -> None:
    atlas = shipped_atlas()
    expected = atlas.points * torch.tensor([-1.0, 1.0, 1.0])

    assert (atlas.points[atlas.mirror] - expected).norm(dim=1).max() < 0.02  # metres; texels lie about 1.5 cm apart


def test_a_map_mirrored_twice_is_nearly_itself() -> None:
    atlas = shipped_atlas()
    surface = torch.randint(0, len(atlas) + 1, (1, 6, 4), generator=torch.Generator().manual_seed(0))
    twice = atlas.flipped(atlas.flipped(surface))

    assert torch.equal(twice == 0, surface == 0)
    on_body = surface > 0
    assert (atlas.points[twice[on_body] - 1] - atlas.points[surface[on_body] - 1]).norm(dim=1).max() < 0.05


def test_regions_follow_the_body_from_head_to_feet() -> None:
    atlas = shipped_atlas()
    heights = {region: atlas.points[atlas.region == region, 2].mean() for region in Region}

    assert heights[Region.HEAD] > heights[Region.TORSO] > heights[Region.WAIST]
    assert heights[Region.WAIST] > heights[Region.LEGS] > heights[Region.FEET]
    assert atlas.points[atlas.region == Region.HANDS, 0].abs().min() > 0.3


def test_channels_are_bounded_and_empty_off_the_body() -> None:
    atlas = shipped_atlas()
    surface = torch.zeros(1, 4, 4, dtype=torch.long)
    surface[0, 1:3, 1:3] = torch.tensor([[1, 500], [2000, 4096]])
    channels = BodyMaps(surface, torch.zeros(1, 3, 4, 4)).channels(atlas)

    assert channels.shape == (1, MAP_CHANNELS, 4, 4)
    assert channels.abs().max() <= 1.1
    assert torch.equal(channels[0, :6, 0], torch.zeros(6, 4))
    assert torch.equal(channels[0, 6], 2.0 * (surface[0] > 0) - 1)


def test_the_file_holds_what_was_saved(tmp_path: Path) -> None:
    atlas = shipped_atlas()
    atlas.save(tmp_path / "atlas.safetensors")
    again = load_atlas(tmp_path / "atlas.safetensors")

    assert torch.equal(again.points, atlas.points)
    assert torch.equal(again.mirror, atlas.mirror)
    assert torch.equal(again.region, atlas.region)


@pytest.mark.parametrize("region", Region)
def test_no_region_is_empty(region: Region) -> None:
    assert (shipped_atlas().region == region).sum() > 100
