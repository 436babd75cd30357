"""Faces, their meshes and a mask of people on photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.vision.blazeface import POINTS, BlazeFace
from engine.vision.detection import Detection
from engine.vision.face_mesh import FaceMesh, face_square
from engine.vision.selfie import SelfieSegmentation


@pytest.fixture(scope="module")
def state(fetched: Callable[[str], Path]) -> Path:
    return fetched("mediapipe")


def test_the_one_face_is_found_with_its_points(state: Path, astronaut: Image.Image) -> None:
    (face,) = BlazeFace(state).find(astronaut)
    assert face.box == pytest.approx((172, 66, 278, 172), abs=12) and 0.6 < face.score <= 1
    places = dict(zip(POINTS, face.points.tolist(), strict=True))
    assert places["right_eye"] == pytest.approx((203, 103), abs=8)
    assert places["left_eye"] == pytest.approx((245, 107), abs=8)
    assert places["nose"][0] == pytest.approx(222, abs=8) and places["mouth"][1] > places["nose"][1]


def test_the_faces_of_a_group_are_found(state: Path, group_photo: Image.Image) -> None:
    assert len(BlazeFace(state).find(group_photo)) >= 5


def test_no_face_is_found_where_there_is_none(state: Path) -> None:
    assert BlazeFace(state).find(np.full((240, 160, 3), 128, np.uint8)) == []


@pytest.mark.parametrize("degrees", [0, 40])
def test_the_mesh_lies_on_the_face(state: Path, astronaut: Image.Image, degrees: float) -> None:
    turned = astronaut.rotate(degrees, Image.Resampling.BILINEAR)
    (face,) = BlazeFace(state).find(turned)
    mesh = FaceMesh(state).see(turned, face)
    assert mesh is not None and mesh.points.shape == (468, 3) and mesh.score > 0.9
    nose_tip, right_eye, left_eye = (mesh.points[index, :2] for index in (1, 33, 263))
    assert np.linalg.norm(nose_tip - face.points[POINTS.index("nose")]) < 20
    turn = np.degrees(np.arctan2(*(left_eye - right_eye)[::-1]))
    assert turn == pytest.approx(4 - degrees, abs=12)


def test_no_mesh_is_read_where_there_is_no_face(state: Path) -> None:
    points = np.array([(40, 40), (60, 40), (50, 50), (50, 60), (30, 45), (70, 45)], np.float32)
    assert FaceMesh(state).see(np.zeros((100, 100, 3), np.uint8), Detection(0.9, (30, 30, 70, 70), points)) is None


def test_the_square_around_a_face_has_level_eyes() -> None:
    points = np.zeros((6, 2), np.float32)
    points[0], points[1] = (40, 40), (60, 60)
    square = face_square(Detection(0.9, (30, 30, 70, 70), points))
    assert (square.x, square.y, square.side) == (50, 50, 60) and np.degrees(square.angle) == pytest.approx(45)


def test_the_mask_tells_the_person_from_the_background(state: Path, astronaut: Image.Image) -> None:
    mask = SelfieSegmentation(state).mask(astronaut)
    assert mask.shape == (512, 512) and mask.dtype == np.float32
    assert mask[100:200, 200:250].min() > 0.9 and mask[50:250, 400:500].max() < 0.2
