"""Checks that a backbone can draw a request's image prompt, companion and pose; other settings that it cannot follow
are ignored."""

from __future__ import annotations

from engine.backbones.base import Capabilities
from engine.contract import GenerateRequest
from engine.errors import CompanionError, ImagePromptError


def check_abilities(request: GenerateRequest, can: Capabilities) -> None:
    """Raises ImagePromptError where the backbone reads no image prompts, CompanionError where it draws no second
    person, or none in a pose."""
    if request.image_prompt is not None and not can.image_prompt:
        raise ImagePromptError(
            f"expected a backbone that reads image prompts, got {can.name}: draw without the image prompt, or set "
            "ENGINE_BACKBONE to sd15 or sdxl with IP-Adapter Plus, or to klein"
        )
    if request.companion and not can.companion:
        raise CompanionError(
            f"expected a backbone that draws two people, got {can.name}: leave out the companion, or set "
            "ENGINE_BACKBONE to sd15 or sdxl with an adapter"
        )
    if request.companion and request.pose is not None:
        raise CompanionError("expected a pose or a companion, got both: leave one out")
