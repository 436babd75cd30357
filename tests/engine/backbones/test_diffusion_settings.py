"""Scales, the LoRA of faces, guidance, aspects and memory: what an operator or a request sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image

from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput, HeadRedrawer, Step
from engine.backbones.diffusion import DiffusionBackbone
from engine.backbones.options import NONE, Options
from engine.backbones.sd15 import SD15
from engine.backbones.sdxl import SDXL
from engine.contract import Aspect, PosePreset, Settings
from engine.errors import WeightsError
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset


def person(seed: int = 0, embedded: bool = True) -> IdentityProfile:
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=512).astype(np.float32)
    observation = Observation(
        150, 200, body_box=(30.0, 10.0, 120.0, 200.0), face_box=(50.0, 20.0, 90.0, 60.0),
        face_embedding=embedding / np.linalg.norm(embedding) if embedded else None,
    )  # fmt: skip
    return IdentityProfile((View(Image.fromarray(rng.integers(0, 255, (200, 150, 3), dtype=np.uint8)), observation),))


def drawing(who: IdentityProfile | None = None, negative: str = "", **settings: Any) -> GenerationInput:
    return GenerationInput(who or person(), "a portrait in a forest", negative, 1, Settings(**{"steps": 2, **settings}))


def load(tiny: Any, **changes: Any) -> DiffusionBackbone:
    chosen = {"lora": str(tiny.lora), "image_encoder": str(tiny.image_encoder), "controlnet": NONE, "preview": NONE}
    adapters = {"body_adapter": str(tiny.body), "face_adapter": str(tiny.face)}
    loaded = load_backbone("sdxl", "cpu", tiny.pipeline, Options(**{**chosen, **adapters, **changes}))
    assert isinstance(loaded, DiffusionBackbone)
    return loaded


@pytest.fixture(scope="module")
def backbone(tiny_sdxl: Any) -> DiffusionBackbone:
    return load(tiny_sdxl)


def scales_of(backbone: DiffusionBackbone, **settings: Any) -> dict[str, float]:
    """The scales of the attention that a request is drawn with."""
    found: dict[str, float] = {}
    assert backbone._branches is not None
    inside = backbone._branches.conditions([drawing(**settings)], False, of_head=False, latent_size=(8, 12))
    found |= {name: float(condition.scale[0]) for name, condition in inside.items()}
    return found


def test_the_scales_of_both_families_are_balanced() -> None:
    for family in (SD15, SDXL):
        assert 0.5 <= family.face_scale <= 0.6 and 0.5 <= family.body_scale <= 0.6


def test_a_request_multiplies_the_scales_of_the_backbone_and_an_operator_sets_them(tiny_sdxl: Any) -> None:
    usual = scales_of(load(tiny_sdxl))
    assert usual == pytest.approx({"face": SDXL.face_scale, "body": SDXL.body_scale})
    changed = load(tiny_sdxl, face_scale=0.9, body_scale=0.4)
    assert scales_of(changed) == pytest.approx({"face": 0.9, "body": 0.4})
    assert scales_of(changed, face_scale=0.5, body_scale=2.0) == pytest.approx({"face": 0.45, "body": 0.8})


def test_the_lora_of_faces_leaves_people_without_an_embedding_alone(tiny_sdxl: Any) -> None:
    stranger = person(embedded=False)
    with_face, without = load(tiny_sdxl), load(tiny_sdxl, face_adapter=NONE)
    expected = without.draw([drawing(stranger)])[0]
    assert with_face.draw([drawing(stranger)])[0] == expected
    assert with_face.draw([drawing(face_scale=0.0)])[0] == without.draw([drawing(face_scale=0.0)])[0]
    first, second = with_face.draw([drawing(), drawing(stranger)])
    assert np.abs(np.asarray(second, int) - np.asarray(expected, int)).max() <= 1
    assert first != second


def test_the_lora_of_faces_can_be_set_and_left_out(tiny_sdxl: Any) -> None:
    half, none = load(tiny_sdxl, face_lora=0.5), load(tiny_sdxl, face_lora=0.0)
    assert none._parts.branches is not None and none._parts.branches.lora is None
    assert half.draw([drawing()])[0] != none.draw([drawing()])[0]


def test_the_capabilities_say_where_a_negative_prompt_acts(backbone: DiffusionBackbone) -> None:
    can = backbone.capabilities
    assert can.negative_prompt == "guided"
    assert not can.reads_negative_prompt(None) and can.reads_negative_prompt(2.0)
    for guidance, acts in ((None, False), (2.0, True)):
        plain, kept_out = (backbone.draw([drawing(negative=n, guidance=guidance)])[0] for n in ("", "photo, blurry"))
        assert (plain != kept_out) is acts


TINY_SIZES = {Aspect.PORTRAIT: (32, 48), Aspect.SQUARE: (32, 32), Aspect.LANDSCAPE: (48, 32), Aspect.TALL: (32, 64)}
"""The tiny model's own side is one step of its UNet, so that all its sizes would be square."""


@pytest.mark.parametrize("aspect", Aspect)
def test_every_aspect_is_drawn_in_its_own_size(backbone: DiffusionBackbone, aspect: Aspect) -> None:
    assert backbone.capabilities.aspects == tuple(TINY_SIZES)
    sized = DiffusionBackbone(backbone._parts, backbone.capabilities, "cpu", sizes=TINY_SIZES)
    assert sized.draw([drawing(aspect=aspect, steps=1)])[0].size == TINY_SIZES[aspect]


@pytest.mark.parametrize(("family", "side"), [(SD15, 512), (SDXL, 1024)])
def test_the_sizes_are_those_of_the_ratios_and_of_the_training(family: Any, side: int) -> None:
    assert set(family.sides) == set(Aspect)
    for aspect, (width, height) in family.sides.items():
        across, down = (int(number) for number in aspect.split(":"))
        assert (width * side) % 64 == (height * side) % 64 == 0
        assert width / height == pytest.approx(across / down, rel=0.06)
        assert 0.9 <= width * height <= 1.6


def test_an_aspect_that_a_backbone_has_no_size_for_is_its_default(backbone: DiffusionBackbone) -> None:
    plain = DiffusionBackbone(backbone._parts, backbone.capabilities, "cpu")
    size = (backbone.capabilities.width, backbone.capabilities.height)
    assert plain.draw([drawing(aspect=Aspect.SQUARE, steps=1)])[0].size == size


def test_batches_are_decoded_one_by_one_and_their_size_is_a_setting(tiny_sdxl: Any) -> None:
    plain, limited = load(tiny_sdxl, face_adapter=NONE), load(tiny_sdxl, face_adapter=NONE, batch_max=2)
    assert plain._parts.pipeline.vae.use_slicing
    assert (plain.capabilities.batch_max, limited.capabilities.batch_max) == (SDXL.batch_max, 2)


def test_another_vae_takes_the_place_of_the_models_own(tiny_sdxl: Any, tmp_path: Any) -> None:
    vae = AutoencoderKL.from_pretrained(tiny_sdxl.pipeline / "vae")
    with torch.no_grad():
        vae.decoder.conv_out.bias += 0.5
    vae.register_to_config(force_upcast=False)
    vae.save_pretrained(tmp_path / "vae")
    bare = {"face_adapter": NONE, "body_adapter": NONE}
    replaced = load(tiny_sdxl, vae=str(tmp_path / "vae"), **bare)
    assert replaced._parts.pipeline.vae.config.force_upcast is False
    assert replaced.draw([drawing()])[0] != load(tiny_sdxl, **bare).draw([drawing()])[0]
    with pytest.raises(WeightsError, match="ENGINE_VAE"):
        load(tiny_sdxl, vae=str(tmp_path / "nothing"), **bare)


def test_a_head_is_drawn_again_and_the_rest_of_the_picture_stays(backbone: DiffusionBackbone) -> None:
    assert isinstance(backbone, HeadRedrawer)
    picture = backbone.draw([drawing()])[0].resize((64, 96))
    steps: list[Step] = []
    posed = replace(drawing(steps=4), pose=preset(PosePreset.STANDING))
    again = backbone.redraw_head(posed, picture, (26.0, 12.0, 34.0, 22.0), steps.append)
    before, after = np.asarray(picture, int), np.asarray(again, int)
    differs = np.abs(before - after).max(-1) > 0
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    assert again.size == picture.size and differs.any()
    assert rows[-1] < 40 and columns[0] > 12 and columns[-1] < 50
    assert len(steps) == 2, "half of the steps are taken again"
    assert again == backbone.redraw_head(posed, picture, (26.0, 12.0, 34.0, 22.0))
