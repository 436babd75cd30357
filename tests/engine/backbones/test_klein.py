"""klein draws from pictures and an instruction; the same picture for the same request."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.backbones.base import GenerationInput, Step
from engine.backbones.klein import (
    REFERENCES_MAX,
    KleinBackbone,
    Sizes,
    estimate,
    instruction,
    load_klein,
    person_pictures,
)
from engine.backbones.options import Options
from engine.contract import Aspect, Clothes, PosePreset, Settings
from engine.errors import Cancelled, WeightsError
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset

SIZES = Sizes.around(128)


@pytest.fixture(scope="module")
def backbone(klein_folder: Path) -> KleinBackbone:
    return load_klein("cpu", klein_folder)


def person(colour: str = "red", views: int = 1, face: bool = True) -> IdentityProfile:
    image = Image.new("RGB", (300, 400), colour)
    observation = Observation(300, 400, face_box=(100.0, 50.0, 160.0, 120.0) if face else None)
    return IdentityProfile(tuple(View(image, observation) for _ in range(views)))


def drawing(**fields: Any) -> GenerationInput:
    values = {"identity": person(), "prompt": "on a beach", "negative_prompt": "", "seed": 1}
    return GenerationInput(**(values | fields))


def test_what_it_can_do_is_read_from_the_checkpoint(backbone: KleinBackbone) -> None:
    can = backbone.capabilities
    assert (can.width, can.height) == SIZES.picture(None)
    assert (can.steps_default, can.guidance_range, can.batch_max) == (4, (1.0, 1.0), 1)
    assert can.commercial_use and can.photorealistic and can.pose and not can.strength
    assert Sizes.around(1024).picture(None) == (832, 1216)


def test_equal_requests_give_equal_pictures_and_other_seeds_give_others(backbone: KleinBackbone) -> None:
    first, again, other = (backbone.draw([drawing(seed=seed)])[0] for seed in (1, 1, 2))
    assert first.size == SIZES.picture(None) and first.mode == "RGB"
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "fields",
    [
        {"identity": person("blue")},
        {"identity": person(views=2)},
        {"prompt": "in a forest"},
        {"pose": preset(PosePreset.WAVING)},
        {"settings": Settings(body_scale=0)},
        {"settings": Settings(clothes=Clothes.CHANGE)},
        {"settings": Settings(steps=2)},
        {"image_prompt": Image.new("RGB", (90, 60), "green")},
    ],
    ids=["person", "photos", "words", "pose", "face alone", "clothes", "steps", "image prompt"],
)
def test_everything_that_is_asked_for_changes_the_picture(backbone: KleinBackbone, fields: dict[str, Any]) -> None:
    plain, changed = (backbone.draw([drawing(**given)])[0] for given in ({}, fields))
    assert not np.array_equal(plain, changed)


def test_steps_are_reported_with_previews_that_end_in_the_picture(backbone: KleinBackbone) -> None:
    calls: list[tuple[int, int, Image.Image]] = []

    def watch(step: Step) -> None:
        calls.append((step.number, step.total, step.previews()[0]))

    picture = backbone.draw([drawing()], watch)[0]
    assert [(number, total) for number, total, _ in calls] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert calls[0][2].size == picture.size
    difference = np.abs(np.asarray(calls[-1][2], int) - np.asarray(picture, int))
    assert difference.max() <= 1  # the last estimate is the picture
    assert not np.array_equal(calls[0][2], picture)


def test_several_drawings_are_one_after_another_and_counted_through(backbone: KleinBackbone) -> None:
    drawings = [drawing(seed=1, settings=Settings(steps=2)), drawing(seed=2, settings=Settings(steps=2))]
    calls: list[tuple[int, int, list[Image.Image]]] = []
    together = backbone.draw(drawings, lambda step: calls.append((step.number, step.total, step.previews())))
    assert [(number, total, len(previews)) for number, total, previews in calls] == [(n, 4, 2) for n in (1, 2, 3, 4)]
    for picture, alone in zip(together, drawings, strict=True):
        assert np.array_equal(picture, backbone.draw([alone])[0])


def test_a_withdrawn_drawing_ends_at_the_next_step_and_leaves_no_trace(backbone: KleinBackbone) -> None:
    before = backbone.draw([drawing()])[0]
    steps: list[int] = []

    def withdraw(step: Step) -> None:
        steps.append(step.number)
        raise Cancelled("withdrawn")

    with pytest.raises(Cancelled):
        backbone.draw([drawing()], withdraw)
    assert steps == [1]
    assert np.array_equal(before, backbone.draw([drawing()])[0])


def test_a_straight_flow_is_followed_to_its_end() -> None:
    clean, noise = torch.randn(2, 1, 6, 4, generator=torch.Generator().manual_seed(0))
    at = {sigma: (1 - sigma) * clean + sigma * noise for sigma in (0.9, 0.4)}
    torch.testing.assert_close(estimate(at[0.9], at[0.4], 0.9, 0.4), clean)


def test_every_photo_is_shown_once_before_any_is_shown_twice() -> None:
    def kinds(**settings: float) -> list[str]:
        given = drawing(identity=person(views=3), settings=Settings(**settings))  # type: ignore[arg-type]
        return ["body" if picture.size == SIZES.body else "head" for picture in person_pictures(given, SIZES, 4)]

    sizes = Sizes.around(256)
    assert sizes.body != (sizes.head, sizes.head)
    assert kinds() == ["body", "body", "body", "head"]
    assert kinds(face_scale=1.3, body_scale=0.7) == ["head", "head", "head", "body"]
    assert kinds(face_scale=0) == ["body"] * 3
    assert kinds(body_scale=0) == ["head"] * 3
    assert kinds(face_scale=0, body_scale=0) == ["body"]


def test_clothes_that_are_to_be_changed_do_not_show() -> None:
    observation = Observation(300, 400, face_box=(120.0, 20.0, 180.0, 90.0), body_box=(60.0, 0.0, 240.0, 400.0))
    red = IdentityProfile((View(Image.new("RGB", (300, 400), "red"), observation),))
    as_worn, hidden = (
        person_pictures(drawing(identity=red, settings=Settings(face_scale=0, clothes=clothes)), SIZES, 4)[0]
        for clothes in (Clothes.KEEP, Clothes.CHANGE)
    )
    reds = [(np.asarray(picture) == (255, 0, 0)).all(axis=2).mean() for picture in (as_worn, hidden)]
    assert reds[0] == 1 and reds[1] < 0.9


def test_without_a_face_the_body_is_shown_whatever_the_scales_say() -> None:
    given = drawing(identity=person(face=False), settings=Settings(body_scale=0))
    assert [picture.size for picture in person_pictures(given, SIZES, 4)] == [SIZES.body]


@pytest.mark.parametrize("aspect", Aspect)
def test_every_aspect_is_drawn_with_the_pose_in_it(backbone: KleinBackbone, aspect: Aspect) -> None:
    assert set(backbone.capabilities.aspects) == set(Aspect)
    posed = drawing(settings=Settings(aspect=aspect, steps=1), pose=preset(PosePreset.LYING))
    previews: list[Image.Image] = []
    picture = backbone.draw([posed], lambda step: previews.extend(step.previews()))[0]
    assert picture.size == previews[0].size == SIZES.picture(aspect)
    assert backbone._input_pictures(posed, SIZES.picture(aspect))[-1].size == SIZES.picture(aspect)
    full = Sizes.around(1024).picture(aspect)
    across, down = (int(number) for number in aspect.split(":"))
    assert full[0] / full[1] == pytest.approx(across / down, rel=0.06)


def test_weights_that_do_not_fit_are_refused(klein_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(klein_folder, tmp_path / "klein")
    (file,) = (tmp_path / "klein" / "transformer").glob("*.safetensors")
    save_file(load_file(file) | {"surplus": torch.zeros(2)}, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="no place for surplus"):
        load_klein("cpu", tmp_path / "klein")


def test_a_pose_takes_the_place_of_a_photo(backbone: KleinBackbone) -> None:
    many = drawing(identity=person(views=6))
    posed = drawing(identity=person(views=6), pose=preset(PosePreset.SITTING))
    plain, with_pose = (backbone._input_pictures(one, SIZES.picture(None)) for one in (many, posed))
    assert len(plain) == len(with_pose) == REFERENCES_MAX
    assert with_pose[-1].size == SIZES.picture(None)
    assert "skeleton in image 4" in instruction(posed, len(with_pose))
    assert "Images 1 to 3" in instruction(posed, len(with_pose))
    assert "skeleton" not in instruction(many, len(plain))


def test_an_image_prompt_is_the_last_picture_and_scale_zero_leaves_it_out(backbone: KleinBackbone) -> None:
    green = Image.new("RGB", (90, 60), "green")
    styled = drawing(identity=person(views=6), pose=preset(PosePreset.SITTING), image_prompt=green)
    pictures = backbone._input_pictures(styled, SIZES.picture(None))
    assert len(pictures) == REFERENCES_MAX and pictures[-1].getpixel((9, 9)) == green.getpixel((9, 9))
    text = instruction(styled, len(pictures))
    assert "Images 1 to 2" in text and "skeleton in image 3" in text and "style of image 4" in text
    plain = drawing(settings=Settings(image_prompt_scale=0))
    silent = drawing(settings=Settings(image_prompt_scale=0), image_prompt=green)
    assert instruction(silent, 1) == instruction(plain, 1)
    assert np.array_equal(*(backbone.draw([one])[0] for one in (plain, silent)))


@pytest.mark.parametrize("size", [(1280, 20), (20, 1280), (8, 8), (1280, 1280)])
def test_an_image_prompt_of_any_size_is_taken(backbone: KleinBackbone, size: tuple[int, int]) -> None:
    styled = drawing(image_prompt=Image.new("RGB", size, "green"), settings=Settings(steps=1))
    assert backbone.draw([styled])[0].size == SIZES.picture(None)


def test_the_instruction_ends_in_the_prompt_and_names_the_clothes() -> None:
    unchanged, changed = drawing(), drawing(settings=Settings(clothes=Clothes.CHANGE))
    assert instruction(unchanged, 1).endswith("on a beach")
    assert "Image 1 shows a person" in instruction(unchanged, 1)
    assert "Keep the clothes" in instruction(unchanged, 1) and "Keep the clothes" not in instruction(changed, 1)


def test_a_folder_that_is_no_pipeline_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"doctor --backbone klein --download") as raised:
        load_klein("cpu", tmp_path)
    assert "\n" not in str(raised.value)


def test_half_precision_is_bfloat16_and_can_be_asked_for(klein_folder: Path) -> None:
    half = load_klein("cpu", klein_folder, Options(precision="bf16"))
    assert half._pipeline.transformer.dtype is torch.bfloat16
    pictures: list[Image.Image] = []
    picture = half.draw([drawing(settings=Settings(steps=1))], lambda step: pictures.extend(step.previews()))[0]
    assert np.asarray(picture).std() > 0 and len(pictures) == 1
    assert load_klein("cpu", klein_folder)._pipeline.transformer.dtype is torch.float32


def test_the_published_layout_has_the_published_size() -> None:
    """The transformer, text encoder and autoencoder of klein 4B on the meta device: bytes in bfloat16 as published
    (7.75, 8.05 and 0.168 GB); the catalogue's estimate is their sum."""
    from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from engine.hub.catalogue import load_catalogue

    words = Qwen3Config(
        vocab_size=151936,
        hidden_size=2560,
        num_hidden_layers=36,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        intermediate_size=9728,
        tie_word_embeddings=True,
    )
    with torch.device("meta"):
        transformer = Flux2Transformer2DModel(
            num_layers=5,
            num_single_layers=20,
            num_attention_heads=24,
            joint_attention_dim=3 * words.hidden_size,
            guidance_embeds=False,
        )
        counts = [
            sum(parameter.numel() for parameter in model.parameters())
            for model in (transformer, Qwen3ForCausalLM(words), AutoencoderKLFlux2())
        ]
    assert [round(2 * count / 1e9, 2) for count in counts] == [7.75, 8.04, 0.17]
    (entry,) = (weights for weights in load_catalogue() if weights.name == "klein")
    assert entry.parameters == sum(counts)
