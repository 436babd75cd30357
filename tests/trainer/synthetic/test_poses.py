"""Poses: possible for a body, wide in range, and equal for equal seeds."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.synthetic import sample_identity
from trainer.synthetic.body import rest_body, template
from trainer.synthetic.collision import is_possible, overlaps, segment_distance
from trainer.synthetic.pose import bone_transforms
from trainer.synthetic.posture import limb_directions, root_frame, trunk_frame
from trainer.synthetic.shot import FRAMINGS, POSE_CHANCES, POSES, sample_pose, sample_shot
from trainer.synthetic.stance import STANCES, Doubles, PoseDraw

STILL = PoseDraw("standing", np.zeros((2, 5, 3)), False, 0.0, 0.0, 0.0, False)


def bent(row: int, column: int, direction: tuple[float, float, float]) -> PoseDraw:
    """Standing, with one limb pointing in a direction."""
    wobble = np.zeros((2, 5, 3))
    limb = ("upper_arm", "forearm", "thigh", "shin", "toes")[column]
    wobble[row, column] = np.array(direction) - np.array(getattr(STANCES["standing"].left, limb))
    return replace(STILL, wobble=wobble)


@pytest.mark.parametrize("name", POSES)
def test_a_stance_itself_is_possible(name: str) -> None:
    assert is_possible(replace(STILL, name=name)) and is_possible(replace(STILL, name=name, mirrored=True))


def test_a_forearm_through_the_trunk_is_found() -> None:
    assert ("L hand", "chest") in {tuple(sorted(pair)) for pair in overlaps(bent(0, 1, (-1.0, 0.1, 0.3)))}


def test_legs_through_each_other_are_found() -> None:
    assert ("L shin", "R shin") in overlaps(bent(0, 2, (-0.35, 0.0, -1.0)))


@pytest.mark.parametrize(("column", "direction"), [(3, (0.0, -0.6, -1.0)), (1, (0.1, 0.8, -1.0))])
def test_knees_and_elbows_bend_one_way(column: int, direction: tuple[float, float, float]) -> None:
    assert not is_possible(bent(0, column, direction))


def test_the_distance_of_segments_is_that_of_their_nearest_points() -> None:
    generator = np.random.default_rng(0)
    shares = np.linspace(0, 1, 41)
    for _ in range(50):
        a, b, c, d = generator.normal(size=(4, 3))
        one, other = a + shares[:, None] * (b - a), c + shares[:, None] * (d - c)
        nearest = np.linalg.norm(one[:, None] - other[None], axis=-1).min()
        assert segment_distance(a, b, c, d) <= nearest + 1e-9
        assert segment_distance(a, b, c, d) > nearest - 0.12


def test_sampled_poses_are_possible_and_some_draws_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = []

    def counted(draw: PoseDraw) -> bool:
        possible = is_possible(draw)
        rejected.append(not possible)
        return possible

    monkeypatch.setattr("trainer.synthetic.shot.is_possible", counted)
    draws = [sample_pose(np.random.default_rng([seed, 1]), name, "full") for name in POSES for seed in range(25)]
    assert all(is_possible(draw) for draw in draws)
    assert 0.02 < np.mean(rejected) < 0.6


def test_poses_vary_by_more_than_a_tremble() -> None:
    """The old draws moved an upper arm by 3 degrees (standard deviation 0.06); these go beyond 8."""
    arms = np.array([_upper_arm(sample_pose(np.random.default_rng(seed), "standing", "full")) for seed in range(80)])
    middle = arms.mean(axis=0) / np.linalg.norm(arms.mean(axis=0))
    angles = np.rad2deg(np.arccos(np.clip(arms @ middle, -1, 1)))
    assert np.quantile(angles, 0.9) > 8


def _upper_arm(draw: PoseDraw) -> Doubles:
    return limb_directions(replace(draw, mirrored=False), np.eye(3), trunk_frame(draw, np.eye(3)))["L", "upper_arm"]


def test_equal_seeds_draw_equal_poses() -> None:
    one, other = sample_shot(12, 3), sample_shot(12, 3)
    assert np.array_equal(one.pose.wobble, other.pose.wobble)
    assert replace(one.pose, wobble=other.pose.wobble) == other.pose


def test_every_stance_and_framing_is_drawn() -> None:
    shots = [sample_shot(seed, index) for seed in range(120) for index in range(4)]
    assert {shot.pose.name for shot in shots} == set(POSES)
    assert {shot.framing for shot in shots} == set(FRAMINGS)
    assert {"running", "dancing", "sitting", "kneeling", "lying", "crouching"} <= set(POSE_CHANCES["full"])


def test_a_quarter_of_photos_shows_another_outfit() -> None:
    assert [sample_shot(4, index).outfit for index in range(8)] == [0, 0, 0, 1, 0, 0, 0, 1]


def test_bones_point_where_the_draw_says() -> None:
    bones = template().bones
    body = rest_body(sample_identity(8).phenotype)
    for name in POSES:
        draw = sample_pose(np.random.default_rng(8), name, "full")
        matrices = bone_transforms(body, [draw])[0]
        root = root_frame(draw)
        wishes = limb_directions(draw, root, trunk_frame(draw, root))
        for side in ("L", "R"):
            for limb, start, end in (("forearm", "lowerarm01", "wrist"), ("shin", "lowerleg01", "foot")):
                first, last = (bones.index(f"{bone}.{side}") for bone in (start, end))
                joints = [
                    m[:, :3] @ body.joints[i] + m[:, 3] for i, m in ((first, matrices[first]), (last, matrices[last]))
                ]
                found = (joints[1] - joints[0]) / np.linalg.norm(joints[1] - joints[0])
                assert found @ wishes[side, limb] > 0.98
