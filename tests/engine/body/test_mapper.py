"""Skeletons drawn as capsules, and the network that reads them."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.body.atlas import shipped_atlas
from engine.body.mapper import BodyMapper, draw_limbs, load_mapper
from engine.networks import save_network


def standing() -> torch.Tensor:
    """[1, 17, 3]: somebody who faces the camera."""
    points = [
        (0.5, 0.15),
        (0.52, 0.14),
        (0.48, 0.14),
        (0.55, 0.15),
        (0.45, 0.15),
        (0.62, 0.27),
        (0.38, 0.27),
        (0.66, 0.40),
        (0.34, 0.40),
        (0.68, 0.52),
        (0.32, 0.52),
        (0.57, 0.54),
        (0.43, 0.54),
        (0.57, 0.72),
        (0.43, 0.72),
        (0.57, 0.90),
        (0.43, 0.90),
    ]
    return torch.tensor([[[x, y, 1.0] for x, y in points]])


def test_limbs_cover_what_lies_between_their_joints() -> None:
    drawn = draw_limbs(standing(), 60, 40)

    assert drawn.shape == (1, 30, 60, 40)
    assert drawn.min() >= 0 and drawn.max() <= 1
    thigh = drawn[0, 9]  # left hip to left knee
    assert thigh[int(0.63 * 60), int(0.57 * 40)] > 0.9
    assert thigh[int(0.63 * 60), 2] < 0.01


def test_a_joint_that_is_not_known_draws_nothing() -> None:
    joints = standing()
    joints[0, 13, 2] = 0  # left knee
    drawn = draw_limbs(joints, 60, 40)

    assert drawn[0, 9].max() == 0 and drawn[0, 10].max() == 0 and drawn[0, 13 + 13].max() == 0
    assert drawn[0, 11].max() > 0.9  # the right thigh


def test_a_skeleton_without_any_joint_gives_finite_numbers() -> None:
    predicted = BodyMapper(24, 16, (8, 16, 16))(torch.zeros(2, 17, 3), torch.full((2, 3), 0.5))

    assert all(part.isfinite().all() for part in (predicted.inside, predicted.coordinates, predicted.normal))


def test_maps_have_the_size_asked_for_and_texels_of_the_atlas() -> None:
    torch.manual_seed(0)
    atlas = shipped_atlas()
    maps = BodyMapper(24, 16, (8, 16, 16)).maps(standing(), torch.full((1, 3), 0.5), atlas)

    assert maps.surface.shape == (1, 24, 16) and maps.normal.shape == (1, 3, 24, 16)
    assert maps.surface.max() <= len(atlas)
    assert torch.equal(maps.normal.norm(dim=1) > 0.5, maps.surface > 0)


def test_a_saved_mapper_is_read_back(tmp_path: Path) -> None:
    mapper = BodyMapper(24, 16, (8, 16, 16))
    save_network(mapper, tmp_path, {"pictures": 0})
    again = load_mapper(tmp_path)
    build = torch.full((1, 3), 0.5)

    assert torch.allclose(again(standing(), build).inside, mapper.eval()(standing(), build).inside, atol=0.02)
