"""sd15 and sdxl follow an image prompt through a branch of its own, in the blocks that decide style and layout."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from benchmarks.shapes import SHAPES
from engine.adapter.attention import IMAGE_PROMPT, BranchProjections
from engine.adapter.ip_adapter import load_branches
from engine.adapter.ip_adapter_file import AdapterFile
from engine.adapter.model import cross_attention_layers
from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput
from engine.backbones.diffusion import DiffusionBackbone
from engine.backbones.options import NONE, Options
from engine.backbones.sd15 import SD15
from engine.backbones.sdxl import SDXL
from engine.contract import Settings
from engine.errors import SetupError, WeightsError
from engine.identity.profile import IdentityProfile, Observation, View

STYLE, LAYOUT = "up_blocks.0.attentions.1", "down_blocks.1.attentions.0"
"""Blocks for style and layout of the tiny UNets, whose blocks have other numbers than the published ones."""


def person(seed: int = 0) -> IdentityProfile:
    rng = np.random.default_rng(seed)
    observation = Observation(150, 200, body_box=(30.0, 10.0, 120.0, 200.0), face_box=(50.0, 20.0, 90.0, 60.0))
    return IdentityProfile((View(Image.fromarray(rng.integers(0, 255, (200, 150, 3), dtype=np.uint8)), observation),))


def picture(seed: int = 5, size: tuple[int, int] = (120, 90)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=np.uint8))


def drawing(image_prompt: Image.Image | None = None, seed: int = 1, **settings: Any) -> GenerationInput:
    merged = Settings(**{"steps": 2, **settings})
    return GenerationInput(person(), "a portrait in a forest", "blurry", seed, merged, image_prompt=image_prompt)


def load(name: str, tiny: Any, **changes: Any) -> DiffusionBackbone:
    without = {"distilled": NONE, "face_adapter": NONE, "controlnet": NONE, "preview": NONE}
    paths = {"body_adapter": str(tiny.body), "image_prompt_adapter": str(tiny.body)}
    chosen = {**without, **paths, "image_encoder": str(tiny.image_encoder), "image_prompt_blocks": f"{STYLE},{LAYOUT}"}
    loaded = load_backbone(name, "cpu", tiny.pipeline, Options(**{**chosen, **changes}))
    assert isinstance(loaded, DiffusionBackbone)
    return loaded


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def tiny(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return request.param, request.getfixturevalue(f"tiny_{request.param}")


@pytest.fixture(scope="module")
def backbone(tiny: tuple[str, Any]) -> DiffusionBackbone:
    return load(*tiny)


def test_it_changes_the_picture_and_scale_zero_draws_exactly_as_without(
    backbone: DiffusionBackbone, tiny: tuple[str, Any]
) -> None:
    assert backbone.capabilities.image_prompt
    plain, followed = backbone.draw([drawing()])[0], backbone.draw([drawing(picture())])[0]
    assert followed != plain
    assert backbone.draw([drawing(picture(6))])[0] not in (plain, followed)
    assert backbone.draw([drawing(picture(), image_prompt_scale=0.4)])[0] not in (plain, followed)
    assert backbone.draw([drawing(picture(), image_prompt_scale=0.0)])[0] == plain
    never = load(*tiny, image_prompt_adapter=NONE)
    assert not never.capabilities.image_prompt
    assert never.draw([drawing(picture())])[0] == plain


def test_the_person_counts_beside_it_and_without_it(backbone: DiffusionBackbone) -> None:
    pictures = [
        backbone.draw([replace(drawing(picture()), identity=person(who), settings=Settings(steps=2, body_scale=scale))])
        for who, scale in ((0, 1.0), (9, 1.0), (0, 0.0), (9, 0.0))
    ]
    assert pictures[0] != pictures[1] and pictures[2] == pictures[3] != pictures[0]


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_a_batch_mixes_pictures_with_and_without(backbone: DiffusionBackbone, guidance: float) -> None:
    drawings = [
        drawing(picture(), guidance=guidance),
        drawing(seed=2, guidance=guidance),
        drawing(picture(6), seed=3, guidance=guidance, image_prompt_scale=0.0),
        drawing(picture(7, (60, 200)), seed=4, guidance=guidance),
    ]
    for one, together in zip(drawings, backbone.draw(drawings), strict=True):
        alone = np.asarray(backbone.draw([one])[0], int)
        assert np.abs(np.asarray(together, int) - alone).max() <= 1


def test_block_scales_are_those_of_stock_diffusers(tiny_sd15: Any) -> None:
    """The form of InstantStyle in diffusers: one scale per transformer, zero in all others."""
    ours = load("sd15", tiny_sd15, body_adapter=NONE, image_prompt_blocks=f"{STYLE}=0.8, {LAYOUT}=0.5")
    one = drawing(picture(), steps=4, guidance=5.0)
    stock = StableDiffusionPipeline.from_pretrained(
        tiny_sd15.pipeline, safety_checker=None, requires_safety_checker=False,
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(tiny_sd15.image_encoder),
        feature_extractor=CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
    )  # fmt: skip
    stock.scheduler = EulerDiscreteScheduler.from_config(stock.scheduler.config)
    stock.load_ip_adapter(str(tiny_sd15.body.parent), subfolder="", weight_name=tiny_sd15.body.name)
    stock.set_ip_adapter_scale({"down": {"block_1": [0.5]}, "up": {"block_0": [0.0, 0.8]}})
    stock.set_progress_bar_config(disable=True)
    theirs = stock(
        one.prompt, negative_prompt=one.negative_prompt, ip_adapter_image=one.image_prompt, num_inference_steps=4,
        guidance_scale=5.0, width=ours.capabilities.width, height=ours.capabilities.height, output_type="np",
        generator=[torch.Generator().manual_seed(one.seed)],
    ).images[0]  # fmt: skip
    assert np.abs(np.asarray(ours.draw([one])[0]) / 255 - theirs).max() < 1e-3 + 0.5 / 255


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_keys_and_values_are_computed_once_and_in_the_named_blocks_alone(
    backbone: DiffusionBackbone, monkeypatch: pytest.MonkeyPatch, guidance: float
) -> None:
    counted: Counter[tuple[str, int]] = Counter()
    compute = BranchProjections.keys_values

    def count(self: BranchProjections, branch: str, tokens: torch.Tensor) -> Any:
        counted[branch, id(self)] += 1
        return compute(self, branch, tokens)

    monkeypatch.setattr(BranchProjections, "keys_values", count)
    backbone.draw([drawing(picture(), steps=5, guidance=guidance)])
    layers = cross_attention_layers(backbone._parts.pipeline.unet)
    named = [layer for layer in layers if layer.startswith((STYLE, LAYOUT))]
    assert 0 < len(named) < len(layers)
    halves = 1 if guidance == 1.0 else 2
    assert set(counted.values()) == {halves}
    branches = Counter(branch for branch, _ in counted)
    assert branches == {IMAGE_PROMPT: len(named), "body": len(layers)}


def test_it_can_end_before_the_last_step(tiny: tuple[str, Any], backbone: DiffusionBackbone) -> None:
    half = load(*tiny, image_prompt_until=0.5)
    assert half._branches is not None and backbone._branches is not None
    conditions = half._branches.conditions([drawing(picture())], guided=False, of_head=False, latent_size=(8, 12))
    acting = [IMAGE_PROMPT in half._branches.acting(conditions, step / 4) for step in range(4)]
    assert acting == [True, True, False, False]
    assert all("body" in half._branches.acting(conditions, step / 4) for step in range(4))
    plain, whole = (backbone.draw([drawing(image, steps=4)])[0] for image in (None, picture()))
    assert half.draw([drawing(picture(), steps=4)])[0] not in (plain, whole)


def test_a_head_that_is_drawn_again_takes_the_style_and_not_the_layout(
    tiny_sd15: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.backbones.sd15.SD15", replace(SD15, layout_blocks=(LAYOUT,)))
    backbone = load("sd15", tiny_sd15)
    assert backbone._branches is not None
    scales = backbone._branches.conditions([drawing(picture())], guided=False, of_head=True, latent_size=(8, 12))[
        IMAGE_PROMPT
    ].block_scales
    assert scales is not None and (scales[STYLE], scales[LAYOUT]) == (1.0, 0.0)


def test_branches_of_one_file_share_its_weights(backbone: DiffusionBackbone) -> None:
    branches = backbone._parts.branches
    assert branches is not None
    for layer in branches.layer_names:
        projections = branches.layer(layer)
        assert projections.to_k["body"].weight is projections.to_k[IMAGE_PROMPT].weight


def test_an_adapter_for_faces_reads_no_image_prompt(tiny_sd15: Any) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(
        tiny_sd15.pipeline, safety_checker=None, requires_safety_checker=False
    )
    face: Path = tiny_sd15.face
    with pytest.raises(WeightsError, match="ENGINE_IMAGE_PROMPT_ADAPTER"):
        load_branches(pipeline, {IMAGE_PROMPT: AdapterFile(str(face.parent), "", face.name)}, "sd15")


@pytest.mark.parametrize(
    "blocks", ["up_blocks.9", f"{STYLE}=loud", f"{STYLE}=-1", f"{STYLE},", "up_blocks.0.attention"]
)
def test_the_error_of_an_unknown_block_lists_the_known_blocks_in_one_line(tiny_sd15: Any, blocks: str) -> None:
    with pytest.raises(SetupError, match=r"ENGINE_IMAGE_PROMPT_BLOCKS.*mid_block, up_blocks.0.attentions.0") as error:
        load("sd15", tiny_sd15, image_prompt_blocks=blocks)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("family", [SD15, SDXL], ids=["sd15", "sdxl"])
def test_the_blocks_for_style_and_layout_are_in_the_published_unets(family: Any) -> None:
    with torch.device("meta"):
        layers = cross_attention_layers(UNet2DConditionModel(**SHAPES[family.name].unet))
    for block in (*family.style_blocks, *family.layout_blocks):
        assert any(f"{layer}.".startswith(f"{block}.") for layer in layers), block
