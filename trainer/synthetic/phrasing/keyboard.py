"""Typing habits: omitted capitals, full stops, articles and ё, and occasional typing errors."""

import re
from collections.abc import Container
from typing import Final

import numpy as np

from trainer.synthetic.phrasing.chance import happens, one
from trainer.synthetic.words import Language

SLIP_CHANCE: Final = 0.08
"""The probability of a typing error in a long enough word; about one word in thirty of all."""
SLIP_LETTERS: Final = 6
ARTICLES: Final = re.compile(r"\b(?:an?|the) ", re.IGNORECASE)


def typed(text: str, language: Language, rng: np.random.Generator, dictionary: Container[str]) -> str:
    """The phrase as a user types it. A typing error never turns a word into a word of `dictionary`."""
    if language == "en" and happens(rng, 0.2):
        text = ARTICLES.sub("", text)
    if language == "ru" and happens(rng, 0.5):
        text = without_yo(text)
    if happens(rng, 0.15):
        text = text.replace(",", "")
    text = with_slips(text, rng, dictionary)
    return _ended(_cased(text, rng), rng)


def without_yo(text: str) -> str:
    """«чёрный» -> «черный»."""
    return text.replace("ё", "е").replace("Ё", "Е")


def with_slips(text: str, rng: np.random.Generator, dictionary: Container[str]) -> str:
    """The text with typing errors in some long words: a letter omitted or two swapped."""
    return re.sub(rf"[^\W\d_]{{{SLIP_LETTERS},}}", lambda word: _slipped(word[0], rng, dictionary), text)


def _slipped(word: str, rng: np.random.Generator, dictionary: Container[str]) -> str:
    if not happens(rng, SLIP_CHANCE):
        return word
    at = int(rng.integers(1, len(word) - 1))
    lost = word[:at] + word[at + 1 :]
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    wrong = lost if happens(rng, 0.5) else swapped
    return word if without_yo(wrong.lower()) in dictionary else wrong


def _cased(text: str, rng: np.random.Generator) -> str:
    case = float(rng.random())
    if case < 0.5:
        return text.lower()
    if case < 0.96:
        return text[:1].upper() + text[1:]
    return text.upper()


def _ended(text: str, rng: np.random.Generator) -> str:
    return text + one(rng, (".", ".", ".", "!", " ", "...")) if happens(rng, 0.3) else text
