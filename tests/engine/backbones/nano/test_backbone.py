"""Photos are brought into nano's frame; the words of the prompt decide which of their clothes are kept."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.backbones.base import ClosedVocabulary, GenerationInput
from engine.backbones.nano.backbone import NanoBackbone, hidden_by
from engine.backbones.nano.photo_frame import reference_of, window_of
from engine.backbones.nano.pipeline import NanoPipeline
from engine.backbones.nano.prompt_reader import PromptReader
from engine.body.atlas import Region, shipped_atlas
from engine.body.mapper import load_mapper
from engine.contract import Clothes, Settings
from engine.errors import BadReference
from engine.identity.observation import Observation
from engine.identity.profile import IdentityProfile, View
from engine.upscale import Upscaler

SIZE = (240, 160)
UNKNOWN = (0.5, 0.5, 0.5)


def standing(width: int, height: int, box: tuple[float, float, float, float], seen: float = 1.0) -> np.ndarray:
    """Joints [17, 3] in px of a person who fills `box`; `seen`: the share of the picture's height in which joints are
    visible."""
    x = [0.5, 0.53, 0.47, 0.57, 0.43, 0.75, 0.25, 0.85, 0.15, 0.9, 0.1, 0.65, 0.35, 0.65, 0.35, 0.65, 0.35]
    y = [0.08, 0.06, 0.06, 0.08, 0.08, 0.2, 0.2, 0.35, 0.35, 0.5, 0.5, 0.5, 0.5, 0.72, 0.72, 0.95, 0.95]
    x0, y0, x1, y1 = box
    points = np.stack([x0 + (x1 - x0) * np.array(x), y0 + (y1 - y0) * np.array(y)], 1)
    sure = (points[:, 1] < height * seen) & (points[:, 0] >= 0) & (points[:, 0] < width)
    return np.concatenate([points, sure[:, None]], 1).astype(np.float32)


def view_of(width: int, height: int, box: tuple[float, float, float, float], joints: np.ndarray) -> View:
    parts = np.zeros((height, width), np.uint8)
    x0, y0, x1, y1 = (int(max(0, side)) for side in box)
    parts[y0:y1, x0:x1] = 3
    picture = np.full((height, width, 3), 90, np.uint8)
    picture[y0:y1, x0:x1] = (200, 30, 30)
    whole = (0.0, 0.0, float(width), float(height))
    observation = Observation(
        width=width,
        height=height,
        body_box=box,
        keypoints=joints,
        parts=parts,
        parts_box=whole,
    )
    return View(Image.fromarray(picture), observation)


def test_a_whole_figure_stands_in_the_frame_whatever_the_photo() -> None:
    for width, height in ((640, 960), (1200, 800), (900, 900)):
        box = (0.4 * width, 0.2 * height, 0.4 * width + 0.3 * height, 0.9 * height)
        joints = standing(width, height, box)
        photo = reference_of(view_of(width, height, box, joints), load_mapper(), shipped_atlas(), SIZE, UNKNOWN)

        assert photo is not None and photo.image.shape == (240, 160, 3)
        rows = np.flatnonzero(photo.person.any(1))
        assert 0.75 < (rows[-1] - rows[0]) / 240 < 0.95
        assert photo.image[photo.person].mean(0)[0] > 180  # the person, not the wall
        on_body = photo.surface > 0
        assert (on_body & photo.person[::2, ::2]).sum() > 0.6 * on_body.sum()


def test_the_frame_of_a_portrait_ends_where_the_photo_ends() -> None:
    box = (100.0, 120.0, 500.0, 1100.0)  # reaches below the photo of 600 px
    joints = standing(600, 600, box, seen=0.95)
    person = np.zeros((600, 600), bool)
    person[120:, 100:500] = True

    left, top, right, low = window_of(person, joints, 2 / 3)
    assert low == 600
    assert top <= 120 and 250 < (left + right) / 2 < 350
    assert (right - left) / (low - top) == pytest.approx(2 / 3)


def test_an_unexamined_photo_gives_no_reference() -> None:
    view = View(Image.new("RGB", (300, 400)), Observation(width=300, height=400))

    assert reference_of(view, load_mapper(), shipped_atlas(), SIZE, UNKNOWN) is None


def drawing_of(view: View, prompt: str, pose: np.ndarray | None = None) -> GenerationInput:
    return GenerationInput(IdentityProfile((view,)), prompt, "", seed=3, settings=Settings(steps=2), pose=pose)


def test_a_photo_and_words_become_an_enlarged_picture(pipeline: NanoPipeline) -> None:
    backbone = NanoBackbone(pipeline, {"steps": 4}, PromptReader(meanings=lambda: None), Upscaler(None))
    box = (200.0, 100.0, 440.0, 900.0)
    view = view_of(640, 960, box, standing(640, 960, box))
    steps: list[tuple[int, int, tuple[int, int]]] = []
    (picture,) = backbone.draw(
        [drawing_of(view, "on a beach in a red jacket")],
        lambda step: steps.append((step.number, step.total, step.previews()[0].size)),
    )

    assert picture.size == (4 * 48, 4 * 64) == (backbone.capabilities.width, backbone.capabilities.height)
    assert steps == [(1, 2, (48, 64)), (2, 2, (48, 64))]
    assert isinstance(backbone, ClosedVocabulary)
    assert backbone.ignored("on a beach with a dragon") == ("dragon",)


def test_words_and_pose_reach_the_pipeline(pipeline: NanoPipeline) -> None:
    backbone = NanoBackbone(pipeline, {"steps": 4}, PromptReader(meanings=lambda: None), Upscaler(None))
    box = (200.0, 100.0, 440.0, 900.0)
    view = view_of(640, 960, box, standing(640, 960, box))
    pose = np.full((17, 3), 0.5, np.float32)
    request = backbone.request_of(drawing_of(view, "женщина в красной куртке на пляже", pose))

    assert request.attributes["place"] == "beach" and request.attributes["sex"] == "woman"
    assert request.attributes["top"] == "jacket" and request.attributes["top_colour"] == "red"
    assert np.array_equal(request.joints, pose)
    assert backbone.request_of(drawing_of(view, "a woman in a red jacket", pose)).attributes["place"] == "studio"
    torso = shipped_atlas().region == Region.TORSO
    assert request.references[0].texture[3, torso].max() == 0  # the jacket is not that of the photo


def test_photos_without_a_person_are_refused_with_the_remedy(pipeline: NanoPipeline) -> None:
    backbone = NanoBackbone(pipeline, {"steps": 4}, PromptReader(meanings=lambda: None), Upscaler(None))
    view = View(Image.new("RGB", (300, 400)), Observation(width=300, height=400))

    with pytest.raises(BadReference, match="from the head to the chest"):
        backbone.draw([drawing_of(view, "in a park")])


def test_a_garment_in_the_words_is_not_taken_from_the_photo() -> None:
    assert hidden_by({"place": "beach"}, Clothes.KEEP) == ()
    assert set(hidden_by({"top_colour": "red"}, Clothes.KEEP)) == {Region.TORSO, Region.WAIST}
    assert set(hidden_by({"shoes": "boots"}, Clothes.KEEP)) == {Region.FEET}
    assert set(hidden_by({}, Clothes.CHANGE)) == {Region.TORSO, Region.WAIST, Region.LEGS, Region.FEET}
