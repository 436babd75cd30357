"""A backbone that warms up well and then fails at every picture: ENGINE_BACKBONE=failing_backbone:load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from slow_backbone import SlowBackbone

from engine.backbones.base import GenerationInput, StepCallback


class FailingBackbone(SlowBackbone):
    """A warm-up asks for one step; a picture asks for more, or leaves the number open."""

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        if drawings[0].settings.steps == 1:
            return super().draw(drawings, on_step)
        raise RuntimeError("the model broke")


def load(device: str, weights: Path | None) -> FailingBackbone:
    return FailingBackbone()
