"""All faces of a group, turned copies, and none where there is no person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from engine.errors import WeightsError
from engine.vision.centerface import CenterFace


@pytest.fixture(scope="module")
def centerface(fetched: Callable[[str], Path]) -> CenterFace:
    return CenterFace(fetched("centerface"))


def test_absent_weights_are_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="doctor --download centerface"):
        CenterFace(tmp_path)


def test_a_damaged_file_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no network")
    monkeypatch.setattr("engine.vision.centerface.locate", lambda *_: tmp_path / "net.onnx")
    with pytest.raises(WeightsError, match="fetch it again") as raised:
        CenterFace(tmp_path)
    assert "\n" not in str(raised.value)


def test_all_six_faces_of_a_group_are_found_the_largest_first(centerface: CenterFace, group_photo: Image.Image) -> None:
    faces = centerface.find(group_photo)
    assert len(faces) == 6
    sides = [face.side_px for face in faces]
    assert sides == sorted(sides, reverse=True) and sides[-1] > 95 and sides[0] < 140


@pytest.mark.parametrize("scale", [1.0, 0.25, 2.0])
def test_box_and_landmarks_lie_on_the_face_at_any_size(
    centerface: CenterFace, astronaut: Image.Image, scale: float
) -> None:
    side = round(512 * scale)
    (face,) = centerface.find(astronaut.resize((side, side)))
    assert np.array(face.box) / scale == pytest.approx((178, 62, 268, 182), abs=14)
    assert face.landmarks is not None
    eyes_and_nose = np.array([(203, 103), (245, 107), (216, 126)])
    assert face.landmarks[:3] / scale == pytest.approx(eyes_and_nose, abs=12)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "brick", "page"])
def test_no_face_is_found_where_there_is_none(centerface: CenterFace, name: str) -> None:
    assert centerface.find(Image.fromarray(getattr(skimage.data, name)())) == []


def test_pictures_of_any_shape_can_be_read(centerface: CenterFace) -> None:
    for size in ((1, 1), (3000, 2), (2, 3000)):
        assert centerface.find(Image.new("RGB", size)) == []
