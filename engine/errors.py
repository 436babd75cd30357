"""The errors of the engine.

EngineError
├── BadReference         a photo cannot serve as a reference
├── PoseError            no pose can be read from the photo that was sent for it
├── StyleError           no style has this name
├── ImagePromptError     the image prompt cannot be read, or the backbone reads none
├── CompanionError       the backbone draws no second person, or none in a pose
├── Refused              prompt, photo or picture is not allowed (minors, nudity)
├── Cancelled            the request was withdrawn while it was being drawn
├── MarkError            a picture cannot be signed as made by a model
└── SetupError           the installation lacks something; the message names the remedy
    └── WeightsError     a checkpoint is absent or not what it should be
"""

from __future__ import annotations

from engine.contract import FailureCode


class EngineError(Exception):
    """The root: every message states what was expected, what came and what to do."""


class BadReference(EngineError):
    """A photo cannot serve as a reference."""


class PoseError(EngineError):
    """No pose can be read from the pose photo."""


class StyleError(EngineError):
    """No style has this name."""


class ImagePromptError(EngineError):
    """The image prompt cannot be read, or the backbone reads none."""


class CompanionError(EngineError):
    """The backbone draws no second person, or none in a pose."""


class Refused(EngineError):
    """Prompt, photo or picture is not allowed; `code` says which."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Cancelled(EngineError):
    """The request was withdrawn while it was being drawn."""


class MarkError(EngineError):
    """A picture cannot be signed as made by a model."""


class SetupError(EngineError):
    """The installation lacks something; the message is one line with the remedy."""


class WeightsError(SetupError):
    """A checkpoint is absent or not what it should be."""
