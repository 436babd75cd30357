"""A backbone of one's own: ENGINE_BACKBONE=examples.own_backbone:load python -m engine generate ...

It pastes the first reference photo on a canvas of one colour; a real one would run a model in `draw`.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from engine.backbones.base import Capabilities, GenerationInput, Step, StepCallback


class CanvasBackbone:
    """Implements engine.backbones.base.Backbone."""

    device = "cpu"
    capabilities = Capabilities(
        name="canvas",
        family="reference-edit",
        width=512,
        height=768,
        references_max=1,
        batch_max=4,
        steps_default=1,
        steps_range=(1, 1),
        guidance_default=1.0,
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
        """One RGB picture of capabilities.width x height px per drawing."""
        size = (self.capabilities.width, self.capabilities.height)
        colours = [tuple(drawing.seed // 256**channel % 256 for channel in range(3)) for drawing in drawings]
        pictures = [
            ImageOps.pad(drawing.identity.views[0].image.convert("RGB"), size, color=colour)
            for drawing, colour in zip(drawings, colours, strict=True)
        ]
        if on_step is not None:
            on_step(Step(1, 1, lambda: pictures))
        return pictures


def load(device: str, weights: Path | None) -> CanvasBackbone:
    """The function that ENGINE_BACKBONE names; `device` and `weights` are ENGINE_DEVICE and ENGINE_WEIGHTS."""
    return CanvasBackbone()
