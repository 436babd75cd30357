"""Reads a prompt for nano: the slots that it fills, and the phrases that cannot be drawn.

The lexicon reads the words that it knows; a sentence encoder compares the others with examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.backbones.nano.attributes import Attributes
from engine.backbones.nano.prompt_binding import bind
from engine.backbones.nano.prompt_items import Item, items_of, negate
from engine.backbones.nano.prompt_lexicon import Lexicon, Meaning, open_lexicon
from engine.backbones.nano.prompt_meaning import NEAR, NEAR_POSE, NEAR_WORD, PhraseMeanings, open_meanings
from engine.backbones.nano.prompt_slots import attributes_of
from engine.backbones.nano.prompt_tokens import is_russian, plain, tokens_of

CHARACTERS_MAX: Final = 4000
"""The number of characters that are read; Telegram allows 4096 in a message."""


@dataclass(frozen=True)
class PromptReading:
    """The slots that a prompt fills. `ignored`: its phrases that name what cannot be drawn, as the user wrote them."""

    attributes: Attributes
    ignored: tuple[str, ...]


class PromptReader:
    """Reads English, Russian and both in one prompt; opens the lexicon and the encoder when they are first needed."""

    def __init__(
        self,
        lexicon: Callable[[], Lexicon] = open_lexicon,
        meanings: Callable[[], PhraseMeanings | None] = open_meanings,
    ) -> None:
        """`meanings` returns None where unknown words are to be ignored without a comparison."""
        self._lexicon = lexicon
        self._meanings = meanings

    def read(self, prompt: str) -> PromptReading:
        prompt = prompt[:CHARACTERS_MAX]
        items = items_of(prompt, self._lexicon(), self._is_real)
        negate(items)
        items = self._with_meanings(prompt, items)
        attributes, undrawn = attributes_of(items, bind(items))
        undrawn += [item for item in items if item.is_unknown and not item.negated]
        return PromptReading(attributes, _ignored_phrases(prompt, items, undrawn))

    def _is_real(self, word: str) -> bool:
        meanings = self._meanings()
        return meanings is None or meanings.is_real(word)

    def _with_meanings(self, prompt: str, items: Sequence[Item]) -> list[Item]:
        """The items; an unknown one gets the meaning of its nearest example, if that is near enough."""
        unknown_positions = [at for at, item in enumerate(items) if item.kind == "unknown"]
        meanings = self._meanings() if unknown_positions else None
        if meanings is None:
            return list(items)
        phrases = [(prompt[items[at].start : items[at].end], _in_place(prompt, items, at)) for at in unknown_positions]
        nearest = zip(unknown_positions, meanings.nearest(phrases), strict=True)
        meaning_at = {at: meaning if cosine >= _least(meaning) else None for at, (meaning, cosine) in nearest}
        result: list[Item] = []
        for at, item in enumerate(items):
            meaning = meaning_at.get(at)
            if meaning is not None:
                result.append(Item(meaning, item.start, item.end, item.negated))
            elif at in meaning_at:
                result += self._by_word(prompt, item, meanings)
            else:
                result.append(item)
        return result

    def _by_word(self, prompt: str, item: Item, meanings: PhraseMeanings) -> list[Item]:
        """The phrase, split if its last or first word alone is near an example."""
        words = tokens_of(prompt[item.start : item.end])
        if len(words) < 2:
            return [item]
        spans = [(item.start + words[-1].start, item.end), (item.start, item.start + words[0].end)]
        rests = [(item.start, item.start + words[-2].end), (item.start + words[1].start, item.end)]
        nearest = meanings.nearest([(prompt[start:end],) * 2 for start, end in spans])
        for (meaning, cosine), span, rest in zip(nearest, spans, rests, strict=True):
            if cosine >= NEAR_WORD and meaning.kind not in ("undrawable", "drawing"):
                parts = [Item(meaning, *span, item.negated), Item(item.meaning, *rest, item.negated)]
                return sorted(parts, key=lambda part: part.start)
        return [item]


def _least(meaning: Meaning) -> float:
    return NEAR_POSE if meaning.kind == "pose" else NEAR


def _in_place(prompt: str, items: Sequence[Item], at: int) -> str:
    """The phrase with the preposition and the articles before it."""
    start = at
    while start and items[start - 1].kind == "article":
        start -= 1
    if start and items[start - 1].kind == "preposition":
        start -= 1
    return prompt[items[start].start : items[at].end]


def _ignored_phrases(prompt: str, items: Sequence[Item], undrawn: Sequence[Item]) -> tuple[str, ...]:
    """The phrases in the order of the prompt, without repetitions. A Russian noun keeps its preposition, on which its
    ending depends."""
    phrases: dict[str, str] = {}
    for item in sorted(undrawn, key=lambda item: item.start):
        start = item.start
        before = next((other for other in items if other.end <= start and other.end >= start - 1), None)
        if before is not None and before.kind == "preposition" and _is_short_russian(prompt[before.start : before.end]):
            start = before.start
        phrase = prompt[start : item.end]
        phrases.setdefault(plain(phrase), phrase)
    return tuple(phrases.values())


def _is_short_russian(preposition: str) -> bool:
    """«на», «под», unlike «на фоне»."""
    return " " not in preposition and is_russian(plain(preposition))
