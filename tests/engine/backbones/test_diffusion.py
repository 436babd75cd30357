"""sd15 and sdxl draw from folders of the published layouts, for mixed batches, with the results of stock diffusers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline
from PIL import Image
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput, Step
from engine.backbones.diffusion import DiffusionBackbone
from engine.backbones.options import NONE, Options
from engine.backbones.previews import LinearDecoder
from engine.contract import Clothes, PosePreset, Settings
from engine.errors import Cancelled, SetupError, WeightsError
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset

BOX = (30.0, 10.0, 120.0, 200.0)


def person(seed: int, views: int = 1, face: bool = True) -> IdentityProfile:
    rng = np.random.default_rng(seed)
    calls = []
    for _ in range(views):
        embedding = rng.normal(size=512).astype(np.float32)
        observation = Observation(
            150, 200, body_box=BOX,
            face_box=(50.0, 20.0, 90.0, 60.0) if face else None,
            face_embedding=embedding / np.linalg.norm(embedding) if face else None,
        )  # fmt: skip
        calls.append(View(Image.fromarray(rng.integers(0, 255, (200, 150, 3), dtype=np.uint8)), observation))
    return IdentityProfile(tuple(calls))


def drawing(
    seed: int = 1, who: IdentityProfile | None = None, pose: PosePreset | None = None, **settings: Any
) -> GenerationInput:
    pose_points = None if pose is None else preset(pose)
    return GenerationInput(
        who or person(0), "a portrait in a forest", "blurry", seed, Settings(**settings), pose_points
    )


def everything(tiny: Any, **changes: Any) -> Options:
    chosen = {name: str(getattr(tiny, name)) for name in ("lora", "image_encoder", "controlnet", "preview")}
    adapters = {"body_adapter": str(tiny.body), "face_adapter": str(tiny.face)}
    return Options(**{**chosen, **adapters, **changes})


STOCK = {"face_scale": 1.0, "body_scale": 1.0, "face_lora": 1.0}
"""Scales as a request states them, which is what stock pipelines take."""


def bare(tiny: Any, **changes: Any) -> Options:
    return everything(tiny, **{"distilled": NONE, "face_adapter": NONE, "controlnet": NONE, "preview": NONE, **changes})


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def tiny(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return request.param, request.getfixturevalue(f"tiny_{request.param}")


@pytest.fixture(scope="module")
def backbone(tiny: tuple[str, Any]) -> DiffusionBackbone:
    """A backbone with everything: few steps, both adapters, poses, previews."""
    name, folder = tiny
    loaded = load_backbone(name, "cpu", folder.pipeline, everything(folder))
    assert isinstance(loaded, DiffusionBackbone)
    return loaded


def far(first: Image.Image, second: Image.Image) -> int:
    """The largest difference of a channel."""
    return int(np.abs(np.asarray(first, int) - np.asarray(second, int)).max())


def test_few_steps_without_guidance_are_the_default(backbone: DiffusionBackbone) -> None:
    capabilities = backbone.capabilities
    assert capabilities.guidance_default == 1.0
    assert capabilities.steps_default == {"sd15": 6, "sdxl": 4}[capabilities.name]
    assert capabilities.pose and capabilities.strength and capabilities.photorealistic
    assert not capabilities.commercial_use  # FaceID knows faces by insightface's embedding


def test_equal_requests_give_equal_pictures_and_all_that_is_asked_matters(backbone: DiffusionBackbone) -> None:
    picture = backbone.draw([drawing()])[0]
    assert picture.size == (backbone.capabilities.width, backbone.capabilities.height)
    assert far(picture, backbone.draw([drawing()])[0]) == 0
    for other in (
        drawing(2),
        drawing(who=person(9)),
        drawing(body_scale=0.0),
        drawing(face_scale=0.0),
        drawing(pose=PosePreset.SITTING),
        drawing(clothes=Clothes.CHANGE),
    ):
        assert far(picture, backbone.draw([other])[0]) > 0


def test_a_batch_mixes_people_photos_scales_and_poses(backbone: DiffusionBackbone) -> None:
    drawings = [
        drawing(1, pose=PosePreset.SITTING),
        drawing(2, person(2, views=3), body_scale=0.3),
        drawing(3, person(3, face=False)),
    ]
    together = backbone.draw(drawings)
    for one, picture in zip(drawings, together, strict=True):
        assert far(picture, backbone.draw([one])[0]) <= 1


def test_with_guidance_a_batch_mixes_too(tiny: tuple[str, Any]) -> None:
    name, folder = tiny
    loaded = load_backbone(name, "cpu", folder.pipeline, everything(folder, distilled=NONE))
    drawings = [
        drawing(1, pose=PosePreset.WALKING, steps=2, guidance=4.0),
        drawing(2, person(2, views=2, face=False), steps=2, guidance=4.0),
    ]
    for one, picture in zip(drawings, loaded.draw(drawings), strict=True):
        assert far(picture, loaded.draw([one])[0]) <= 1


def test_steps_are_reported_with_previews_and_may_cancel(backbone: DiffusionBackbone) -> None:
    calls: list[tuple[int, int, int]] = []

    def on_step(step: Step) -> None:
        calls.append((step.number, step.total, len(step.previews())))
        if step.number == 2:
            raise Cancelled("withdrawn")

    with pytest.raises(Cancelled):
        backbone.draw([drawing(1), drawing(2)], on_step)
    total = backbone.capabilities.steps_default
    assert calls == [(1, total, 2), (2, total, 2)]


def test_a_union_controlnet_draws_poses(tiny_sdxl: Any) -> None:
    loaded = load_backbone("sdxl", "cpu", tiny_sdxl.pipeline, everything(tiny_sdxl, controlnet=str(tiny_sdxl.union)))
    free, posed = loaded.draw([drawing()])[0], loaded.draw([drawing(pose=PosePreset.LYING)])[0]
    assert far(free, posed) > 0
    assert far(posed, loaded.draw([drawing(pose=PosePreset.LYING, pose_scale=0.0)])[0]) > 0


def test_lcm_draws_reproducibly_though_it_adds_noise_at_every_step(tiny_sdxl: Any) -> None:
    loaded = load_backbone("sdxl", "cpu", tiny_sdxl.pipeline, everything(tiny_sdxl, distilled="lcm"))
    both = loaded.draw([drawing(1), drawing(2)])
    assert far(both[1], loaded.draw([drawing(2)])[0]) <= 1


def test_without_adapters_the_prompt_alone_is_drawn(tiny: tuple[str, Any]) -> None:
    name, folder = tiny
    loaded = load_backbone(name, "cpu", folder.pipeline, bare(folder, body_adapter=NONE))
    assert not loaded.capabilities.strength and not loaded.capabilities.pose
    assert loaded.capabilities.commercial_use
    pictures = [loaded.draw([drawing(who=person(seed), steps=2)])[0] for seed in (1, 2)]
    assert far(*pictures) == 0


def test_guided_pictures_are_those_of_stock_diffusers_with_the_same_adapter(tiny_sd15: Any) -> None:
    """The whole path: their loader, processors and loop against our branches, cached K and V, and loop."""
    ours = load_backbone("sd15", "cpu", tiny_sd15.pipeline, bare(tiny_sd15, **STOCK))
    assert isinstance(ours, DiffusionBackbone)
    one = drawing(steps=4, guidance=5.0, body_scale=0.8)
    assert ours._branches is not None
    crop = ours._branches.crop("body", one.identity.views[0], Clothes.KEEP)
    assert crop is not None
    stock = StableDiffusionPipeline.from_pretrained(
        tiny_sd15.pipeline, safety_checker=None, requires_safety_checker=False,
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(tiny_sd15.image_encoder),
        feature_extractor=CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
    )  # fmt: skip
    stock.scheduler = EulerDiscreteScheduler.from_config(stock.scheduler.config)
    stock.load_ip_adapter(str(tiny_sd15.body.parent), subfolder="", weight_name=tiny_sd15.body.name)
    stock.set_ip_adapter_scale(0.8)
    stock.set_progress_bar_config(disable=True)
    theirs = stock(
        one.prompt, negative_prompt=one.negative_prompt, ip_adapter_image=crop.image, num_inference_steps=4,
        guidance_scale=5.0, width=ours.capabilities.width, height=ours.capabilities.height, output_type="np",
        generator=[torch.Generator().manual_seed(one.seed)],
    ).images[0]  # fmt: skip
    assert np.abs(np.asarray(ours.draw([one])[0]) / 255 - theirs).max() < 1e-3 + 0.5 / 255


def test_flat_colours_are_previewed_by_a_matrix(tiny_sd15: Any) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(
        tiny_sd15.pipeline, safety_checker=None, requires_safety_checker=False
    )
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, 64, 64)
    with torch.no_grad():
        latents = pipeline.vae.encode(red).latent_dist.mode() * pipeline.vae.config.scaling_factor
        colour = LinearDecoder(pipeline.vae)(latents).mean((0, 2, 3))
        blue = LinearDecoder(pipeline.vae)(
            pipeline.vae.encode(red.flip(1)).latent_dist.mode() * pipeline.vae.config.scaling_factor
        ).mean((0, 2, 3))
    assert colour[0] - blue[0] > 0.5 and blue[2] - colour[2] > 0.5


def test_what_is_chosen_and_absent_is_named_with_the_remedy(tiny_sd15: Any, tmp_path: Any) -> None:
    missing = str(tmp_path / "nothing.safetensors")
    with pytest.raises(WeightsError, match="doctor --backbone sd15 --download"):
        load_backbone("sd15", "cpu", tmp_path)
    for choice in ("lora", "body_adapter", "image_encoder", "controlnet", "preview"):
        with pytest.raises(WeightsError, match="doctor --backbone sd15 --download"):
            load_backbone("sd15", "cpu", tiny_sd15.pipeline, everything(tiny_sd15, **{choice: missing}))
    with pytest.raises(SetupError, match="ENGINE_DISTILLED"):
        load_backbone("sd15", "cpu", tiny_sd15.pipeline, everything(tiny_sd15, distilled="lightning"))


def test_a_lora_that_changes_nothing_is_refused(tiny_sd15: Any, tiny_sdxl: Any) -> None:
    with pytest.raises(WeightsError, match="ENGINE_LORA"):
        load_backbone("sd15", "cpu", tiny_sd15.pipeline, everything(tiny_sd15, lora=str(tiny_sd15.body)))


def test_half_precision_and_channels_last_draw_nearly_the_same(tiny_sd15: Any) -> None:
    plain = load_backbone("sd15", "cpu", tiny_sd15.pipeline, bare(tiny_sd15)).draw([drawing(steps=2)])[0]
    other = load_backbone("sd15", "cpu", tiny_sd15.pipeline, bare(tiny_sd15, precision="bf16", channels_last=True))
    assert np.abs(np.asarray(plain, int) - np.asarray(other.draw([drawing(steps=2)])[0], int)).mean() < 8
