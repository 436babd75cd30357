"""What every backbone offers: identity and words in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from engine.contract import Settings
from engine.identity.profile import IdentityProfile


@dataclass(frozen=True)
class Drawing:
    """One picture to draw. The seed alone decides the noise; equal drawings give equal pictures on one device."""

    identity: IdentityProfile
    prompt: str
    negative_prompt: str
    seed: int


@dataclass(frozen=True)
class Step:
    """Denoising step `number` of `total` is done. `previews()` decodes small RGB pictures, one a drawing, on demand."""

    number: int
    total: int
    previews: Callable[[], list[Image.Image]]


StepCallback = Callable[[Step], None]
"""Called after every denoising step; raising `engine.errors.Cancelled` ends the drawing."""


@dataclass(frozen=True)
class Capabilities:
    """What a backbone can do and under which terms."""

    name: str
    width: int
    height: int
    references_max: int
    batch_max: int
    steps_default: int
    guidance_default: float
    licence: str
    commercial_use: bool


class Backbone(Protocol):
    """A loaded model. Not thread-safe: one drawing at a time."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def device(self) -> str: ...

    def draw(
        self, drawings: Sequence[Drawing], settings: Settings, on_step: StepCallback | None = None
    ) -> list[Image.Image]:
        """RGB pictures in the order of `drawings`; they share `settings` and run as one batch."""
        ...
