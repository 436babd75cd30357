"""The words that the reader knows: prompt_lexicon.toml for what nano draws, prompt_function_words.toml for the rest."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from engine.backbones.nano.attributes import SLOTS, Attributes
from engine.backbones.nano.prompt_tokens import EXACT, Token, is_russian, key_of, keys_of, plain, stem_of

FILES: Final = tuple(Path(__file__).with_name(f"prompt_{name}.toml") for name in ("lexicon", "function_words"))
SEVERAL: Final = "several"
TYPO_LENGTH_MIN: Final = {"en": 5, "ru": 6}
"""Shorter words are too near to others for a letter to be forgiven: characters of a word, or of a Russian stem."""


@dataclass(frozen=True)
class Meaning:
    """The meaning of a phrase. `kind` is a section of the files; `slots` are the slots that it fills."""

    kind: str
    value: str
    slots: tuple[tuple[str, str], ...] = ()

    @property
    def attributes(self) -> Attributes:
        return dict(self.slots)


@dataclass(frozen=True)
class Entry:
    keys: tuple[str, ...]
    meaning: Meaning


class Lexicon:
    """Phrases by their first word's key, the longest first."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            self._entries[entry.keys[0]].append(entry)
        for same in self._entries.values():
            same.sort(key=lambda entry: -len(entry.keys))
        self._articles = {entry.keys[0] for entry in entries if entry.meaning.kind == "article"}

    def longest(self, tokens: Sequence[Token], at: int) -> tuple[int, Meaning] | None:
        """The number of tokens of the longest phrase at a place, and its meaning; a written form comes before a
        stem."""
        best: tuple[int, int] = (0, 0)
        meaning: Meaning | None = None
        for exactness, key in enumerate(reversed(keys_of(tokens[at].word))):
            for entry in self._entries.get(key, ()):
                length = self._match_length(entry.keys, tokens, at)
                if length and (length, exactness) > best:
                    best, meaning = (length, exactness), entry.meaning
        return None if meaning is None else (best[0], meaning)

    def _match_length(self, keys: Sequence[str], tokens: Sequence[Token], at: int) -> int:
        """The tokens that the keys take, articles between them included; 0 where they do not match."""
        end = at
        for key in keys:
            while (
                end > at and end < len(tokens) and key not in self._keys(tokens[end]) and self._is_article(tokens[end])
            ):
                end += 1
            if end >= len(tokens) or key not in self._keys(tokens[end]):
                return 0
            end += 1
        return end - at

    def _keys(self, token: Token) -> tuple[str, ...]:
        return keys_of(token.word)

    def _is_article(self, token: Token) -> bool:
        return not self._articles.isdisjoint(keys_of(token.word))

    def corrected(self, token: Token, is_real: Callable[[str], bool]) -> Meaning | None:
        """The meaning of the only word that is one slip of the keyboard away, None where `is_real` knows the word."""
        language = "ru" if is_russian(token.word) else "en"
        spelling = stem_of(token.word) if language == "ru" else token.word
        if len(spelling) < TYPO_LENGTH_MIN[language] or token.is_number:
            return None
        near = [meaning for word, meaning in self._single_words(spelling) if one_slip(spelling, word)]
        if not near or any(meaning != near[0] for meaning in near) or is_real(token.word):
            return None
        return near[0]

    def _single_words(self, like: str) -> Iterator[tuple[str, Meaning]]:
        for key, entries in self._entries.items():
            if key[0] == like[0] and abs(len(key) - len(like)) < 2:
                yield from ((key, entry.meaning) for entry in entries if len(entry.keys) == 1)


def one_slip(first: str, second: str) -> bool:
    """Whether the words differ by one slip: a letter changed, left out or doubled, or two neighbours swapped."""
    if first == second or abs(len(first) - len(second)) > 1:
        return False
    if len(first) == len(second):
        at = [index for index in range(len(first)) if first[index] != second[index]]
        swapped = (
            len(at) == 2 and at[1] == at[0] + 1 and first[at[0]] == second[at[1]] and first[at[1]] == second[at[0]]
        )
        return len(at) == 1 or swapped
    longer, shorter = (first, second) if len(first) > len(second) else (second, first)
    return any(longer[:index] + longer[index + 1 :] == shorter for index in range(len(longer)))


@cache
def open_lexicon() -> Lexicon:
    entries: list[Entry] = []
    for path in FILES:
        for section, values in tomllib.loads(path.read_text("utf-8")).items():
            for value, phrases in values.items():
                meaning = meaning_of(section, value)
                entries += [Entry(keys, meaning) for phrase in phrases.split("|") for keys in _phrases(phrase)]
    return Lexicon(entries)


def _phrases(phrase: str) -> Iterator[tuple[str, ...]]:
    """The keys of the phrase, and those with the stem of its last word in another case, where the stemmer gives another
    stem: «диван» is cut like a participle, «диване» is not."""
    keys = _phrase(phrase)
    yield keys
    last = plain(phrase.split()[-1])
    if last[-1] in "нвлшт" and is_russian(last) and stem_of(last + "е") != keys[-1]:
        yield (*keys[:-1], stem_of(last + "е"))


def _phrase(phrase: str) -> tuple[str, ...]:
    words = [part for word in phrase.split() for part in _parts(word)]
    return tuple(word if word.startswith(EXACT) else key_of(word) for word in words)


def _parts(word: str) -> list[str]:
    """The parts of a word between hyphens, which separate words here as in a prompt."""
    if word == "&":
        return [word]
    exact = EXACT if word.startswith(EXACT) else ""
    parts = word.removeprefix(EXACT).replace("ё", "е").split("-")
    return [exact + part for part in parts]


def meaning_of(section: str, value: str) -> Meaning:
    """The meaning of a value in a section of the files. Raises ValueError for a value that its slot does not have."""
    slots: tuple[tuple[str, str], ...] = ()
    if section == SEVERAL:
        pairs = [part.split(" ", 1) for part in value.split(", ")]
        slots = tuple((slot, worth) for slot, worth in pairs)
    elif section in SLOTS and value:
        slots = ((section, value),)
    for slot, worth in slots:
        if worth not in SLOTS[slot]:
            raise ValueError(f"{section}: expected {slot} to be one of {SLOTS[slot]}, got {worth}")
    return Meaning(section, value, slots)
