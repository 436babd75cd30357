"""Examination of photos: the verdict, the number of people, the pose."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.contract import ExamineRequest, FailureCode, Pose, PosePreset, Reference, Verdict
from engine.errors import BadReference, ImagePromptError, PoseError, Refused
from engine.examiner import Examiner
from engine.identity.body import Body, DetectedPerson
from engine.identity.faces import CascadeFinder, Face
from engine.identity.observation import Box
from engine.identity.profile import Observation
from engine.pose import preset
from engine.safety.guard import Guard
from engine.safety.wording import Concern


class _NoFaces:
    name = "no-faces"

    def find(self, image: Image.Image) -> list[Face]:
        return []


class _Broken(_NoFaces):
    def find(self, image: Image.Image) -> list[Face]:
        raise ValueError("detector")


class _FixedGuard(Guard):
    """A guard that reports the same concern for every photo."""

    def __init__(self, concern: Concern | None) -> None:
        super().__init__(_NoFaces())
        self._concern = concern

    def check_photo(self, image: Image.Image) -> Concern | None:
        return self._concern


class _StandingPerson:
    """A person parser that returns the standing preset over the whole photo; the first `joints` of the 17 have
    confidence 1."""

    version = "standing"

    def __init__(self, joints: int) -> None:
        self._joints = joints

    def detect(self, image: Image.Image, faces: object = ()) -> list[DetectedPerson]:
        return [DetectedPerson((0.0, 0.0, float(image.width), float(image.height)))]

    def parse(self, image: Image.Image, box: Box, face: Box | None = None) -> Body | None:
        keypoints = preset(PosePreset.STANDING) * np.array([image.width, image.height, 1], np.float32)
        keypoints[:, 2] = np.arange(17) < self._joints
        parts = np.ones((4, 4), np.uint8)
        return Body(box, keypoints.astype(np.float32), parts, box, np.ones(8, np.float32))


def _examiner(finder: Any, concern: Concern | None = None, bodies: Any = None) -> Examiner:
    return Examiner(finder, bodies, _FixedGuard(concern))


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 120), "red").save(buffer, "PNG")
    return buffer.getvalue()


def test_an_accepted_photo_comes_back_with_its_profile(astronaut_jpeg: bytes, cascades: CascadeFinder) -> None:
    answer = _examiner(cascades).examine(ExamineRequest(reference_id="p", image=astronaut_jpeg))
    assert (answer.reference_id, answer.verdict, answer.people) == ("p", Verdict.ACCEPTED, 1)
    assert answer.profile is not None
    assert Observation.from_bytes(answer.profile).face_box is not None


def test_a_worker_reuses_the_profile_of_an_examination(astronaut_jpeg: bytes, cascades: CascadeFinder) -> None:
    answer = _examiner(cascades).examine(ExamineRequest(reference_id="p", image=astronaut_jpeg))
    assert answer.profile is not None
    blind = _Broken()
    blind.name = cascades.name
    view = _examiner(blind).view(Reference(image=astronaut_jpeg, profile=answer.profile))
    assert view.observation.face_box == Observation.from_bytes(answer.profile).face_box
    with pytest.raises(ValueError, match="detector"):
        _examiner(blind).view(Reference(image=astronaut_jpeg))


@pytest.mark.parametrize(
    ("concern", "verdict"), [(Concern.MINOR, Verdict.MINOR), (Concern.NUDITY, Verdict.NUDITY)], ids=["minor", "nudity"]
)
def test_a_photo_that_is_not_allowed_gets_its_verdict_and_leaves_no_profile(
    astronaut_jpeg: bytes, cascades: CascadeFinder, concern: Concern, verdict: Verdict
) -> None:
    answer = _examiner(cascades, concern).examine(ExamineRequest(reference_id="p", image=astronaut_jpeg))
    assert (answer.verdict, answer.profile) == (verdict, None)


@pytest.mark.parametrize("image", [b"x", b""])
def test_a_photo_that_cannot_be_read_gets_a_verdict(image: bytes) -> None:
    answer = _examiner(_NoFaces()).examine(ExamineRequest(reference_id="p", image=image))
    assert (answer.verdict, answer.profile) == (Verdict.UNREADABLE, None)


def test_a_detector_that_breaks_is_a_verdict_too() -> None:
    answer = _examiner(_Broken()).examine(ExamineRequest(reference_id="p", image=_png()))
    assert answer.verdict is Verdict.UNREADABLE


def test_a_reference_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(Refused, match="nudity") as caught:
        _examiner(_NoFaces(), Concern.NUDITY).view(Reference(image=_png()))
    assert caught.value.code is FailureCode.REFUSED_PHOTO


def test_a_reference_that_is_no_photo_raises_bad_reference() -> None:
    with pytest.raises(BadReference):
        _examiner(_NoFaces()).view(Reference(image=b"x"))


def test_an_image_prompt_is_read_and_one_that_is_not_allowed_or_no_photo_is_refused() -> None:
    assert _examiner(_NoFaces()).image_prompt(_png()).size == (80, 120)
    with pytest.raises(Refused, match="nudity") as caught:
        _examiner(_NoFaces(), Concern.NUDITY).image_prompt(_png())
    assert caught.value.code is FailureCode.REFUSED_PHOTO
    with pytest.raises(ImagePromptError, match="expected a whole photo"):
        _examiner(_NoFaces()).image_prompt(b"x")


def test_a_preset_is_the_pose_of_its_name() -> None:
    pose = _examiner(_NoFaces()).pose(Pose(preset=PosePreset.WALKING))
    assert np.array_equal(pose, preset(PosePreset.WALKING))


def test_a_pose_is_read_from_a_photo_in_shares_of_its_size() -> None:
    pose = _examiner(_NoFaces(), bodies=_StandingPerson(17)).pose(Pose(image=_png()))
    assert pose[:, :2] == pytest.approx(preset(PosePreset.STANDING)[:, :2], abs=1e-5)
    assert pose[:, 2].tolist() == [1.0] * 17


def test_a_pose_photo_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(Refused, match="minor") as caught:
        _examiner(_NoFaces(), Concern.MINOR, bodies=_StandingPerson(17)).pose(Pose(image=_png()))
    assert caught.value.code is FailureCode.REFUSED_PHOTO


@pytest.mark.parametrize(
    ("bodies", "image", "expected"),
    [
        (_StandingPerson(5), _png(), "joints"),
        (_StandingPerson(17), b"x", "expected a whole photo"),
        (None, _png(), "choose a preset"),
    ],
    ids=["a head alone", "no photo", "no person parser"],
)
def test_a_photo_from_which_no_pose_can_be_read_says_why(bodies: Any, image: bytes, expected: str) -> None:
    with pytest.raises(PoseError, match=expected):
        _examiner(_NoFaces(), bodies=bodies).pose(Pose(image=image))


@pytest.mark.parametrize(
    ("joints", "concern", "verdict"),
    [
        (17, None, Verdict.ACCEPTED),
        (7, None, Verdict.NO_POSE),
        (0, None, Verdict.NO_POSE),
        (17, Concern.NUDITY, Verdict.NUDITY),
        (17, Concern.MINOR, Verdict.MINOR),
    ],
)
def test_a_photo_for_its_pose_is_judged_by_its_pose(joints: int, concern: Concern | None, verdict: Verdict) -> None:
    examiner = _examiner(_NoFaces(), concern, _StandingPerson(joints))
    answer = examiner.examine(ExamineRequest(reference_id="p", image=_png(), for_pose=True))
    assert (answer.verdict, answer.profile) == (verdict, None)


def test_a_face_is_described_only_where_there_is_a_network(astronaut_jpeg: bytes, cascades: CascadeFinder) -> None:
    class _Two:
        def describe(self, image: Image.Image, face: Face) -> Any:
            return np.array((0.5, 2.0), np.float32)

    request = ExamineRequest(reference_id="p", image=astronaut_jpeg)
    assert _examiner(cascades).examine(request).face is None
    assert Examiner(cascades, None, _FixedGuard(None), describer=_Two()).examine(request).face == (0.5, 2.0)
