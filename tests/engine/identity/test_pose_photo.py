"""The pose of the person on a photo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from engine.config import Config
from engine.contract import PosePreset
from engine.errors import PoseError
from engine.factory import open_poses
from engine.identity.body import Body, DetectedPerson
from engine.identity.faces import CascadeFinder
from engine.identity.observation import Box
from engine.identity.person_parser import ShippedParser
from engine.identity.pose_photo import framed, is_plausible, pose_of
from engine.pose import preset
from engine.vision.blazepose import COCO, DetectedPose


class _Sees:
    """Finds the same joints everywhere, or no person where none are given."""

    version = "test"

    def __init__(self, keypoints: np.ndarray | None) -> None:
        self._keypoints = keypoints

    def detect(self, image: Image.Image, faces: object = ()) -> list[DetectedPerson]:
        return []

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        if self._keypoints is None:
            return None
        return Body(box, self._keypoints.copy(), np.zeros((2, 2), np.uint8), box, np.ones(1, np.float32))


def test_the_pose_of_a_standing_person_is_read(
    standing: Image.Image, cascades: CascadeFinder, shipped: ShippedParser
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


STANDING = np.array(
    [
        (50, 24), (54, 20), (46, 20), (58, 22), (42, 22), (66, 46), (34, 46), (74, 74), (26, 74), (76, 96), (24, 96),
        (60, 98), (40, 98), (60, 142), (40, 142), (60, 184), (40, 184),
    ],
    np.float32,
)  # fmt: skip
"""Joints px of a person 200 px high."""


def joints(x_px: float = 0, y_px: float = 0, turned: bool = False) -> np.ndarray:
    """STANDING moved, or lying on the side and moved."""
    points = STANDING[:, ::-1] if turned else STANDING
    return np.concatenate([points + np.array([x_px, y_px], np.float32), np.full((17, 1), 0.8, np.float32)], 1)


def shoulders_over_trunk(points: np.ndarray, size: tuple[int, int]) -> float:
    """The width of the shoulders in lengths of the trunk, for joints in 0..1 of a picture of that size."""
    px = points[:, :2] * size
    trunk = (px[5] + px[6] - px[11] - px[12]) / 2
    return float(np.hypot(*(px[5] - px[6])) / np.hypot(*trunk))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", [(200, 300), (300, 300), (533, 300), (750, 300), (210, 460), (400, 220), (214, 214)])
def test_the_proportions_of_the_photo_stay_whatever_its_format(
    cascades: CascadeFinder, size: tuple[int, int], turned: bool
) -> None:
    points = joints((size[0] - 200) / 2, 10, turned)
    pose = pose_of(Image.new("RGB", size), cascades, _Sees(points))
    meant = shoulders_over_trunk(points, (1, 1))
    assert shoulders_over_trunk(pose, (832, 1248)) == pytest.approx(meant, rel=0.01)
    assert pose[:, :2].min() > 0 and pose[:, :2].max() < 1


def test_joints_of_a_photo_of_the_pictures_format_stay_where_they_are(cascades: CascadeFinder) -> None:
    keypoints = joints(20, 50)
    keypoints[16, 2] = 0.2
    pose = pose_of(Image.new("RGB", (200, 300)), cascades, _Sees(keypoints))
    assert pose[0] == pytest.approx([70 / 200, 74 / 300, 0.8])
    assert pose[16, 2] == 0


def test_the_person_at_the_edge_of_a_wide_photo_is_in_the_picture(cascades: CascadeFinder) -> None:
    pose = pose_of(Image.new("RGB", (1000, 300)), cascades, _Sees(joints(890, 50)))
    assert pose[:, 0].min() > 0 and pose[:, 0].max() < 1
    assert np.ptp(pose[:, 1]) == pytest.approx(np.ptp(STANDING[:, 1]) / 300)


def test_a_skeleton_that_nobody_has_is_no_pose(cascades: CascadeFinder) -> None:
    keypoints = joints(20, 50)
    keypoints[5, 0] += 200
    with pytest.raises(PoseError, match="nobody has"):
        pose_of(Image.new("RGB", (400, 300)), cascades, _Sees(keypoints))
    with pytest.raises(PoseError, match="nobody has"):
        pose_of(Image.new("RGB", (400, 300)), cascades, _Sees(np.tile(np.float32([50, 100, 0.8]), (17, 1))))


def test_every_preset_is_a_pose_that_somebody_has() -> None:
    for name in PosePreset:
        assert is_plausible(preset(name) * np.array([200, 300, 1], np.float32)), name


def test_a_turned_photo_is_refused_where_the_parser_reads_a_heap_of_limbs(
    standing: Image.Image, cascades: CascadeFinder, shipped: ShippedParser
) -> None:
    """Lying down, a person is found by some finders of faces and not by others: either is a refusal or a body."""
    for turns in (90, 270):
        try:
            pose = pose_of(standing.rotate(turns, expand=True), cascades, shipped)
        except PoseError:
            continue
        assert 0.25 < shoulders_over_trunk(pose, (832, 1248)) < 1.2


class _Reads:
    """A pose reader that returns the given poses."""

    def __init__(self, *poses: DetectedPose) -> None:
        self._poses = list(poses)

    def see_all(self, image: Image.Image) -> list[DetectedPose]:
        return self._poses


def _pose(points: np.ndarray, size: tuple[int, int], covered: float) -> DetectedPose:
    landmarks = np.zeros((33, 5), np.float32)
    landmarks[list(COCO), :2], landmarks[list(COCO), 3] = points[:, :2], points[:, 2]
    mask = np.zeros(size[::-1], np.float32)
    mask[: int(size[1] * covered)] = 1
    return DetectedPose(landmarks, mask, 0.9)


def test_of_several_people_a_reader_of_poses_gives_the_largest(cascades: CascadeFinder) -> None:
    size = (400, 300)
    small, large = _pose(joints(0, 50), size, 0.2), _pose(joints(250, 50), size, 0.6)
    pose = pose_of(Image.new("RGB", size), cascades, _Sees(None), _Reads(small, large))
    assert pose == pytest.approx(framed(joints(250, 50), *size))
    with pytest.raises(PoseError, match="found nobody"):
        pose_of(Image.new("RGB", size), cascades, _Sees(joints()), _Reads())


def test_mediapipes_network_reads_people_upright_lying_and_upside_down(
    standing: Image.Image, cascades: CascadeFinder, fetched: Callable[[str], Path]
) -> None:
    reader = open_poses(Config(state=fetched("mediapipe")))
    upright = pose_of(standing, cascades, _Sees(None), reader)
    for turns in (90, 180, 270):
        turned = pose_of(standing.rotate(turns, expand=True), cascades, _Sees(None), reader)
        ratios = [shoulders_over_trunk(pose, (832, 1248)) for pose in (upright, turned)]
        assert ratios[1] == pytest.approx(ratios[0], rel=0.1), turns


def test_without_its_weights_the_included_parser_reads_poses(tmp_path: Path) -> None:
    assert open_poses(Config(state=tmp_path)) is None
