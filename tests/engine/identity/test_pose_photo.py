"""The pose of whoever is on a photo."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image

from engine.errors import PoseError
from engine.identity.body import Body
from engine.identity.faces import CascadeFinder
from engine.identity.observation import Box
from engine.identity.observer import NetworkObserver
from engine.identity.pose_photo import pose_of


class _Sees:
    """Sees the same joints wherever it looks; none given: nobody."""

    version = "test"

    def __init__(self, keypoints: np.ndarray | None) -> None:
        self._keypoints = keypoints

    def find(self, image: Image.Image) -> list[Box]:
        return []

    def see(self, image: Image.Image, box: Box) -> Body | None:
        if self._keypoints is None:
            return None
        return Body(box, self._keypoints.copy(), np.zeros((2, 2), np.uint8), box, np.ones(1, np.float32))


def test_the_pose_of_a_standing_person_is_read(
    standing: Image.Image, cascades: CascadeFinder, shipped: NetworkObserver
) -> None:
    pose = pose_of(standing, cascades, shipped)
    assert pose.shape == (17, 3) and pose.dtype == np.float32
    assert pose[:, :2].min() >= 0 and pose[:, :2].max() <= 1 and (pose[:, 2] > 0).sum() >= 14
    nose, left_ankle, right_ankle = pose[0], pose[15], pose[16]
    assert nose[1] < 0.2 and min(left_ankle[1], right_ankle[1]) > 0.75
    assert left_ankle[0] > right_ankle[0], "she faces the camera"


def test_a_photo_of_nobody_has_no_pose(cascades: CascadeFinder) -> None:
    with pytest.raises(PoseError, match="found nobody"):
        pose_of(Image.fromarray(skimage.data.coffee()), cascades, _Sees(None))


def test_a_head_alone_has_no_pose(cascades: CascadeFinder) -> None:
    keypoints = np.full((17, 3), 5, np.float32)
    keypoints[:, 2] = 0
    keypoints[:5, 2] = 0.9
    with pytest.raises(PoseError, match="saw 5"):
        pose_of(Image.new("RGB", (100, 200)), cascades, _Sees(keypoints))


def test_joints_are_shares_of_the_photo_and_unseen_ones_say_so(cascades: CascadeFinder) -> None:
    keypoints = np.tile(np.array([50, 100, 0.8], np.float32), (17, 1))
    keypoints[16, 2] = 0.2
    pose = pose_of(Image.new("RGB", (100, 200)), cascades, _Sees(keypoints))
    assert pose[0] == pytest.approx([0.5, 0.5, 0.8]) and pose[16, 2] == 0
