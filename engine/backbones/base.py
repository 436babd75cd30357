"""The interface of a backbone: identity and prompt in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Aspect, Settings
from engine.identity.observation import Box
from engine.identity.profile import IdentityProfile
from engine.styles import DrawnBy


@dataclass(frozen=True)
class GenerationInput:
    """One picture to draw. The seed alone decides the noise; equal inputs give equal pictures on one device.

    pose: float32 [17, 3], COCO order: x and y in 0..1 of the picture, confidence in 0..1 (0: not seen). image_prompt:
    RGB of any size, whose style or layout is followed; no effect where the settings' scale for it is 0.
    companion: a second person, at the right of the first.
    """

    identity: IdentityProfile
    prompt: str
    negative_prompt: str
    seed: int
    settings: Settings = field(default_factory=Settings)
    pose: NDArray[np.float32] | None = None
    image_prompt: Image.Image | None = None
    companion: IdentityProfile | None = None


@dataclass(frozen=True)
class Step:
    """Denoising step `number` of `total` is done. `previews()` decodes small RGB pictures, one per input, on demand."""

    number: int
    total: int
    previews: Callable[[], list[Image.Image]]


StepCallback = Callable[[Step], None]
"""Called after every denoising step; raising `engine.errors.Cancelled` ends the drawing."""


@dataclass(frozen=True)
class Capabilities:
    """The abilities of a backbone and the terms of its use."""

    name: str
    family: Literal["adapter", "reference-edit"]
    width: int
    height: int
    references_max: int
    batch_max: int
    steps_default: int
    steps_range: tuple[int, int]
    guidance_default: float
    guidance_range: tuple[float, float]
    pose: bool
    """The backbone follows a pose."""
    strength: bool
    """Whether face_scale and body_scale have a continuous effect."""
    styles: DrawnBy
    """How looks are drawn. By words: a look is part of the prompt. By filters: the prompt names no look, the picture is
    filtered."""
    preview_decoder: str
    """The decoder of previews: "own", or the repository id of a small decoder."""
    languages: tuple[str, ...]
    """Prompts in other languages are translated to "en" first."""
    photorealistic: bool
    """Whether its pictures can pass for photos: then it is not served without safety classifiers."""
    licence: str
    commercial_use: bool
    negative_prompt: Literal["guided", "ignored"] = "ignored"
    """The model uses classifier-free guidance: a negative prompt acts where the guidance is above 1, and only there."""
    aspects: tuple[Aspect, ...] = ()
    """The aspects that a request may ask for, the default first; empty: every picture has the same width and height."""
    image_prompt: bool = False
    """The backbone reads image prompts."""
    companion: bool = False
    """The backbone draws a second person beside the first."""

    def guidance(self, requested: float | None) -> float:
        """The guidance that a request is drawn with."""
        weakest, strongest = self.guidance_range
        return self.guidance_default if requested is None else min(max(requested, weakest), strongest)

    def steps(self, requested: int | None) -> int:
        """The number of steps that a request is drawn in."""
        least, most = self.steps_range
        return self.steps_default if requested is None else min(max(requested, least), most)

    def reads_negative_prompt(self, guidance: float | None) -> bool:
        """Whether a negative prompt has an effect at this guidance; None is the default guidance."""
        return self.negative_prompt == "guided" and self.guidance(guidance) > 1


class Backbone(Protocol):
    """A loaded model. Not thread-safe: one drawing at a time."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def device(self) -> str: ...

    def draw(self, drawings: Sequence[GenerationInput], on_step: StepCallback | None = None) -> list[Image.Image]:
        """RGB pictures in the order of `drawings`, run as one batch; their `settings.batch_key` must be equal."""
        ...


@runtime_checkable
class HeadRedrawer(Protocol):
    """A backbone that can redraw the head of its own picture at a larger size."""

    def redraw_head(
        self, drawing: GenerationInput, picture: Image.Image, face: Box, on_step: StepCallback | None = None
    ) -> Image.Image:
        """`picture`, which was drawn for `drawing`, with the head around `face` (px) redrawn; the rest of the picture
        is unchanged."""
        ...


@runtime_checkable
class NoisePredictor(Protocol):
    """A backbone whose prediction of noise can be compared with the noise that was added to a photo."""

    def noise_errors(self, drawing: GenerationInput, photo: Image.Image, times: Sequence[float]) -> NDArray[np.float32]:
        """The training loss of diffusion models before it is averaged over the picture: float32 [times, h, w], the
        squared error of the predicted noise at each latent cell, averaged over channels, without guidance.

        `photo`: RGB of the picture's size, which shows what `drawing` asks for; the seed of `drawing` decides the
        noise. times: shares of the noise schedule, above 0 up to 1 (noise alone)."""
        ...


@runtime_checkable
class ClosedVocabulary(Protocol):
    """A backbone with a closed vocabulary, which reports the phrases of a prompt that it cannot draw."""

    def ignored(self, prompt: str) -> tuple[str, ...]:
        """Phrases of a prompt that name what this model cannot draw, as the user wrote them."""
        ...
