"""A style is recognised where the picture has it, and not where the backbone ignores it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.gates.cases import Case
from trainer.gates.drawing import GateRequest, Pictures
from trainer.gates.measures import everybody
from trainer.gates.styles import StyleReader, StylesByWords
from trainer.synthetic.styles import apply_style


class Filters:
    """Filters of the reference, or the reference itself where `ignored`."""

    names = ("black and white film", "neon")

    def __init__(self, ignored: bool) -> None:
        self.ignored = ignored

    def draw(self, name: str, wishes: Sequence[GateRequest], folder: str) -> Pictures:
        pictures = [wish.reference for wish in wishes]
        return np.stack(pictures if self.ignored else [apply_style(picture, name) for picture in pictures])

    def example(self, name: str, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return apply_style(photo, name)


def test_styles_are_recognised_where_they_are_drawn(cases: list[Case]) -> None:
    wishes = [GateRequest(case.other.image, "", case.identity) for case in cases]
    people = everybody(len(cases))
    reader = StyleReader(cases, Filters(ignored=False))
    drawn, true = reader.measure(wishes, "styles").of(people), reader.measure_true().of(people)
    reader.styling = Filters(ignored=True)
    ignored = reader.measure(wishes, "styles").of(people)
    assert drawn.count == true.count == 2
    assert drawn.value >= 0.75 and true.value >= 0.75 and ignored.value <= 0.25


class Notes:
    """A studio that only notes what it is to draw."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def draw(self, what: str, wishes: Sequence[GateRequest]) -> Pictures:
        self.prompts += [wish.prompt for wish in wishes]
        return np.zeros((len(wishes), 4, 4, 3), np.uint8)


def test_words_of_a_style_follow_the_prompt_in_its_language() -> None:
    studio, photo = Notes(), np.zeros((4, 4, 3), np.uint8)
    wishes = [GateRequest(photo, prompt, 1) for prompt in ("a person", "человек", "")]
    StylesByWords(studio).draw("neon", wishes, "styles")  # type: ignore[arg-type]
    assert studio.prompts == ["a person, neon", "человек, неон", ""]
