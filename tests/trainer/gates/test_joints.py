"""The share of joints at their place, and the poses that show a face."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.gates.cases import SIZE, Case
from trainer.gates.joints import faces_camera, pose_of, shares_right


@pytest.fixture(scope="module")
def pose(cases: list[Case]) -> NDArray[np.float32]:
    return pose_of(cases[0].held_out.keypoints, SIZE)


def test_joints_count_as_right_within_a_tenth_of_the_pose(pose: NDArray[np.float32]) -> None:
    visible = pose[:, 2] > 0
    exact = pose[:, :2].astype(np.float64) * SIZE
    extent = np.ptp(exact[visible], axis=0).max()
    for shift, expected in ((0.0, 1.0), (0.09, 1.0), (0.11, 0.0)):
        moved = exact + np.array([shift * extent, 0])
        assert shares_right(moved[None], [pose], SIZE).tolist() == [expected]


def test_joints_of_nobody_are_wrong_and_a_pose_without_joints_does_not_count(pose: NDArray[np.float32]) -> None:
    nobody = np.full((1, 17, 2), np.inf)
    assert shares_right(nobody, [pose], SIZE).tolist() == [0.0]
    assert np.isnan(shares_right(nobody, [pose * np.array([1, 1, 0], np.float32)], SIZE)).all()


def test_a_joint_beyond_the_edge_is_no_part_of_the_pose(cases: list[Case]) -> None:
    keypoints = cases[0].held_out.keypoints.copy()
    keypoints[0, :2] = (-3, 50)
    assert pose_of(keypoints, SIZE)[0, 2] == 0


def head(nose: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> NDArray[np.float32]:
    pose = np.zeros((17, 3), np.float32)
    pose[:3] = [(*nose, 1), (*left, 1), (*right, 1)]
    return pose


def test_an_upright_face_is_towards_the_camera_and_others_are_not() -> None:
    upright = head((0.5, 0.25), (0.55, 0.2), (0.45, 0.2))
    assert faces_camera(upright)
    assert not faces_camera(head((0.6, 0.25), (0.52, 0.2), (0.48, 0.2)))  # in profile
    assert not faces_camera(head((0.55, 0.2), (0.5, 0.25), (0.5, 0.15)))  # lying
    assert not faces_camera(head((0.5, 0.15), (0.55, 0.2), (0.45, 0.2)))  # upside down
    upright[2, 2] = 0
    assert not faces_camera(upright)
