"""The share of joints that are where they were wanted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.identity.body import Body
from engine.identity.observation import Box
from trainer.people.identity import sample_identity
from trainer.people.render import Photo, render
from trainer.people.shot import sample_shot
from trainer.posing import pose_of, shares_right


class Reader:
    """Sees the joints that `places` (px) gives, or nobody."""

    version = "fixed"

    def __init__(self, places: Callable[[], NDArray[np.float32] | None]) -> None:
        self._places = places

    def find(self, image: Image.Image) -> list[Box]:
        return []

    def see(self, image: Image.Image, box: Box) -> Body | None:
        places = self._places()
        if places is None:
            return None
        return Body(box, places, np.zeros((2, 2), np.uint8), box, np.zeros(4, np.float32))


@pytest.fixture(scope="module")
def photo() -> Photo:
    return render(sample_identity(1_000_005), sample_shot(1_000_005, 0), 192, 128)


@pytest.fixture(scope="module")
def pose(photo: Photo) -> NDArray[np.float32]:
    return pose_of(photo.keypoints.astype(np.float32), (128, 192))


def test_joints_count_as_right_within_a_tenth_of_the_person(photo: Photo, pose: NDArray[np.float32]) -> None:
    asked = pose[:, 2] > 0
    assert asked.sum() >= 8
    extent = np.ptp(photo.keypoints[asked][:, :2], axis=0).max()
    for shift, expected in ((0.0, 1.0), (0.09, 1.0), (0.11, 0.0)):
        moved = photo.keypoints.astype(np.float32) + np.array([shift * extent, 0, 0], np.float32)
        assert shares_right(photo.image[None], [pose], Reader(lambda moved=moved: moved)).tolist() == [expected]


def test_joints_of_a_person_that_is_not_seen_are_wrong(photo: Photo, pose: NDArray[np.float32]) -> None:
    assert shares_right(np.stack([photo.image] * 2), [pose] * 2, Reader(lambda: None)).tolist() == [0.0, 0.0]


def test_what_was_not_asked_for_does_not_count(photo: Photo, pose: NDArray[np.float32]) -> None:
    nothing = pose * np.array([1, 1, 0], np.float32)
    assert np.isnan(shares_right(photo.image[None], [nothing], Reader(lambda: None))).all()


def test_a_joint_beyond_the_edge_is_not_asked_for(photo: Photo) -> None:
    beyond = photo.keypoints.astype(np.float32)
    beyond[0, :2] = (-3, 50)
    assert pose_of(beyond, (128, 192))[0, 2] == 0
