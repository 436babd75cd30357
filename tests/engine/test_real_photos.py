"""Every reason to refuse a photo, and every hint about its quality, is provoked by a real photo.

Minors and nudity are not among them: no installed package brings such a photo.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import skimage.data
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from engine.config import Config
from engine.contract import Examination, ExamineRequest, Framing, Hint, Verdict
from engine.examiner import Examiner
from engine.factory import assemble_examiner
from engine.identity.sunglasses import wears_sunglasses
from engine.vision.centerface import CenterFace

Change = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def examiner(fetched: Callable[[str], Path]) -> Examiner:
    """An examiner with all networks that are fetched by default."""
    for name in ("mediapipe", "u2netp", "centerface", "age", "nudity", "same_person"):
        state = fetched(name)
    return assemble_examiner(Config(state=state))


@pytest.fixture(scope="module")
def judged(examiner: Examiner) -> Callable[..., Examination]:
    def examine(image: Image.Image, *, for_pose: bool = False) -> Examination:
        written = io.BytesIO()
        image.save(written, "PNG")
        return examiner.examine(ExamineRequest(reference_id="p", image=written.getvalue(), for_pose=for_pose))

    return examine


def _twice(photo: Image.Image) -> Image.Image:
    both = Image.new("RGB", (photo.width * 2, photo.height))
    both.paste(photo, (0, 0))
    both.paste(ImageOps.mirror(photo), (photo.width, 0))
    return both


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda photo: photo, Verdict.ACCEPTED),
        (lambda photo: ImageEnhance.Brightness(photo).enhance(0.04), Verdict.TOO_DARK),
        (lambda photo: photo.filter(ImageFilter.GaussianBlur(14)), Verdict.TOO_BLURRED),
        (lambda photo: photo.resize((60, 60)), Verdict.TOO_SMALL),
        (lambda photo: photo.crop((0, 300, 200, 512)), Verdict.NO_PERSON),
        (_twice, Verdict.SEVERAL_PEOPLE),
    ],
    ids=["as it is", "dark", "blurred", "small", "an arm alone", "two people"],
)
def test_a_photo_of_a_person_gets_its_verdict(
    judged: Callable[..., Examination], astronaut: Image.Image, change: Change, verdict: Verdict
) -> None:
    assert judged(change(astronaut)).verdict is verdict


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
@pytest.mark.parametrize("for_pose", [False, True])
def test_a_photo_without_a_person_is_refused(judged: Callable[..., Examination], name: str, for_pose: bool) -> None:
    photo = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    assert judged(photo, for_pose=for_pose).verdict is Verdict.NO_PERSON


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda photo: photo.resize((150, 150)), Hint.SMALL_FACE),
        (lambda photo: photo.crop((0, 75, 512, 512)), Hint.HEAD_CUT_OFF),
        (lambda photo: photo.crop((60, 0, 400, 300)), Hint.PORTRAIT),
    ],
    ids=["tiny face", "cut-off head", "portrait"],
)
def test_what_would_help_is_reported(
    judged: Callable[..., Examination], astronaut: Image.Image, change: Change, hint: Hint
) -> None:
    answer = judged(change(astronaut))
    assert (answer.verdict, hint in answer.hints) == (Verdict.ACCEPTED, True), answer.hints


def test_sunglasses_are_named_first(
    judged: Callable[..., Examination],
    astronaut: Image.Image,
    with_sunglasses: Callable[..., Image.Image],
    fetched: Callable[[str], Path],
) -> None:
    (face,) = CenterFace(fetched("centerface")).find(astronaut)
    worn = with_sunglasses(astronaut, face)
    assert wears_sunglasses(worn, face.landmarks)
    answer = judged(worn)
    assert answer.verdict is Verdict.ACCEPTED and answer.hints[0] is Hint.SUNGLASSES
    assert Hint.SUNGLASSES not in judged(astronaut).hints


def test_the_face_of_an_accepted_photo_is_described(judged: Callable[..., Examination], astronaut: Image.Image) -> None:
    face = judged(astronaut).face
    assert face is not None and len(face) == 128
    assert judged(_twice(astronaut)).face is None


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda photo: photo, Verdict.ACCEPTED),
        (_twice, Verdict.SEVERAL_PEOPLE),
        (lambda photo: photo.crop((150, 40, 310, 230)), Verdict.NO_POSE),
    ],
    ids=["half length", "two people", "a head alone"],
)
def test_a_pose_photo_gets_its_verdict(
    judged: Callable[..., Examination], astronaut: Image.Image, change: Change, verdict: Verdict
) -> None:
    answer = judged(change(astronaut), for_pose=True)
    assert (answer.verdict, answer.profile, answer.face) == (verdict, None, None)


def test_somebody_from_head_to_toe_is_full_length(judged: Callable[..., Examination]) -> None:
    """A render: the installed packages bring no such photo of one person."""
    with Image.open(Path(__file__).parent / "identity" / "standing.png") as picture:
        standing = picture.convert("RGB")
    assert judged(standing).framing is Framing.FULL_LENGTH
    assert judged(standing, for_pose=True).verdict is Verdict.ACCEPTED
