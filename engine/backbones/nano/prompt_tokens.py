"""The tokens of a prompt, with their positions in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import snowballstemmer

EXACT: Final = "="
"""Begins a key that stands for one written form only."""
FORM: Final = "="

_FLAGS: Final = re.compile(r"--[a-z]+(?:[ =]+(?![^\s]*[^\W\d_])[\d:.]+)?|https?://\S+|<[^>]*>", re.IGNORECASE)
"""Parameters of other generators ("--ar 2:3 --v 6"), addresses, tags such as <lora:name:1>."""
_TOKEN: Final = re.compile(r"[a-zà-öø-ÿ]+|[а-яё]+|\d+|[^\w\s'’`-]|\n|(?<=\s)-(?=\s)", re.IGNORECASE)
_PLAIN: Final = str.maketrans("ёéèêàâçïîôûü", "еeeeaaciiouu")
_STEMMER: Final[Any] = snowballstemmer.stemmer("russian")


@dataclass(frozen=True)
class Token:
    """A word, a number or a mark; the prompt's [start, end) holds it as the user wrote it."""

    word: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.word[0].isalnum()

    @property
    def is_number(self) -> bool:
        return self.word[0].isdigit()


def tokens_of(prompt: str) -> list[Token]:
    """The tokens in lower case, without ё and accents. A hyphen inside a word separates two words."""
    without_flags = _FLAGS.sub(lambda flag: "," + " " * (len(flag.group()) - 1), prompt)
    return [Token(plain(match.group()), match.start(), match.end()) for match in _TOKEN.finditer(without_flags)]


def plain(word: str) -> str:
    return word.lower().translate(_PLAIN)


def is_russian(word: str) -> bool:
    return "а" <= word[0] <= "я"


@cache
def keys_of(word: str) -> tuple[str, ...]:
    """The forms under which a lexicon may have the word, its own form first: the stem in Russian, the singular in
    English."""
    if is_russian(word):
        return EXACT + word, stem_of(word)
    return (EXACT + word, word, *_singulars(word))


@cache
def stem_of(word: str) -> str:
    return str(_STEMMER.stemWord(word))


def key_of(entry: str) -> str:
    """The key of a lexicon's word: "=стою" is itself, «куртка» a stem, "jacket" itself."""
    word = plain(entry)
    return stem_of(word) if is_russian(word) else word


def _singulars(word: str) -> tuple[str, ...]:
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return ()
    if word.endswith("ies"):
        return word[:-3] + "y", word[:-1]
    return (word[:-1], word[:-2]) if word.endswith(("ses", "xes", "shes", "ches")) else (word[:-1],)
