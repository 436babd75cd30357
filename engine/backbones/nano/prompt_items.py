"""Splits a prompt into items: phrases that the lexicon knows, and phrases of words that it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.backbones.nano.prompt_lexicon import Lexicon, Meaning
from engine.backbones.nano.prompt_tokens import Token, is_russian, tokens_of

STOP: Final = Meaning("stop", "")
UNKNOWN: Final = Meaning("unknown", "")
NUMBER: Final = Meaning("number", "")
TRANSPARENT: Final = frozenset({"article", "grammar", "drawing", "colour_noun", "adverb_all", "number"})
"""Items that may stand between a colour and what has it."""
MODIFIERS: Final = frozenset({"colour", "hair_colour", "shade", "length", "pattern", "pattern_after", "material"})
CLOTHES: Final = frozenset({"top", "bottom", "shoes", "hat", "bag", "outfit"})
YEARS: Final = frozenset({"year", "years", "yo", "y", "yrs", "лет", "год", "года"})
OLD: Final = frozenset({"old", "o"})
YOUNG_BELOW: Final = 30
ELDERLY_FROM: Final = 60


@dataclass
class Item:
    """A phrase of the prompt, the characters [start, end), with the properties that the prompt gives it."""

    meaning: Meaning
    start: int
    end: int
    negated: bool = False
    colours: list[str] = field(default_factory=list)
    pattern: str | None = None

    @property
    def kind(self) -> str:
        return self.meaning.kind

    @property
    def is_garment(self) -> bool:
        return self.kind in CLOTHES or any(slot in CLOTHES for slot, _ in self.meaning.slots)

    @property
    def is_unknown(self) -> bool:
        return self.kind in ("unknown", "undrawable")

    @property
    def is_content(self) -> bool:
        return self.kind not in TRANSPARENT | MODIFIERS | {"stop", "but", "and", "preposition", "negation"}


def items_of(prompt: str, lexicon: Lexicon, is_real: Callable[[str], bool]) -> list[Item]:
    """The prompt's items in order. Adjacent unknown words are one item."""
    return _join_unknown(list(_recognise(tokens_of(prompt), lexicon, is_real)))


def _recognise(tokens: Sequence[Token], lexicon: Lexicon, is_real: Callable[[str], bool]) -> Iterator[Item]:
    at = 0
    while at < len(tokens):
        length, meaning = _aged(tokens, at) or lexicon.longest(tokens, at) or (1, None)
        if meaning is None:
            meaning = _of_token(tokens[at], lexicon, is_real)
        yield Item(meaning, tokens[at].start, tokens[at + length - 1].end)
        at += length


def _of_token(token: Token, lexicon: Lexicon, is_real: Callable[[str], bool]) -> Meaning:
    if not token.is_word:
        return STOP
    if token.is_number:
        return NUMBER
    single = len(token.word) == 1 and not is_russian(token.word)
    return NUMBER if single else lexicon.corrected(token, is_real) or UNKNOWN


def _aged(tokens: Sequence[Token], at: int) -> tuple[int, Meaning] | None:
    """The number of tokens and the meaning of an age such as "60 year old" or «35 лет»; None where there is none."""
    if not tokens[at].is_number or at + 1 >= len(tokens) or tokens[at + 1].word not in YEARS:
        return None
    years = int(tokens[at].word[:4])
    age = "young" if years < YOUNG_BELOW else "adult" if years < ELDERLY_FROM else "elderly"
    old = at + 2 < len(tokens) and tokens[at + 2].word in OLD
    return 3 if old else 2, Meaning("age", age, (("age", age),))


def _join_unknown(items: Sequence[Item]) -> list[Item]:
    """Joins unknown words with the articles and numbers between or after them."""
    result: list[Item] = []
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        if item.is_unknown:
            following = at
            while following < len(items) and (
                items[following].is_unknown or items[following].kind in ("article", "number")
            ):
                if items[following].kind != "article":
                    item = Item(UNKNOWN, item.start, items[following].end)
                    at = following + 1
                following += 1
        result.append(item)
    return result


def negate(items: Sequence[Item]) -> None:
    """Marks the items that a negation excludes: those after it up to a comma, a "but", or the next item that is not
    joined by "and"."""
    for at, item in enumerate(items):
        if item.kind == "negation":
            for excluded in _scope(items, at + 1):
                excluded.negated = True


def _scope(items: Sequence[Item], at: int) -> Iterator[Item]:
    has_content = after_and = False
    for index in range(at, len(items)):
        item = items[index]
        if item.kind in ("stop", "but"):
            return
        if item.kind == "and":
            follows = items[index + 1] if index + 1 < len(items) else item
            if has_content and not (follows.is_content or follows.kind == "negation"):
                return
            after_and = True
        elif item.kind in MODIFIERS or item.is_content:
            if has_content and not after_and:
                return
            has_content, after_and = item.is_content or has_content, False
            yield item
        elif has_content and item.kind == "preposition":
            return
