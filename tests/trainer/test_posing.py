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
from trainer.posing import pose_of_photo, share_right


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


def test_joints_count_as_right_within_a_tenth_of_the_person(photo: Photo) -> None:
    pose = pose_of_photo(photo)
    asked = pose[:, 2] > 0
    extent = np.ptp(photo.keypoints[asked][:, :2], axis=0).max()
    pictures = photo.image[None]
    for shift, expected in ((0.0, 1.0), (0.09, 1.0), (0.11, 0.0)):
        moved = photo.keypoints.astype(np.float32) + np.array([shift * extent, 0, 0], np.float32)
        share, joints = share_right(pictures, [pose], Reader(lambda moved=moved: moved))
        assert share == expected
        assert joints == asked.sum() >= 8


def test_joints_of_a_person_that_is_not_seen_are_wrong(photo: Photo) -> None:
    pose = pose_of_photo(photo)
    share, joints = share_right(np.stack([photo.image] * 2), [pose] * 2, Reader(lambda: None))
    assert (share, joints) == (0.0, 2 * (pose[:, 2] > 0).sum())


def test_what_was_not_asked_for_does_not_count(photo: Photo) -> None:
    pose = pose_of_photo(photo)
    pose[:, 2] = 0
    assert share_right(photo.image[None], [pose], Reader(lambda: None)) == (0.0, 0)
