"""A backbone without a model, for tests of everything around it: ENGINE_BACKBONE=slow_backbone:load.

It fades from noise (the seed's) to the mean colour of the references, so the picture depends on photo and seed alone.
ENGINE_SLOW_STEP_S: how long a step takes; ENGINE_SLOW_BATCH_MAX: how many pictures at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback

WIDTH, HEIGHT, STEPS = 64, 96, 4


class SlowBackbone:
    """Implements engine.backbones.base.Backbone."""

    device = "cpu"

    def __init__(self, step_s: float = 0.0, batch_max: int = 4, photorealistic: bool = False) -> None:
        self.step_s = step_s
        self.capabilities = Capabilities(
            name="slow",
            family="adapter",
            width=WIDTH,
            height=HEIGHT,
            references_max=4,
            batch_max=batch_max,
            steps_default=STEPS,
            guidance_default=1.0,
            steps_range=(1, 100),
            guidance_range=(1.0, 1.0),
            pose=False,
            strength=False,
            styles="filters",
            preview_decoder="own",
            languages=("en", "ru"),
            photorealistic=photorealistic,
            licence="Apache-2.0",
            commercial_use=True,
        )

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        total = drawings[0].settings.steps or STEPS
        for number in range(1, total + 1):
            time.sleep(self.step_s)
            if on_step:
                on_step(Step(number, total, lambda share=number / total: [_picture(one, share) for one in drawings]))
        return [_picture(drawing, 1.0) for drawing in drawings]


def load(device: str, weights: Path | None) -> SlowBackbone:
    return SlowBackbone(
        step_s=float(os.environ.get("ENGINE_SLOW_STEP_S", "0")),
        batch_max=int(os.environ.get("ENGINE_SLOW_BATCH_MAX", "4")),
    )


def load_photorealistic(device: str, weights: Path | None) -> SlowBackbone:
    """A backbone that is not served without classifiers."""
    return SlowBackbone(photorealistic=True)


def _picture(drawing: GenerationInput, share: float) -> Image.Image:
    """Noise at share 0, the person's mean colour with a little noise at 1."""
    colours = [np.asarray(view.image, np.float32).mean(axis=(0, 1)) for view in drawing.identity.views]
    noise = np.random.default_rng(drawing.seed).uniform(0, 255, (HEIGHT, WIDTH, 3))
    share = min(share, 0.95)
    pixels = share * np.mean(colours, axis=0) + (1 - share) * noise
    return Image.fromarray(pixels.astype(np.uint8))
