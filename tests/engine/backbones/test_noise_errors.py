"""The error of predicted noise: zero where a network predicts the noise itself, and otherwise one map per time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput, NoisePredictor
from engine.backbones.klein import KleinBackbone, load_klein
from engine.backbones.options import NONE, Options
from engine.contract import PosePreset
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pose import preset

TIMES = (0.2, 0.9)


def a_photo(size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(5)
    return Image.fromarray(rng.integers(0, 255, (6, 4, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)


def a_drawing(**changes: Any) -> GenerationInput:
    observation = Observation(150, 200, face_box=(50.0, 20.0, 90.0, 60.0), body_box=(30.0, 10.0, 120.0, 200.0))
    who = IdentityProfile((View(a_photo((150, 200)), observation),))
    return GenerationInput(**{"identity": who, "prompt": "on a beach", "negative_prompt": "", "seed": 3, **changes})


def a_map_per_time(backbone: Any, drawing: GenerationInput, other: GenerationInput) -> None:
    assert isinstance(backbone, NoisePredictor)
    can = backbone.capabilities
    photo = a_photo((can.width, can.height))
    found, again = (backbone.noise_errors(drawing, photo, TIMES) for _ in range(2))
    assert found.shape[0] == len(TIMES) and found.ndim == 3 and np.isfinite(found).all() and found.min() > 0
    assert np.array_equal(found, again)
    assert not np.allclose(found, backbone.noise_errors(other, photo, TIMES))
    assert not np.allclose(found[0], found[1])


@pytest.mark.parametrize("layout", ["sd15", "sdxl"])
def test_diffusion_models_give_a_map_per_time(layout: str, request: pytest.FixtureRequest) -> None:
    backbone = load(layout, request)
    posed = a_drawing(pose=preset(PosePreset.WAVING))
    a_map_per_time(backbone, a_drawing(), posed)


def load(layout: str, request: pytest.FixtureRequest) -> Any:
    tiny = request.getfixturevalue(f"tiny_{layout}")
    options = Options(
        distilled=NONE, preview=NONE, face_adapter=NONE, body_adapter=str(tiny.body),
        image_encoder=str(tiny.image_encoder), controlnet=str(tiny.controlnet),
    )  # fmt: skip
    return load_backbone(layout, "cpu", tiny.pipeline, options)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_network_that_predicts_the_noise_has_no_error(
    prediction: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = load("sd15", request)
    pipeline, can = backbone._parts.pipeline, backbone.capabilities
    pipeline.scheduler.register_to_config(prediction_type=prediction)
    photo, size = a_photo((can.width, can.height)), (can.width, can.height)
    clean, noise = backbone._encoded(photo), backbone._noise([torch.Generator().manual_seed(3)], size)

    def knowing(sample: Any, timestep: Any, *others: Any) -> Any:
        from diffusers import DDPMScheduler

        schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
        assert torch.allclose(sample, schedule.add_noise(clean, noise, timestep))
        return noise if prediction == "epsilon" else schedule.get_velocity(clean, noise, timestep)

    monkeypatch.setattr(backbone, "_predict", knowing)
    assert np.abs(backbone.noise_errors(a_drawing(), photo, TIMES)).max() < 1e-6


def test_klein_gives_a_map_per_time(klein_folder: Path) -> None:
    backbone = load_klein("cpu", klein_folder)
    schedule = backbone._pipeline.scheduler
    a_map_per_time(backbone, a_drawing(), a_drawing(prompt="in a forest"))
    assert backbone._pipeline.scheduler is schedule


def test_klein_has_no_error_where_its_flow_is_true(klein_folder: Path) -> None:
    backbone: KleinBackbone = load_klein("cpu", klein_folder)
    pipeline, can = backbone._pipeline, backbone.capabilities
    photo, size = a_photo((can.width, can.height)), (can.width, can.height)
    with torch.no_grad():
        pixels = pipeline.image_processor.preprocess(photo, *reversed(size))
        clean = pipeline._encode_vae_image(pixels, generator=None)
    flow = pipeline._pack_latents(backbone._noise(3, size) - clean)

    def true_flow(module: Any, given: Any, found: Any) -> Any:
        return (torch.cat([flow, torch.zeros_like(found[0][:, flow.shape[1] :])], 1),)

    pipeline.transformer.register_forward_hook(true_flow)
    assert np.abs(backbone.noise_errors(a_drawing(), photo, TIMES)).max() < 1e-6
