"""nano draws, from shipped-shape folders, the same picture for the same request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.backbones import load_backbone
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.base import GenerationInput, Step
from engine.backbones.collage import NanoBackbone, view_crops
from engine.backbones.collage_model import load_model, save_model
from engine.contract import Clothes, PosePreset, Settings
from engine.errors import Cancelled, SetupError, WeightsError
from engine.identity.clothes import HIDDEN_RGB
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset
from tests.random_collage import random_collage
from tests.tiny_tokenizer import train_tokenizer

WORDS = ["a woman in a red t-shirt in a forest", "мужчина в синих брюках на пляже"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of random weights, drawn with all the noise of its way."""
    path = tmp_path_factory.mktemp("nano")
    vae = NanoAutoencoder()
    model = random_collage(train_tokenizer(WORDS * 20), vae, 128, 192)
    torch.nn.init.normal_(model.unet.conv_out.weight, std=0.05)
    model.metadata["sampling"]["eta"] = 1.0
    save_model(model, path)
    return path


@pytest.fixture(scope="module")
def backbone(folder: Path) -> NanoBackbone:
    return NanoBackbone(load_model(folder))


def person(colour: tuple[int, int, int], views: int = 1, face: bool = True) -> IdentityProfile:
    image = Image.new("RGB", (300, 400), colour)
    box = (100.0, 50.0, 160.0, 120.0) if face else None
    return IdentityProfile(tuple(View(image, Observation(300, 400, face_box=box)) for _ in range(views)))


FEW = Settings(steps=2)


def drawing(seed: int = 1, **fields: object) -> GenerationInput:
    values: dict[str, object] = {
        "identity": person((200, 30, 30)),
        "prompt": "a woman",
        "negative_prompt": "",
        "settings": FEW,
    }
    return GenerationInput(**(values | fields), seed=seed)  # type: ignore[arg-type]


def test_equal_requests_give_equal_pictures_and_other_seeds_give_others(backbone: NanoBackbone) -> None:
    first, again, other = (backbone.draw([drawing(seed)])[0] for seed in (1, 1, 2))
    assert first.size == (128, 192)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_reference_and_its_scale_change_the_picture(backbone: NanoBackbone) -> None:
    red = backbone.draw([drawing()])[0]
    blue = backbone.draw([drawing(identity=person((20, 30, 200)))])[0]
    without = backbone.draw([drawing(settings=Settings(steps=2, face_scale=0, body_scale=0))])[0]
    assert not np.array_equal(red, blue)
    assert not np.array_equal(red, without)


def test_clothes_that_are_to_change_are_not_shown_to_the_model(backbone: NanoBackbone) -> None:
    seen_whole = Observation(300, 400, face_box=(100.0, 50.0, 160.0, 120.0), body_box=(60.0, 20.0, 220.0, 400.0))
    dressed = IdentityProfile((View(Image.new("RGB", (300, 400), (200, 30, 30)), seen_whole),))
    kept, changed = (
        drawing(identity=dressed, settings=Settings(steps=2, clothes=clothes))
        for clothes in (Clothes.KEEP, Clothes.CHANGE)
    )
    seen = [
        view_crops(one.identity.views[0], backbone.model.adapter.config, one.settings.clothes)
        for one in (kept, changed)
    ]
    assert np.array_equal(seen[0]["face"], seen[1]["face"])
    grey = (np.asarray(seen[1]["body"]) == HIDDEN_RGB).all(2).mean()
    assert 0.1 < grey < 0.95
    assert not np.array_equal(*(backbone.draw([one])[0] for one in (kept, changed)))


def test_a_batch_mixes_people_with_different_numbers_of_photos(backbone: NanoBackbone) -> None:
    drawings = [
        drawing(1),
        drawing(2, identity=person((9, 99, 9), views=3)),
        drawing(3, identity=person((9, 9, 99), face=False)),
    ]
    together = backbone.draw(drawings)
    for picture, alone in zip(together, (backbone.draw([d])[0] for d in drawings), strict=True):
        assert np.abs(np.asarray(picture, int) - np.asarray(alone, int)).max() <= 2


def test_a_pose_acts_on_its_own_row_and_by_its_scale(backbone: NanoBackbone) -> None:
    waving, sitting = preset(PosePreset.WAVING), preset(PosePreset.SITTING)
    off = FEW.model_copy(update={"pose_scale": 0.0})
    drawings = [
        drawing(settings=FEW),
        drawing(settings=FEW, pose=waving),
        drawing(settings=FEW, pose=sitting),
        drawing(settings=off, pose=waving),
    ]
    plain, waved, sat, without = (np.asarray(picture, int) for picture in backbone.draw(drawings))
    assert np.abs(waved - plain).max() > 8 and np.abs(sat - waved).max() > 8
    assert np.abs(without - plain).max() <= 1
    alone = np.asarray(backbone.draw([drawing(settings=FEW)])[0], int)
    assert np.abs(alone - plain).max() <= 1


def posed(name: PosePreset, seen: View, **settings: object) -> GenerationInput:
    chosen = Settings(steps=2, **settings)  # type: ignore[arg-type]
    return drawing(identity=IdentityProfile((seen,)), pose=preset(name), settings=chosen)


def test_who_is_known_by_their_joints_is_laid_along_the_pose(backbone: NanoBackbone, paper_doll: View) -> None:
    stood, sat = (backbone.reposed(posed(name, paper_doll)) for name in (PosePreset.STANDING, PosePreset.SITTING))
    red = [(one.picture[0, 0] - one.picture[0, 2] > 1).nonzero().float().mean(0) for one in (stood, sat)]
    hips = [preset(name)[11:13, 1].mean() * 192 for name in (PosePreset.STANDING, PosePreset.SITTING)]
    assert red[0][0] < hips[0] and red[1][0] < hips[1]
    assert abs(float(red[1][0] - red[0][0]) - float(hips[1] - hips[0])) < 10
    undressed = backbone.reposed(posed(PosePreset.STANDING, paper_doll, clothes=Clothes.CHANGE))
    assert 0 < float(undressed.shown.sum()) < 0.6 * float(stood.shown.sum())
    assert not backbone.reposed(posed(PosePreset.STANDING, paper_doll, face_scale=0, body_scale=0)).shown.any()
    assert not backbone.reposed(drawing(identity=IdentityProfile((paper_doll,)))).shown.any(), (
        "no pose, nothing to lay along"
    )
    unseen = View(paper_doll.image, replace(paper_doll.observation, keypoints=None))
    assert not backbone.reposed(posed(PosePreset.STANDING, unseen)).shown.any()


def test_heads_and_bodies_of_several_photos_fade_by_their_own_scale(backbone: NanoBackbone, paper_doll: View) -> None:
    twice = replace(posed(PosePreset.STANDING, paper_doll), identity=IdentityProfile((paper_doll, paper_doll)))
    whole = backbone.reposed(twice)
    body_alone = backbone.reposed(replace(twice, settings=Settings(steps=2, face_scale=0, body_scale=0.5)))
    head_alone = backbone.reposed(replace(twice, settings=Settings(steps=2, face_scale=1, body_scale=0)))
    assert float(body_alone.shown.max()) == 0.5
    assert torch.equal(head_alone.shown, whole.shown * whole.head) and head_alone.shown.any()


def test_a_second_photo_shows_what_the_first_does_not(backbone: NanoBackbone, paper_doll: View) -> None:
    above = np.array(paper_doll.observation.keypoints)
    above[11:, 2] = 0
    portrait = View(paper_doll.image, replace(paper_doll.observation, keypoints=above))
    one, both, whole = (
        backbone.reposed(replace(posed(PosePreset.STANDING, paper_doll), identity=IdentityProfile(views)))
        for views in ((portrait,), (portrait, paper_doll), (paper_doll,))
    )
    assert float(one.shown.sum()) < 0.8 * float(both.shown.sum())
    assert float(both.shown.sum()) >= 0.98 * float(whole.shown.sum())
    assert torch.equal(
        both.picture[one.shown.expand_as(one.picture) == 1], one.picture[one.shown.expand_as(one.picture) == 1]
    )
    assert float(both.shown.max()) <= 1


def test_steps_are_reported_with_previews(backbone: NanoBackbone) -> None:
    seen: list[tuple[int, int, int]] = []

    def on_step(step: Step) -> None:
        seen.append((step.number, step.total, len(step.previews())))

    three = Settings(steps=3)
    backbone.draw([drawing(1, settings=three), drawing(2, settings=three)], on_step)
    assert seen == [(1, 3, 2), (2, 3, 2), (3, 3, 2)]


def test_a_drawing_can_be_cancelled_between_steps(backbone: NanoBackbone) -> None:
    def on_step(step: Step) -> None:
        raise Cancelled("withdrawn")

    with pytest.raises(Cancelled):
        backbone.draw([drawing()], on_step)


def test_any_text_can_be_a_prompt(backbone: NanoBackbone) -> None:
    for prompt in ("", "😀🔥", "<b>" * 300, "שלום", "й" * 900):
        assert backbone.draw([drawing(prompt=prompt, settings=Settings(steps=1))])


def test_saving_leaves_the_model_in_memory_in_full_precision(folder: Path, tmp_path: Path) -> None:
    model = load_model(folder)
    weight = model.unet.conv_in.weight.clone() + 1e-6
    model.unet.conv_in.weight.copy_(weight)
    save_model(model, tmp_path / "copy")
    assert model.unet.conv_in.weight.equal(weight)
    assert NanoBackbone(load_model(tmp_path / "copy")).draw([drawing()])


def test_a_folder_without_weights_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no unet.*ENGINE_WEIGHTS"):
        load_backbone("nano", "cpu", tmp_path)


def test_an_unknown_backbone_is_named_with_the_remedy() -> None:
    with pytest.raises(SetupError, match="ENGINE_BACKBONE"):
        load_backbone("sd99", "cpu")
