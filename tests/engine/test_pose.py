"""Skeleton pictures and preset poses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.contract import PosePreset
from engine.pose import draw_skeleton, preset, reframed

LEFT_WRIST, RIGHT_WRIST, LEFT_HIP, RIGHT_HIP, LEFT_KNEE = 9, 10, 11, 12, 13


def standing() -> NDArray[np.float32]:
    return preset(PosePreset.STANDING)


def test_a_joint_is_drawn_where_it_is_in_the_colour_of_openpose() -> None:
    pose = standing()
    picture = np.asarray(draw_skeleton(pose, 256, 384))
    x, y = pose[RIGHT_WRIST, :2] * (256, 384)
    assert tuple(picture[round(y), round(x)]) == (170, 255, 0)
    assert picture.shape == (384, 256, 3)
    assert not picture[0].any()


def test_joints_that_were_not_seen_are_left_out_with_their_limbs() -> None:
    pose = standing()
    whole = np.asarray(draw_skeleton(pose, 128, 192)).any(2).sum()
    pose[LEFT_KNEE:, 2] = 0.0
    assert 0 < np.asarray(draw_skeleton(pose, 128, 192)).any(2).sum() < 0.8 * whole
    pose[:, 2] = 0.0
    assert not np.asarray(draw_skeleton(pose, 128, 192)).any()


def test_joints_on_one_spot_or_outside_are_no_error() -> None:
    pose = standing()
    pose[:, :2] = 0.5
    assert np.asarray(draw_skeleton(pose, 64, 64)).any()
    pose[:, :2] = 7.0
    assert not np.asarray(draw_skeleton(pose, 64, 64)).any()


@pytest.mark.parametrize("name", PosePreset)
def test_presets_are_whole_and_inside_the_picture(name: PosePreset) -> None:
    pose = preset(name)
    assert pose.shape == (17, 3)
    assert pose.dtype == np.float32
    assert pose.min() > 0.02
    assert pose[:, :2].max() < 0.98


def test_presets_show_what_they_are_called() -> None:
    lying = preset(PosePreset.LYING)
    assert np.ptp(lying[:, 0]) > 2 * np.ptp(lying[:, 1])
    raised = preset(PosePreset.ARMS_RAISED)
    assert raised[[LEFT_WRIST, RIGHT_WRIST], 1].max() < raised[0, 1]
    hips = preset(PosePreset.HANDS_ON_HIPS)
    for wrist, hip in ((LEFT_WRIST, LEFT_HIP), (RIGHT_WRIST, RIGHT_HIP)):
        assert abs(hips[wrist, 1] - hips[hip, 1]) < 0.1
    assert standing()[LEFT_HIP, 0] > standing()[RIGHT_HIP, 0]


def test_a_preset_is_a_copy() -> None:
    standing()[:] = 0
    assert standing().any()


@pytest.mark.parametrize("name", PosePreset)
@pytest.mark.parametrize("size", [(1024, 1024), (1216, 832), (768, 1344), (832, 1216)])
def test_a_pose_keeps_its_proportions_in_every_format(name: PosePreset, size: tuple[int, int]) -> None:
    pose = preset(name)
    in_picture = pose[:, :2] * (2, 3)
    moved = reframed(pose, *size)
    drawn = moved[:, :2] * size
    visible = pose[:, 2] >= 0.3
    extents = [np.ptp(points[visible], axis=0) for points in (in_picture, drawn)]
    assert extents[1][0] / extents[1][1] == pytest.approx(extents[0][0] / extents[0][1], rel=0.05)
    assert (moved[visible, :2] > -0.01).all() and (moved[visible, :2] < 1.01).all()


def test_lying_fills_a_wide_picture_and_an_upright_one_stays_as_it_was() -> None:
    lying = preset(PosePreset.LYING)
    across = [float(np.ptp(reframed(lying, *size)[:, 0])) for size in ((1216, 832), (832, 1216))]
    assert across[0] > 0.6
    assert np.array_equal(reframed(lying, 832, 1216), lying)
