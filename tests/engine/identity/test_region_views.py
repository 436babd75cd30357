"""Crops of a person's regions: what surrounds the person is not shown, and patches at joints count most."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.identity.body import BodyPart
from engine.identity.profile import Observation, View
from engine.identity.region_views import MEAN_RGB, region_views, without_surroundings
from engine.identity.regions import ImageRegion

NOSE, SHOULDERS, HIPS, ANKLES = (100, 40), ((80, 80), (120, 80)), ((85, 160), (115, 160)), ((88, 280), (112, 280))
BODY = (70.0, 20.0, 130.0, 290.0)
SCENERY, COAT = (0, 200, 0), (200, 0, 0)


def standing(face: bool = True, keypoints: bool = True, mask: bool = True) -> View:
    """A red body on green, 200 x 300 px."""
    picture = np.full((300, 200, 3), SCENERY, np.uint8)
    picture[20:290, 70:130] = COAT
    parts = np.zeros((300, 200), np.uint8)
    parts[20:290, 70:130] = BodyPart.TOP
    joints = np.zeros((17, 3), np.float32)
    for number, (x, y) in zip((0, 5, 6, 11, 12, 15, 16), (NOSE, *SHOULDERS, *HIPS, *ANKLES), strict=True):
        joints[number] = x, y, 0.9
    observation = Observation(
        200, 300, body_box=BODY,
        face_box=(88.0, 25.0, 112.0, 55.0) if face else None,
        keypoints=joints if keypoints else None,
        parts=parts if mask else None,
        parts_box=(0.0, 0.0, 200.0, 300.0) if mask else None,
    )  # fmt: skip
    return View(Image.fromarray(picture), observation)


def test_a_standing_person_shows_every_region_as_a_square() -> None:
    regions = region_views(standing(), 64, 8)
    assert set(regions) == set(ImageRegion)
    assert all(region.image.size == (64, 64) and region.nearness.shape == (8, 8) for region in regions.values())


def test_surroundings_are_the_encoders_mean_colour_where_a_mask_was_read() -> None:
    whole = np.asarray(region_views(standing(), 64, 8)[ImageRegion.WHOLE].image)
    assert tuple(whole[32, 2]) == MEAN_RGB and tuple(whole[32, 32]) == COAT
    unmasked = np.asarray(region_views(standing(mask=False), 64, 8)[ImageRegion.WHOLE].image)
    assert tuple(unmasked[32, 32]) == COAT and (unmasked == SCENERY).all(-1).any()


def test_a_mask_that_shows_hardly_anybody_is_not_believed() -> None:
    view = standing()
    assert view.observation.parts is not None
    view.observation.parts[60:] = 0
    view.observation.parts[:, :110] = 0
    photo, mask = without_surroundings(view)
    assert photo is view.image and mask is None


def test_patches_count_most_at_joints_and_least_far_from_all() -> None:
    nearness = region_views(standing(), 64, 8)[ImageRegion.WHOLE].nearness
    assert nearness.max() == pytest.approx(1.0) and nearness.min() < 0.05
    row, column = np.unravel_index(nearness.argmax(), nearness.shape)
    assert 2 <= column <= 5
    assert nearness[int(row), 0] < 0.1


def test_without_joints_all_patches_count_alike() -> None:
    assert (region_views(standing(keypoints=False), 64, 8)[ImageRegion.WHOLE].nearness == 1).all()


def test_a_photo_without_a_person_is_read_whole() -> None:
    empty = View(Image.new("RGB", (40, 60), COAT), Observation(40, 60))
    regions = region_views(empty, 64, 8)
    assert set(regions) == {ImageRegion.WHOLE}
    assert np.asarray(regions[ImageRegion.WHOLE].image)[32, 32].tolist() == list(COAT)
