"""nano's error of predicted noise: zero where its network predicts the latents of the photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from engine.backbones.base import GenerationInput, NoisePredictor
from engine.backbones.nano.backbone import NanoBackbone
from engine.backbones.nano.flow import Prediction
from engine.backbones.nano.pipeline import NanoPipeline
from engine.backbones.nano.prompt_reader import PromptReader
from engine.identity.profile import IdentityProfile, Observation, View
from engine.pixels import to_tensor
from engine.upscale import open_upscaler

TIMES = (0.2, 0.9)


def test_a_network_that_knows_the_photo_has_no_error(pipeline: NanoPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = NanoBackbone(pipeline, {"steps": 2}, PromptReader(), open_upscaler(None, "cpu"))
    height, width = pipeline.size
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8))
    clean = pipeline.vae.encode(to_tensor(np.array(photo)[None])).latents
    monkeypatch.setattr(pipeline, "condition", lambda requests: (None, None))
    monkeypatch.setattr(backbone, "request_of", lambda drawing: drawing)
    who = IdentityProfile((View(photo, Observation(width, height)),))
    drawing = GenerationInput(who, "on a beach", "", 3)
    assert isinstance(backbone, NoisePredictor)
    monkeypatch.setattr(pipeline.network, "predict", lambda z, time, conditioning: Prediction(clean, clean, clean))
    assert np.abs(backbone.noise_errors(drawing, photo, TIMES)).max() < 1e-6
    zeros = torch.zeros_like(clean)
    monkeypatch.setattr(pipeline.network, "predict", lambda z, time, conditioning: Prediction(zeros, zeros, zeros))
    found = backbone.noise_errors(drawing, photo, TIMES)
    assert found.shape == (len(TIMES), *clean.shape[2:]) and found.min() > 0
