"""Drawn pictures, each stored when it is finished, so that an interrupted run resumes without drawing any twice.

A picture is drawn again when anything that it depends on has changed: weights, settings, prompt, photos, pose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.backbones.base import GenerationInput
from engine.errors import BadReference
from trainer.files import replacing
from trainer.measure.models import OpenedModel

REFUSED: Final = ".refused.txt"


@dataclass(frozen=True)
class KeyedDrawing:
    """A picture to draw, and its name in the folder."""

    key: str
    drawing: GenerationInput


class PictureFolder:
    """The pictures of one model."""

    def __init__(self, model: OpenedModel, folder: Path) -> None:
        self._model, self._folder = model, folder
        self.refusals: dict[str, str] = {}
        """Key -> the reason, for drawings whose photos the model refuses."""

    def draw(
        self, drawings: Sequence[KeyedDrawing], on_picture: Callable[[], None] = lambda: None
    ) -> list[NDArray[np.uint8] | None]:
        """uint8 [H, W, 3] of each drawing, in order; None where the model refuses the photos. on_picture is called
        after each."""
        self._folder.mkdir(parents=True, exist_ok=True)
        paths = [self._folder / f"{one.key}-{self._stamp(one.drawing)}.png" for one in drawings]
        missing = [row for row, path in enumerate(paths) if not path.exists() and not _refusal(path).exists()]
        for _ in range(len(drawings) - len(missing)):
            on_picture()
        size = self._model.backbone.capabilities.batch_max
        for first in range(0, len(missing), size):
            rows = missing[first : first + size]
            self._draw([drawings[row].drawing for row in rows], [paths[row] for row in rows])
            for _ in rows:
                on_picture()
        return [self._opened(one.key, path) for one, path in zip(drawings, paths, strict=True)]

    def _draw(self, drawings: list[GenerationInput], paths: list[Path]) -> None:
        try:
            pictures = self._model.backbone.draw(drawings)
        except BadReference as error:
            if len(drawings) == 1:
                _refusal(paths[0]).write_text(str(error).partition("\n")[0] + "\n", "utf-8")
                return
            for drawing, path in zip(drawings, paths, strict=True):
                self._draw([drawing], [path])
            return
        for picture, path in zip(pictures, paths, strict=True):
            with replacing(path) as draft:
                picture.convert("RGB").save(draft, "PNG", compress_level=1)

    def _opened(self, key: str, path: Path) -> NDArray[np.uint8] | None:
        if not path.exists():
            self.refusals[key] = _refusal(path).read_text("utf-8").strip()
            return None
        with Image.open(path) as picture:
            return np.array(picture.convert("RGB"), np.uint8)

    def _stamp(self, drawing: GenerationInput) -> str:
        return stamp_of(self._model, drawing)


def stamp_of(model: OpenedModel, drawing: GenerationInput) -> str:
    """A hash of all inputs of a picture."""
    found = hashlib.sha256(model.digest.encode())
    inputs = (drawing.prompt, drawing.negative_prompt, drawing.seed, drawing.settings.model_dump_json())
    found.update(repr(inputs).encode())
    for view in drawing.identity.views:
        found.update(view.image.tobytes() + view.observation.to_bytes())
    found.update(b"" if drawing.pose is None else drawing.pose.tobytes())
    return found.hexdigest()[:12]


def _refusal(path: Path) -> Path:
    return path.with_suffix(REFUSED)
