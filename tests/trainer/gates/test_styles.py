"""A style is recognised where the picture has it, and not where the backbone ignores it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.looks import LOOKS, apply_look
from trainer.gates.cases import SIZE, Case
from trainer.gates.drawing import GateRequest, Pictures
from trainer.gates.measures import everybody
from trainer.gates.styles import StyleReader, StylesByFilters, StylesByWords
from trainer.synthetic.styles import apply_style


class Filters:
    """Filters of the reference, or the reference itself where `ignored`."""

    names = ("black and white film", "neon")

    def __init__(self, ignored: bool) -> None:
        self.ignored = ignored

    def draw(self, name: str, requests: Sequence[GateRequest], folder: str) -> Pictures:
        pictures = [request.reference for request in requests]
        return np.stack(pictures if self.ignored else [apply_style(picture, name) for picture in pictures])

    def example(self, name: str, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return apply_style(photo, name)


def test_styles_are_recognised_where_they_are_drawn(cases: list[Case]) -> None:
    requests = [GateRequest(case.other.image, "", case.identity) for case in cases]
    people = everybody(len(cases))
    reader = StyleReader(cases, Filters(ignored=False))
    drawn, true = reader.measure(requests, "styles").of(people), reader.measure_true().of(people)
    reader.styling = Filters(ignored=True)
    ignored = reader.measure(requests, "styles").of(people)
    assert drawn.count == true.count == 2
    assert drawn.value >= 0.75 and true.value >= 0.75 and ignored.value <= 0.25


class Notes:
    """A studio that only notes what it is to draw."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def draw(self, what: str, requests: Sequence[GateRequest]) -> Pictures:
        self.prompts += [request.prompt for request in requests]
        return np.zeros((len(requests), 4, 4, 3), np.uint8)


def test_words_of_a_style_follow_the_prompt_in_its_language() -> None:
    studio, photo = Notes(), np.zeros((4, 4, 3), np.uint8)
    requests = [GateRequest(photo, prompt, 1) for prompt in ("a person", "человек", "")]
    StylesByWords(studio).draw("neon", requests, "styles")  # type: ignore[arg-type]
    assert studio.prompts == ["a person, neon", "человек, неон", ""]


class Drawn:
    """A studio whose backbone drew pictures of four times the gates' size and keeps them by folder."""

    backbone = SimpleNamespace(capabilities=SimpleNamespace(width=4 * SIZE[0], height=4 * SIZE[1]))

    def draw_large(self, what: str, requests: Sequence[GateRequest]) -> list[Image.Image]:
        assert what == "without-pose/posed"
        return [Image.fromarray(request.reference) for request in requests]


def test_a_filter_is_laid_over_the_enlarged_picture_and_the_enlarged_photo() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (4 * SIZE[1], 4 * SIZE[0], 3)).astype(np.uint8)
    styling = StylesByFilters(Drawn())  # type: ignore[arg-type]
    drawn = styling.draw("pixel", [GateRequest(photo, "a person", 3)], "without-pose/styles/pixel")
    expected = apply_look(Image.fromarray(photo), "pixel", 3).resize(SIZE, Image.Resampling.BOX)

    assert set(styling.names) == set(LOOKS)
    assert np.array_equal(drawn, [np.asarray(expected)])
    assert styling.example("film", photo[::4, ::4]).shape == (SIZE[1], SIZE[0], 3)
