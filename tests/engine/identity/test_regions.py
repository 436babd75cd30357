"""Regions of a body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.identity.body import BodyPart, parts_on_photo, person_mask
from engine.identity.profile import Observation, View
from engine.identity.regions import ImageRegion, region_boxes, region_crops


def test_all_regions_of_a_whole_person_follow_from_top_to_bottom(paper_doll: View) -> None:
    boxes = region_boxes(paper_doll.observation)
    assert list(boxes) == list(ImageRegion)
    middles = [(box[1] + box[3]) / 2 for region, box in boxes.items() if region is not ImageRegion.WHOLE]
    assert middles == sorted(middles)
    torso = boxes[ImageRegion.TORSO]
    assert torso[0] < 34 and torso[2] > 66 and torso[1] < 46 and torso[3] > 100
    assert all(0 <= box[0] < box[2] <= 100 and 0 <= box[1] < box[3] <= 200 for box in boxes.values())


def test_invisible_regions_are_left_out(paper_doll: View) -> None:
    keypoints = np.array(paper_doll.observation.keypoints)
    keypoints[13:, 2] = 0
    portrait = replace(paper_doll.observation, keypoints=keypoints, parts=None, parts_box=None)
    assert set(region_boxes(portrait)) == {ImageRegion.WHOLE, ImageRegion.HEAD, ImageRegion.TORSO}
    assert region_boxes(Observation(100, 200)) == {}


def test_the_part_map_fills_in_for_joints(paper_doll: View) -> None:
    blind = replace(paper_doll.observation, keypoints=None, face_box=None)
    boxes = region_boxes(blind)
    assert boxes[ImageRegion.TORSO] == pytest.approx((30, 40, 70, 100), abs=2)
    assert boxes[ImageRegion.FEET] == pytest.approx((34, 180, 66, 190), abs=2)
    assert boxes[ImageRegion.HEAD] == pytest.approx((40, 6, 60, 36), abs=2)


def test_the_head_is_found_by_its_joints_without_a_face(paper_doll: View) -> None:
    x0, y0, x1, y1 = region_boxes(replace(paper_doll.observation, face_box=None))[ImageRegion.HEAD]
    assert x0 < 42 and x1 > 58 and y0 < 12 and 30 < y1 < 60


def test_crops_are_squares_of_the_photo(paper_doll: View) -> None:
    crops = region_crops(paper_doll, 32)
    assert {crop.size for crop in crops.values()} == {(32, 32)}
    red = np.asarray(crops[ImageRegion.TORSO])[16, 16]
    assert red[0] > 150 > red[2]


def test_the_mask_is_the_person_in_the_photos_size(paper_doll: View) -> None:
    mask = person_mask(paper_doll.observation)
    parts = parts_on_photo(paper_doll.observation)
    assert mask is not None and parts is not None and mask.size == (100, 200)
    truth = (np.asarray(paper_doll.image) != (90, 160, 90)).any(2)
    assert ((np.asarray(mask) > 0) == truth).mean() > 0.97
    assert parts[70, 50] == BodyPart.TOP and person_mask(Observation(100, 200)) is None


def test_a_part_map_beyond_the_photos_edge_is_placed_correctly() -> None:
    parts = np.zeros((20, 20), np.uint8)
    parts[10:, 10:] = BodyPart.TOP
    laid = parts_on_photo(Observation(10, 10, parts=parts, parts_box=(-10, -10, 10, 10)))
    assert laid is not None and (laid == BodyPart.TOP).all()
    assert Image.fromarray(laid).size == (10, 10)
