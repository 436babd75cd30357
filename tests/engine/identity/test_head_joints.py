"""Nose, eyes and ears by the face's mesh."""

from __future__ import annotations

import numpy as np
import pytest

from engine.identity.head_joints import LEFT_SIDE, RIGHT_SIDE, WIDTH_MIN_PX, with_head_joints
from engine.identity.head_parts import CHIN, FOREHEAD, LEFT_EYE, RIGHT_EYE
from engine.identity.skeleton import MIRRORED_JOINTS
from engine.vision.face_mesh import Mesh


def face(width: float, turn: float = 0.0) -> Mesh:
    """A face of `width` px around (100, 100), turned by `turn` radians to the left of the picture."""
    points = np.zeros((468, 3))
    points[LEFT_SIDE], points[RIGHT_SIDE] = (0.5, 0, 0), (-0.5, 0, 0)
    points[FOREHEAD], points[CHIN] = (0, -0.6, -0.2), (0, 0.7, -0.2)
    points[1] = (0, 0.1, -0.5)
    points[list(LEFT_EYE)], points[list(RIGHT_EYE)] = (0.2, -0.15, -0.3), (-0.2, -0.15, -0.3)
    cosine, sine = np.cos(turn), np.sin(turn)
    rotation = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    return Mesh((width * points @ rotation.T + (100, 100, 0)).astype(np.float32), 1.0)


@pytest.fixture
def keypoints() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.4, 0.9, (17, 3)).astype(np.float32)


def test_a_face_from_the_front_has_its_ears_at_both_sides(keypoints: np.ndarray) -> None:
    joints = with_head_joints(keypoints, face(50))

    assert joints[1, :2] == pytest.approx([110, 92.5]) and joints[2, :2] == pytest.approx([90, 92.5])
    assert joints[3, 0] - 100 == pytest.approx(100 - joints[4, 0]) and joints[3, 0] > 125
    assert joints[0, 0] == pytest.approx(100, abs=0.1)
    assert np.array_equal(joints[5:], keypoints[5:]) and np.array_equal(joints[:, 2], keypoints[:, 2])


def test_ears_lie_behind_a_turned_face(keypoints: np.ndarray) -> None:
    ahead, turned = with_head_joints(keypoints, face(50)), with_head_joints(keypoints, face(50, 0.5))

    assert turned[0, 0] < ahead[0, 0] - 5, "the nose points to the left"
    assert turned[3, 0] > 100 + 25 * np.cos(0.5) + 4, "the ear is behind the outline of the face"


def test_a_mirrored_face_has_mirrored_joints(keypoints: np.ndarray) -> None:
    left, right = with_head_joints(keypoints, face(50, 0.4)), with_head_joints(keypoints, face(50, -0.4))

    assert left[:5, 0] == pytest.approx(200 - right[list(MIRRORED_JOINTS[:5]), 0], abs=0.1)
    assert left[:5, 1] == pytest.approx(right[list(MIRRORED_JOINTS[:5]), 1], abs=0.1)


def test_a_tiny_face_keeps_the_joints_of_the_pose(keypoints: np.ndarray) -> None:
    assert np.array_equal(with_head_joints(keypoints, face(WIDTH_MIN_PX - 1)), keypoints)
