"""A declared fake of a model: ENGINE_BACKBONE=benchmarks.load.backbone:load.

It returns noise at once, so that a load run measures everything around the model: queue, messages, deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback

WIDTH, HEIGHT, STEPS = 64, 96, 4


class NoiseBackbone:
    """Implements engine.backbones.base.Backbone without a model: the noise of the seed."""

    device = "cpu"
    capabilities = Capabilities(
        name="noise (a fake for load runs)",
        family="adapter",
        width=WIDTH,
        height=HEIGHT,
        references_max=4,
        batch_max=8,
        steps_default=STEPS,
        guidance_default=1.0,
        steps_range=(1, 100),
        guidance_range=(1.0, 1.0),
        pose=False,
        strength=False,
        styles="filters",
        preview_decoder="own",
        languages=("en", "ru"),
        photorealistic=False,
        licence="Apache-2.0",
        commercial_use=True,
    )

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        pictures = [_noise(drawing.seed) for drawing in drawings]
        for number in range(1, STEPS + 1):
            if on_step:
                on_step(Step(number, STEPS, lambda: pictures))
        return pictures


def load(device: str, weights: Path | None) -> NoiseBackbone:
    return NoiseBackbone()


def _noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
