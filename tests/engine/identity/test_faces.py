"""The face finders, and the errors where none can be loaded."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from engine.errors import SetupError
from engine.identity.faces import CascadeFinder, FaceFinder, InsightFaceFinder, load_opencv, open_finder


def test_the_one_face_of_a_portrait_is_found(astronaut: Image.Image, finder: FaceFinder) -> None:
    (face,) = finder.find(astronaut)
    x0, y0, x1, y1 = face.box
    assert 160 < x0 < 200 and 40 < y0 < 80
    assert 250 < x1 < 290 and 155 < y1 < 195


def test_no_face_is_found_on_a_cup_of_coffee(finder: FaceFinder) -> None:
    import skimage.data

    assert finder.find(Image.fromarray(skimage.data.coffee())) == []


def test_the_largest_face_comes_first(group_photo: Image.Image, finder: FaceFinder) -> None:
    sides = [face.side_px for face in finder.find(group_photo)]
    assert len(sides) >= 5
    assert sides == sorted(sides, reverse=True)


def test_both_finders_mean_the_same_by_a_face_box(
    astronaut: Image.Image, cascades: CascadeFinder, insightface_finder: InsightFaceFinder
) -> None:
    (rough,), (exact,) = cascades.find(astronaut), insightface_finder.find(astronaut)
    assert np.abs(np.subtract(rough.box, exact.box)).max() < 0.15 * exact.side_px


def test_insightface_knows_a_person_again(
    astronaut: Image.Image, group_photo: Image.Image, insightface_finder: InsightFaceFinder
) -> None:
    (face,) = insightface_finder.find(astronaut)
    (again,) = insightface_finder.find(ImageOps.mirror(astronaut).resize((400, 400)))
    strangers = insightface_finder.find(group_photo)
    assert face.embedding is not None and again.embedding is not None
    assert face.landmarks is not None and face.landmarks.shape == (5, 2)
    assert np.linalg.norm(face.embedding) == pytest.approx(1.0, abs=1e-4)
    assert face.embedding @ again.embedding > 0.6
    assert len(strangers) == 6
    assert all(face.embedding @ other.embedding < 0.3 for other in strangers if other.embedding is not None)


def test_the_cascades_see_a_face_in_profile(cascades: CascadeFinder) -> None:
    import skimage.data

    cameraman = Image.fromarray(skimage.data.camera())
    (face,) = cascades.find(cameraman)
    (mirrored,) = cascades.find(ImageOps.mirror(cameraman))
    assert 180 < (face.box[0] + face.box[2]) / 2 < 280
    assert 512 - 280 < (mirrored.box[0] + mirrored.box[2]) / 2 < 512 - 180


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (24, 24)])
def test_the_smallest_photos_hold_no_face(size: tuple[int, int], finder: FaceFinder) -> None:
    assert finder.find(Image.new("RGB", size)) == []


def test_a_pack_on_disk_is_used(face_root: Path) -> None:
    assert open_finder(face_root, "small").name == "insightface"


def test_without_a_pack_the_cascades_are_used_and_it_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert open_finder(state=tmp_path).name == "cascades"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "doctor --download centerface" in caplog.text


def test_a_named_folder_without_the_pack_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="unset ENGINE_FACE_ROOT"):
        open_finder(tmp_path, "buffalo_l")


def test_a_pack_that_cannot_be_loaded_is_an_error_of_one_line(tmp_path: Path) -> None:
    pack = tmp_path / "models" / "broken"
    pack.mkdir(parents=True)
    (pack / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(SetupError, match="insightface model pack") as caught:
        open_finder(tmp_path, "broken")
    assert "\n" not in str(caught.value)


def _raising(message: str) -> Any:
    def load(_: str) -> Any:
        raise ImportError(message)

    return load


def test_a_missing_system_library_is_one_line_with_the_remedy() -> None:
    missing = "libGL.so.1: cannot open shared object file: No such file or directory"
    with pytest.raises(SetupError, match=r"apt-get install libgl1 libglib2\.0-0") as caught:
        load_opencv(_raising(missing))
    assert missing in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_opencv_is_one_line_with_the_remedy() -> None:
    with pytest.raises(SetupError, match='pip install "opencv-python<5"'):
        load_opencv(_raising("No module named 'cv2'"))


def test_an_opencv_without_cascades_is_refused() -> None:
    with pytest.raises(SetupError, match=r"OpenCV 4 with its cascades, got 5\.0"):
        load_opencv(lambda _: SimpleNamespace(__version__="5.0.1"))
