"""Faults of the kinds that people report in public, ten of each: people detected where there are none, poses of photos
of any format, file formats, byte order marks, mistakes on the command line."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.commands import MISUSED
from engine.contract import PHOTO_FORMATS, PosePreset, Verdict
from engine.identity.body import Body, DetectedPerson
from engine.identity.examine import JOINTS_MIN, examine
from engine.identity.faces import Face
from engine.identity.observation import Box
from engine.identity.people import companions, find_people
from engine.identity.pose_photo import framed, is_plausible
from engine.identity.skeleton import HIPS, SHOULDERS
from engine.photo_reader import CannotRead, PhotoFault, PhotoReader
from engine.pose import preset
from engine.styles import STYLES_FILE, load_styles

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8))
HEAD: Box = (85.0, 20.0, 115.0, 60.0)


class Finder:
    name = "listed"

    def __init__(self, *faces: Face) -> None:
        self._faces = faces

    def find(self, image: Image.Image) -> list[Face]:
        return list(self._faces)


class Parser:
    """A person parser that finds one person in the whole photo, with the given number of joints."""

    version = "one"

    def __init__(self, joints: int = 17) -> None:
        self._joints = joints

    def detect(self, image: Image.Image, faces: object = ()) -> list[DetectedPerson]:
        return [DetectedPerson((20.0, 15.0, 180.0, 295.0), (100.0, 40.0))]

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        points = preset(PosePreset.STANDING) * np.array([image.width, image.height, 1], np.float32)
        points[:, 2] = np.arange(17) < self._joints
        return Body(box, points.astype(np.float32), np.ones((4, 4), np.uint8), box, np.ones(8, np.float32))


@pytest.mark.parametrize("joints", [0, 1, 2, 3, 4, 5, 6, 8, 12, 17])
def test_a_photo_is_accepted_only_with_the_joints_of_a_head_at_least(joints: int) -> None:
    found = examine(NOISE, Finder(), Parser(joints))
    assert (found.verdict is Verdict.ACCEPTED) == (joints >= JOINTS_MIN)
    assert (found.observation is not None) == (joints >= JOINTS_MIN)


@pytest.mark.parametrize(
    ("x", "y"),
    [(30, 100), (60, 100), (90, 100), (120, 100), (150, 100), (60, 160), (90, 200), (120, 240), (40, 250), (100, 270)],
)
def test_an_unsure_face_anywhere_on_a_body_makes_no_second_person(x: float, y: float) -> None:
    printed = Face((x - 14, y - 18, x + 14, y + 18), score=0.6)
    people = find_people(NOISE, Finder(Face(HEAD), printed), Parser())
    assert [person.box for person in companions(people) if person.face is None or person.face.box != HEAD] == []


def _slenderness(points: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    """Width of the shoulders over the length of the trunk."""
    shoulders, hips = points[list(SHOULDERS), :2], points[list(HIPS), :2]
    return float(np.hypot(*(shoulders[0] - shoulders[1])) / np.hypot(*(shoulders.mean(0) - hips.mean(0))))


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (200, 300),
        (300, 300),
        (480, 270),
        (270, 480),
        (500, 200),
        (200, 500),
        (1280, 720),
        (640, 427),
        (300, 400),
        (97, 300),
    ],
)
def test_a_pose_keeps_its_proportions_whatever_the_format_of_the_photo(width: int, height: int) -> None:
    """A person as tall as .9 of the photo in its middle, or as its width allows."""
    points = preset(PosePreset.STANDING).copy()
    tall = min(0.9 * height, 2 * width)
    points[:, :2] = (points[:, :2] - 0.5) * (tall * 2 / 3, tall) + (width / 2, height / 2)
    framed_points = framed(points, width, height) * np.array([2 / 3, 1, 1], np.float32)
    assert is_plausible(points) and _slenderness(framed_points) == pytest.approx(_slenderness(points), rel=0.1)


@pytest.mark.parametrize(
    "form", ["BMP", "TIFF", "ICO", "PPM", "TGA", "JPEG2000", "PCX", "SGI", "DDS", "EPS", "PDF", "GIF"]
)
def test_no_other_format_is_read_whatever_its_name(form: str) -> None:
    written = io.BytesIO()
    Image.new("RGB", (160, 200), "red").save(written, form)
    with pytest.raises(CannotRead) as refused:
        PhotoReader(PHOTO_FORMATS, 1280).read(written.getvalue())
    assert refused.value.fault in (PhotoFault.NOT_AN_IMAGE, PhotoFault.ANIMATED)


def test_a_styles_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "styles.toml"
    path.write_bytes(b"\xef\xbb\xbf" + STYLES_FILE.read_bytes())
    assert list(load_styles(path)) == list(load_styles())


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str], str]:
    """Paths by name: of a file that is no picture, of none, and of a folder."""
    (tmp_path / "note.txt").write_text("no picture")
    return lambda name: str(tmp_path if name == "folder" else tmp_path / name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["examine", "{missing.jpg}"],
        ["examine", "{folder}"],
        ["provenance", "{missing.png}"],
        ["provenance", "{folder}"],
        ["generate", "--reference", "{folder}", "--prompt", "in a park"],
        ["generate", "--reference", "{missing.jpg}", "--prompt", "in a park"],
        ["generate", "--reference", "{note.txt}", "--prompt", ""],
        ["generate", "--reference", "{note.txt}", "--prompt", "in a park", "--steps", "0"],
        ["generate", "--reference", "{note.txt}", "--prompt", "in a park", "--pose-scale", "-1"],
        ["generate", "--reference", "{note.txt}", "--prompt", "in a park", "--out", "picture.gif"],
        ["generate", "--reference", "{note.txt}", "--prompt", "in a park", "--seed", "9223372036854775808"],
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-2:]),
)
def test_a_mistake_on_the_command_line_is_one_line(
    files: Callable[[str], str], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[0] == "generate" and "--out" not in arguments:
        arguments = [*arguments, "--out", "{out.png}"]
    filled = [files(argument[1:-1]) if argument.startswith("{") else argument for argument in arguments]
    assert main(filled) == MISUSED
    printed = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(printed) == 1 and printed[0].startswith("engine: ")
