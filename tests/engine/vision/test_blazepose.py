"""A pose on a photo of a person, on its turned and its mirrored copy, and none where there is no person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from engine.errors import WeightsError
from engine.identity.skeleton import MIRRORED_JOINTS
from engine.vision.blazepose import BlazePose, DetectedPose, distinct, refine
from engine.vision.square import Square

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ANKLE = 0, 1, 2, 5, 6, 15


@pytest.fixture(scope="module")
def blazepose(fetched: Callable[[str], Path]) -> BlazePose:
    return BlazePose(fetched("mediapipe"))


def test_absent_weights_are_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="doctor --download mediapipe"):
        BlazePose(tmp_path)


def test_joints_lie_on_the_person(blazepose: BlazePose, astronaut: Image.Image) -> None:
    pose = blazepose.see(astronaut)
    assert pose is not None and pose.score > 0.9 and pose.landmarks.shape == (33, 5)
    joints = pose.keypoints()
    assert joints.shape == (17, 3) and joints.dtype == np.float32
    assert joints[[NOSE, LEFT_EYE, RIGHT_EYE], :2] == pytest.approx(
        np.array([(216, 126), (245, 107), (203, 103)]), abs=12
    )
    assert joints[LEFT_SHOULDER, 0] > joints[NOSE, 0] > joints[RIGHT_SHOULDER, 0]
    assert (joints[:7, 2] > 0.9).all() and joints[LEFT_ANKLE, 2] == 0


def test_the_mask_covers_the_person(blazepose: BlazePose, astronaut: Image.Image) -> None:
    pose = blazepose.see(np.asarray(astronaut))
    assert pose is not None and pose.mask.shape == (512, 512)
    assert pose.mask[100:200, 200:250].min() > 0.9 and pose.mask[50:250, 400:500].max() < 0.1


def test_a_turned_picture_gives_turned_joints(blazepose: BlazePose, astronaut: Image.Image) -> None:
    square = Square(256, 256, 720, 0.6)
    turned = blazepose.see(square.crop(np.asarray(astronaut), 720, repeat_edge=False))
    plain = blazepose.see(astronaut)
    assert plain is not None and turned is not None
    back = square.on_picture(turned.keypoints()[:7, :2] / 720)
    assert np.linalg.norm(back - plain.keypoints()[:7, :2], axis=1).max() < 25


def test_a_mirrored_picture_gives_mirrored_joints(blazepose: BlazePose, astronaut: Image.Image) -> None:
    plain, mirrored = blazepose.see(astronaut), blazepose.see(ImageOps.mirror(astronaut))
    assert plain is not None and mirrored is not None
    back = mirrored.keypoints()[list(MIRRORED_JOINTS), :2][:7]
    back[:, 0] = 512 - back[:, 0]
    assert np.linalg.norm(back - plain.keypoints()[:7, :2], axis=1).max() < 30


def test_people_are_counted(blazepose: BlazePose, astronaut: Image.Image) -> None:
    both = Image.new("RGB", (1024, 512))
    both.paste(astronaut, (0, 0))
    both.paste(ImageOps.mirror(astronaut), (512, 0))
    assert [len(blazepose.see_all(photo)) for photo in (astronaut, both)] == [1, 2]
    assert len(blazepose.find(both)) == 2


def test_a_head_that_fills_the_picture_is_seen(blazepose: BlazePose, astronaut: Image.Image) -> None:
    pose = blazepose.see(astronaut.crop((150, 20, 300, 190)))
    assert pose is not None and pose.keypoints()[NOSE, :2] == pytest.approx((216 - 150, 126 - 20), abs=15)


def test_nobody_is_seen_on_a_plain_picture(blazepose: BlazePose) -> None:
    assert blazepose.see(Image.new("RGB", (160, 240), "grey")) is None
    assert blazepose.see_all(np.zeros((1, 1, 3), np.uint8)) == []


def test_a_joint_beyond_the_edge_is_not_visible() -> None:
    landmarks = np.zeros((33, 5), np.float32)
    landmarks[:, 3] = 1
    landmarks[0, :2], landmarks[2, :2] = (5, 11), (5, 10)
    keypoints = DetectedPose(landmarks, np.zeros((10, 20), np.float32), 1.0).keypoints()
    assert keypoints[0].tolist() == [5, 11, 0] and keypoints[1].tolist() == [5, 10, 1]


def test_of_two_poses_of_one_person_the_surer_stays() -> None:
    def pose(columns: slice, score: float) -> DetectedPose:
        mask = np.zeros((10, 20), np.float32)
        mask[:, columns] = 1
        return DetectedPose(np.zeros((33, 5), np.float32), mask, score)

    weak, other, sure = pose(slice(0, 10), 0.6), pose(slice(12, 20), 0.7), pose(slice(0, 9), 0.9)
    assert distinct([weak, other, sure]) == [other, sure]


def test_a_landmark_moves_to_where_its_heatmap_is_sure() -> None:
    heatmap = np.zeros((64, 64, 3), np.float32)
    heatmap[12, 21, 0] = 0.9
    heatmap[12, 21, 1] = 0.4
    points = np.array([(20 / 64, 10 / 64), (20 / 64, 10 / 64), (1.5, 0.5)], np.float32)
    refined = refine(points, heatmap)
    assert refined[0] == pytest.approx((21 / 64, 12 / 64)) and (refined[1:] == points[1:]).all()
