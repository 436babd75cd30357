"""Measures whether the style of a request is recognised: a classifier learns the styles from true photos and reads
drawn pictures.

`Styling` is all that the gates know about how a backbone draws styles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.looks import apply_look
from engine.styles import shipped_styles
from trainer.evaluation.metrics import Floats
from trainer.gates.cases import Case
from trainer.gates.classifier import PairClassifier, fit_classifier, halves_of, logits_of
from trainer.gates.drawing import GateRequest, Pictures, Studio, at_gate_size
from trainer.gates.measures import PerPerson, pad
from trainer.synthetic import STYLES
from trainer.synthetic.styles import apply_style, style_phrase

PEOPLE_MAX: Final = 60
"""The number of people; the classifier learns from half of them."""
PLAIN: Final = "posed"
"""The folder of the same requests without a style, see `trainer.gates.variants.drawn_by`."""
STEPS_OF_CLASSIFIER: int | None = None


class Styling(Protocol):
    """Pictures of a backbone in styles."""

    @property
    def names(self) -> Sequence[str]: ...

    def draw(self, name: str, requests: Sequence[GateRequest], folder: str) -> Pictures:
        """The pictures of the requests in a style, uint8 [n, H, W, 3], kept in `folder` of the studio."""
        ...

    def example(self, name: str, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A true photo [H, W, 3] as it looks in the style."""
        ...


class StylesByWords:
    """The style's words follow the prompt; the renderer's filters show what they mean."""

    def __init__(self, studio: Studio, names: Sequence[str] = STYLES) -> None:
        self.studio, self.names = studio, names

    def draw(self, name: str, requests: Sequence[GateRequest], folder: str) -> Pictures:
        return self.studio.draw(
            folder, [replace(request, prompt=_in_style(request.prompt, name)) for request in requests]
        )

    def example(self, name: str, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return apply_style(photo, name)


class StylesByFilters:
    """The engine's filter over the enlarged picture, for backbones that draw no style. A true photo is enlarged by the
    same factor and gets the same filter, so the figure says whether the style is recognised on drawn pictures."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.names = [style.name for style in shipped_styles().values() if style.is_filter("filters")]

    def draw(self, name: str, requests: Sequence[GateRequest], folder: str) -> Pictures:
        plain = self.studio.draw_large(Path(folder).parent.with_name(PLAIN).as_posix(), requests)
        pairs = zip(plain, requests, strict=True)
        return np.stack([at_gate_size(apply_look(picture, name, request.seed)) for picture, request in pairs])

    def example(self, name: str, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        can = self.studio.backbone.capabilities
        large = Image.fromarray(photo).resize((can.width, can.height), Image.Resampling.LANCZOS)
        return at_gate_size(apply_look(large, name))


def styling_of(studio: Studio) -> Styling:
    """The way in which a studio's backbone gets its styles in the engine."""
    return StylesByFilters(studio) if studio.backbone.capabilities.styles == "filters" else StylesByWords(studio)


def _in_style(prompt: str, name: str) -> str:
    """The prompt with the words of the style; an empty prompt stays empty."""
    if not prompt:
        return prompt
    return f"{prompt}, {style_phrase(name, 'en' if prompt.isascii() else 'ru')}"


class StyleReader:
    """Learns all styles of a Styling, and no style (class 0), from the held-out photos of half of the people."""

    def __init__(self, cases: Sequence[Case], styling: Styling) -> None:
        self.people, self.styling = len(cases), styling
        few = cases[:PEOPLE_MAX]
        learns = halves_of(len(few))
        self.test_people = np.flatnonzero(~learns)
        """The people whose pictures are read."""
        lessons = [case.held_out.image for case, learn in zip(few, learns, strict=True) if learn]
        classes = [lessons, *([styling.example(name, photo) for photo in lessons] for name in styling.names)]
        labels = np.repeat(np.arange(len(classes)), len(lessons)).astype(np.int64)
        pictures = np.stack([photo for photos in classes for photo in photos])
        self.classifier: PairClassifier = fit_classifier(pictures, labels, steps=STEPS_OF_CLASSIFIER)
        self._held_out = [few[int(row)].held_out.image for row in self.test_people]

    def measure(self, requests: Sequence[GateRequest], folder: str) -> PerPerson:
        """requests [people] -> the share of styles that are recognised on each test person's pictures."""
        test_requests = [requests[int(row)] for row in self.test_people]
        pictures = [
            self.styling.draw(name, test_requests, f"{folder}/{name.replace(' ', '-')}") for name in self.styling.names
        ]
        return self._accuracy(pictures)

    def measure_true(self) -> PerPerson:
        """The same measure on true photos in the styles."""
        return self._accuracy(
            [np.stack([self.styling.example(name, p) for p in self._held_out]) for name in self.styling.names]
        )

    def _accuracy(self, pictures: Sequence[Pictures]) -> PerPerson:
        """pictures: those of the test people, style by style."""
        right = [logits_of(self.classifier, one).argmax(1) == k for k, one in enumerate(pictures, start=1)]
        values: Floats = np.full(self.test_people[-1] + 1, np.nan)
        values[self.test_people] = np.mean(right, 0)
        return PerPerson(pad(values, self.people))
