"""The head of a photo is aligned with the head of the pose: moved, scaled, turned, and mirrored where it looks to the
other side."""

from __future__ import annotations

import numpy as np
import pytest

from engine.backbones.nano.head_alignment import HeadPhoto, aligned_head
from engine.identity.body import BodyPart

SIZE = (240, 160)
FACE = np.array([[0, 6], [6, 0], [-6, 0], [12, 2], [-12, 2]], np.float32)
"""Nose, eyes and ears of a head that looks ahead, in px about the middle of the eyes; left is the person's own."""
TURNED = np.array([[9, 6], [11, 0], [1, 0], [6, 2], [-12, 2]], np.float32)
"""The points of a head that looks to the right in the picture."""


def head_photo(points: np.ndarray, middle: tuple[float, float] = (60.0, 60.0)) -> HeadPhoto:
    """A grey head with a red spot at the nose and a green one above the left eye."""
    image = np.full((120, 120, 3), 100, np.uint8)
    parts = np.full((120, 120), int(BodyPart.SKIN), np.uint8)
    placed = points + middle
    for (x, y), colour in ((placed[0], (255, 0, 0)), (placed[1] - (0, 6), (0, 255, 0))):
        image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = colour
    mask = np.zeros((120, 120), bool)
    mask[30:90, 30:90] = True
    weight = np.ones((5, 1), np.float32)
    return HeadPhoto(image, mask, parts, np.concatenate([placed, weight], 1).astype(np.float32))


def pose_of(points: np.ndarray, middle: tuple[float, float], scale: float) -> np.ndarray:
    joints = np.zeros((17, 3), np.float32)
    joints[:5, :2] = (points * scale + middle) / (SIZE[1], SIZE[0])
    joints[:5, 2] = 1
    return joints


def place_of(picture: np.ndarray, channel: int) -> tuple[float, float]:
    """The middle of what is saturated in one channel alone: x, y."""
    strong = picture[..., channel].astype(int) - picture.max(2, where=np.arange(3) != channel, initial=0)
    rows, columns = np.nonzero(strong > 60)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_the_nose_lands_on_the_nose_of_the_pose(scale: float) -> None:
    found = aligned_head([head_photo(FACE)], pose_of(FACE, (90, 110), scale), SIZE)

    assert place_of(found.rgb, 0) == pytest.approx((90, 110 + 6 * scale), abs=1.5)
    assert place_of(found.rgb, 1)[0] > 90  # the left eye stays at the same side
    inside = (found.mask > 128).sum()
    assert inside == pytest.approx((60 * scale) ** 2, rel=0.15)
    assert set(np.unique(found.parts)) == {0, int(BodyPart.SKIN)}


def test_a_head_that_looks_the_other_way_is_mirrored() -> None:
    to_the_left = TURNED[[0, 2, 1, 4, 3]] * np.array([-1, 1], np.float32)
    found = aligned_head([head_photo(TURNED)], pose_of(to_the_left, (80, 100), 1.0), SIZE)

    assert place_of(found.rgb, 0) == pytest.approx((71, 106), abs=2)
    assert place_of(found.rgb, 1)[0] < 80


def test_of_two_photos_the_one_that_fits_is_taken() -> None:
    ahead, turned = head_photo(FACE), head_photo(TURNED)
    alone, both = (
        aligned_head(photos, pose_of(TURNED, (80, 100), 1.5), SIZE) for photos in ([turned], [ahead, turned])
    )

    assert np.array_equal(alone.rgb, both.rgb)


@pytest.mark.parametrize("seen", [0, 1])
def test_too_few_points_give_no_head(seen: int) -> None:
    pose = pose_of(FACE, (80, 100), 1.0)
    pose[seen:, 2] = 0
    found = aligned_head([head_photo(FACE)], pose, SIZE)

    assert found.rgb.shape == (*SIZE, 3)
    assert not found.rgb.any() and not found.mask.any() and not found.parts.any()
