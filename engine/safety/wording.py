"""Finds minors and nudity in the words of a prompt, in English and Russian (forbidden.toml).

A prompt is also read with the usual obfuscations undone: compatibility letters, invisible characters, letters of the
other alphabet, digits for letters, spaced and repeated letters. Words outside the lists pass; the classifiers of
guard.py check the picture in any case.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final


class Concern(StrEnum):
    """Concerns for which a prompt is refused, the more serious first."""

    MINOR = "minor"
    NUDITY = "nudity"


FORBIDDEN: Final = Path(__file__).with_name("forbidden.toml")

_WORD_OR_MARK = re.compile(r"[^\W_]+|[^\w\s'’‘`-]")
_SPACED_LETTERS = re.compile(r"(?<![^\W_])(?:[^\W\d_][\W_]{1,2}){2,}[^\W\d_](?![^\W_])")
_BROKEN = re.compile(r"(?<=[^\W\d_])[-._*]+(?=[^\W\d_])")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_RUN_WITH_LETTER = re.compile(r"\S*[^\W\d_]\S*")
_LETTER_RUN = re.compile(r"[^\W\d_]+")
_CYRILLIC_ALIKE, _LATIN_ALIKE = "аеорсхукмтвніѕ", "aeopcxykmtbhis"
_TO_LATIN = str.maketrans(_CYRILLIC_ALIKE, _LATIN_ALIKE)
_TO_CYRILLIC = str.maketrans(_LATIN_ALIKE, _CYRILLIC_ALIKE)
_DIGITS_TO_LATIN = str.maketrans("013457@$", "oieastas")
_DIGITS_TO_CYRILLIC = str.maketrans("0346@", "озчба")


class Wording:
    """The compiled word lists."""

    def __init__(self, path: Path = FORBIDDEN) -> None:
        content = tomllib.loads(path.read_text("utf-8"))
        self._lists = [(concern, *_compiled(content[concern.value])) for concern in Concern]
        ages: dict[str, Any] = content["ages"]
        self._adult = int(ages["adult"])
        self._age = _age_pattern(ages)

    def concern(self, text: str) -> Concern | None:
        """The concern for which `text` is refused, or None; minors come first."""
        readings = list(dict.fromkeys(_readings(text)))
        if self._below_age(readings[0]):
            return Concern.MINOR
        for concern, words, allowed in self._lists:
            if any(words.search(allowed.sub(" | ", reading)) for reading in readings):
                return concern
        return None

    def _below_age(self, reading: str) -> bool:
        found = (next(filter(None, match.groups())) for match in self._age.finditer(reading))
        return any(not number.isdecimal() or int(number) < self._adult for number in found)


def _compiled(entry: dict[str, list[str]]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return _phrases(entry["words"]), _phrases(entry["allowed"])


def _phrases(patterns: Iterable[str]) -> re.Pattern[str]:
    """A pattern that matches any of the phrases as whole words."""
    alternatives = "|".join(re.escape(pattern).replace(r"\*", r"\w*") for pattern in patterns)
    return re.compile(rf"(?<!\S)(?:{alternatives})(?!\S)")


def _age_pattern(ages: dict[str, Any]) -> re.Pattern[str]:
    """An age in digits, or that of a minor in words, as one of the groups."""
    number = rf"(\d{{1,2}}|{'|'.join(ages['english'] + ages['russian'] + ages['russian_compounds'])})"
    no_span = "".join(rf"(?<!\b{word} )" for word in ages["spans_before"])
    nor_span = rf"(?! (?:{'|'.join(ages['spans_after'])}))"
    patterns = (
        rf"{number} ?(?:(?:years?|yrs?) olds?|y ?[./]? ?o)\b(?! (?:{'|'.join(ages['old_things'])}))",
        rf"age[d]? (?:of )?{number}\b",
        rf"{no_span}{number} ?(?:лет|год|года|годик\w*|годовал\w*)\b{nor_span}",
        rf"{number} ?летн\w*",
        rf"лет {number}\b",
        rf"возраст\w* {number}\b",
    )
    return re.compile("|".join(rf"\b(?:{pattern})" for pattern in patterns))


def _readings(text: str) -> Iterator[str]:
    """Readings of a prompt as words and marks separated by single spaces; the first is the unchanged text."""
    plain = _plain(text)
    latin = _mixed(_RUN_WITH_LETTER.sub(lambda run: run.group().translate(_DIGITS_TO_LATIN), plain), _TO_LATIN)
    cyrillic = _mixed(_RUN_WITH_LETTER.sub(lambda run: run.group().translate(_DIGITS_TO_CYRILLIC), plain), _TO_CYRILLIC)
    for version in (plain, _mixed(plain, _TO_LATIN), _mixed(plain, _TO_CYRILLIC), latin, cyrillic):
        for spaced in (version, _SPACED_LETTERS.sub(lambda found: re.sub(r"[\W_]", "", found.group()), version)):
            yield _tokens(spaced)
            yield _tokens(_REPEATED.sub(r"\1", spaced))
            yield _tokens(_REPEATED.sub(r"\1\1", spaced))
        yield _tokens(_BROKEN.sub("", version))


def _plain(text: str) -> str:
    """Small letters without accents, compatibility forms and invisible characters; й stays, ё becomes е."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    letters = (unicodedata.normalize("NFD", letter)[0] if "à" <= letter <= "ſ" else letter for letter in folded)
    return "".join(letter for letter in letters if unicodedata.category(letter) not in ("Cf", "Mn", "Me"))


def _mixed(text: str, table: dict[int, int]) -> str:
    """Converts words that mix alphabets to one alphabet."""

    def one(run: re.Match[str]) -> str:
        word = run.group()
        both = any(letter <= "z" for letter in word) and any("а" <= letter <= "ѕ" or letter == "і" for letter in word)
        return word.translate(table) if both else word

    return _LETTER_RUN.sub(one, text)


def _tokens(text: str) -> str:
    return " ".join(_WORD_OR_MARK.findall(text))
