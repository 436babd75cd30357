"""Real photos parsed by pretrained networks: whole bodies, mattes, counts, and the choice of one of several people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from engine.contract import Framing, Hint, Verdict
from engine.identity.body import BodyPart, parts_on_photo, person_mask
from engine.identity.examine import ReferenceFindings, examine
from engine.identity.framing import Posture, framing_of, hints_of, is_from_behind, posture_of
from engine.identity.parsers import _say_fallback, open_person_parser
from engine.identity.person_parser import ShippedParser
from engine.identity.pretrained_parser import PretrainedParser, _with_joints
from engine.identity.profile import Observation
from engine.vision.centerface import CenterFace


def once(read: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Reads a photo once, however often it is examined: every choice among its people begins with all of them."""
    cache: dict[tuple[int, str], tuple[Image.Image, list[Any]]] = {}

    def remembered(image: Image.Image, *faces: Any) -> list[Any]:
        key = (id(image), str(faces))
        if key not in cache:
            cache[key] = (image, read(image, *faces))
        return [*cache[key][1]]

    return remembered


@pytest.fixture(scope="module")
def look(fetched: Callable[[str], Path], shipped: ShippedParser) -> Callable[..., ReferenceFindings]:
    """Examines with CenterFace and the pretrained parser."""
    fetched("u2netp")
    finder, parser = CenterFace(fetched("centerface")), PretrainedParser(fetched("mediapipe"), shipped)
    finder.find, parser.detect = once(finder.find), once(parser.detect)  # type: ignore[method-assign]
    return lambda image, chosen=None: examine(image, finder, parser, chosen)


def _of(found: ReferenceFindings) -> Observation:
    assert found.verdict is Verdict.ACCEPTED and found.observation is not None, found.verdict
    return found.observation


@pytest.fixture(scope="module")
def cameraman() -> Image.Image:
    """A man from the side, to the thighs, grey."""
    return Image.fromarray(skimage.data.camera()).convert("RGB")


def test_a_portrait_is_read_with_joints_mask_and_parts(
    look: Callable[..., ReferenceFindings], astronaut: Image.Image
) -> None:
    observation = _of(look(astronaut))
    assert observation.keypoints is not None and observation.keypoints[0, :2] == pytest.approx((216, 126), abs=15)
    mask, parts = np.asarray(person_mask(observation)), parts_on_photo(observation)
    assert mask[90:170, 195:250].min() > 200 and mask[10:130, 10:130].max() < 30 and mask[60:250, 400:].max() < 60
    assert parts is not None and (parts[380, 150], parts[60, 30]) == (BodyPart.TOP, BodyPart.BACKGROUND)
    assert framing_of(observation) is not Framing.FULL_LENGTH and not is_from_behind(observation)
    assert Observation.from_bytes(observation.to_bytes()).matte is not None and len(observation.to_bytes()) < 20_000


def test_the_parts_of_a_head_follow_the_face(look: Callable[..., ReferenceFindings], astronaut: Image.Image) -> None:
    parts = parts_on_photo(_of(look(astronaut)))
    assert parts is not None
    hair = [(30, 225), (60, 180), (60, 265), (100, 168)]  # row, column: top and both sides
    skin = [(118, 215), (140, 200), (140, 245)]  # nose and cheeks
    assert [parts[place] for place in hair] == [BodyPart.HAIR] * len(hair)
    assert [parts[place] for place in skin] == [BodyPart.SKIN] * len(skin)
    features = np.argwhere(parts == BodyPart.FACE)
    assert features[:, 0].min() > 75 and features[:, 0].max() < 180  # brows to lips
    assert 0.01 < len(features) / (parts == BodyPart.SKIN).sum() < 0.4


@pytest.mark.parametrize(
    "change",
    [
        ImageOps.mirror,
        ImageOps.grayscale,
        lambda image: image.rotate(30),
        lambda image: image.rotate(180),
        lambda image: image.rotate(90, expand=True),
        lambda image: ImageEnhance.Brightness(image).enhance(0.3),
        lambda image: image.resize((160, 160)),
        lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    ],
    ids=["mirrored", "grey", "tilted", "upside down", "turned", "dim", "small", "soft"],
)
def test_a_poor_copy_of_a_portrait_is_accepted_with_joints(
    look: Callable[..., ReferenceFindings], astronaut: Image.Image, change: Callable[[Image.Image], Image.Image]
) -> None:
    observation = _of(look(change(astronaut).convert("RGB")))
    assert observation.keypoints is not None and (observation.keypoints[:, 2] >= 0.3).sum() >= 5


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda image: image.crop((0, 0, 512, 400)), Hint.PORTRAIT),
        (lambda image: image.crop((0, 70, 512, 512)), Hint.HEAD_CUT_OFF),
        (lambda image: image.resize((160, 160)), Hint.SMALL_FACE),
    ],
    ids=["bust", "cut off", "small"],
)
def test_what_a_portrait_lacks_is_said(
    look: Callable[..., ReferenceFindings],
    astronaut: Image.Image,
    change: Callable[[Image.Image], Image.Image],
    hint: Hint,
) -> None:
    assert hint in hints_of(_of(look(change(astronaut))))


def test_a_man_from_the_side_is_half_length(look: Callable[..., ReferenceFindings], cameraman: Image.Image) -> None:
    observation = _of(look(cameraman))
    assert framing_of(observation) is Framing.HALF_LENGTH and Hint.HALF_LENGTH in hints_of(observation)


def test_a_standing_person_is_full_length_and_nothing_is_missing(
    look: Callable[..., ReferenceFindings], standing: Image.Image
) -> None:
    observation = _of(look(standing.resize((512, 768), Image.Resampling.BICUBIC)))
    assert framing_of(observation) is Framing.FULL_LENGTH and posture_of(observation) is Posture.UPRIGHT
    assert Hint.PORTRAIT not in hints_of(observation) and Hint.HALF_LENGTH not in hints_of(observation)


def test_who_lies_is_seen_lying(look: Callable[..., ReferenceFindings], standing: Image.Image) -> None:
    lying = standing.resize((512, 768), Image.Resampling.BICUBIC).rotate(90, expand=True)
    observation = _of(look(lying))
    assert posture_of(observation) is Posture.LYING and Hint.LYING in hints_of(observation)


def test_people_are_counted_and_boxed_from_left_to_right(
    look: Callable[..., ReferenceFindings], group_photo: Image.Image
) -> None:
    found = look(group_photo)
    assert found.verdict is Verdict.SEVERAL_PEOPLE and found.observation is None
    assert len(found.people) == 6
    assert [box[0] for box in found.people] == sorted(box[0] for box in found.people)


def test_everybody_of_a_group_can_be_chosen(look: Callable[..., ReferenceFindings], group_photo: Image.Image) -> None:
    heads = []
    for box in look(group_photo).people:
        observation = _of(look(group_photo, box))
        assert observation.face_box is not None and observation.keypoints is not None
        heads.append(round(observation.face_box[0]))
    assert len(set(heads)) == 6


def test_a_passer_by_does_not_count(look: Callable[..., ReferenceFindings], astronaut: Image.Image) -> None:
    street = Image.new("RGB", (900, 512), (120, 130, 140))
    street.paste(astronaut, (0, 0))
    street.paste(astronaut.resize((150, 150)), (700, 100))
    found = look(street)
    assert (found.verdict, len(found.people)) == (Verdict.ACCEPTED, 1)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "brick", "grass", "moon", "page", "coins"])
def test_where_nobody_is_nobody_is_seen(look: Callable[..., ReferenceFindings], name: str) -> None:
    assert look(Image.fromarray(getattr(skimage.data, name)()).convert("RGB")).verdict is Verdict.NO_PERSON


def test_pieces_of_a_mask_that_hold_no_joint_are_dropped() -> None:
    mask = np.zeros((60, 60), np.float32)
    mask[5:30, 5:30], mask[40:50, 5:15], mask[40:50, 40:50] = 1, 1, 1
    joints = np.zeros((17, 3), np.float32)
    joints[0], joints[15], joints[16] = (10, 10, 0.9), (10, 45, 0.9), (45, 45, 0.1)  # the last is not visible
    kept = _with_joints(mask, joints)
    assert kept[5:30, 5:30].min() == 1 and kept[40:50, 5:15].min() == 1 and kept[40:50, 40:50].max() == 0
    joints[0], joints[15] = 0, (60, 60, 0.9)  # on the edge of the photo
    assert _with_joints(mask, joints).sum() == 25 * 25


def test_without_weights_the_shipped_parser_reads_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _say_fallback.cache_clear()
    assert isinstance(open_person_parser(state=tmp_path), ShippedParser)
    assert isinstance(open_person_parser(state=tmp_path), ShippedParser)
    assert [record.message.rpartition(": run ")[2] for record in caplog.records] == [
        "python -m engine doctor --download mediapipe"
    ]


def test_with_weights_the_pretrained_parser_reads(fetched: Callable[[str], Path]) -> None:
    fetched("u2netp")
    assert isinstance(open_person_parser(state=fetched("mediapipe")), PretrainedParser)
