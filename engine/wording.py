"""What a prompt asks for, by its words: minors and nudity, in English and Russian (forbidden.toml).

A prompt is read as it stands and in the disguises that people try: compatibility letters, invisible characters, letters
of the other alphabet, digits for letters, spaced and repeated letters. The lists are plain data: what they do not hold
passes, and the classifiers of engine/safety.py look at the picture all the same.
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
    """What is not drawn, the graver first."""

    MINOR = "minor"
    NUDITY = "nudity"


FORBIDDEN: Final = Path(__file__).with_name("forbidden.toml")

_WORD_OR_MARK = re.compile(r"[^\W_]+|[^\w\s'’‘`-]")
_SPACED_LETTERS = re.compile(r"(?<![^\W_])(?:[^\W\d_][\W_]{1,2}){2,}[^\W\d_](?![^\W_])")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_RUN_WITH_LETTER = re.compile(r"\S*[^\W\d_]\S*")
_LETTER_RUN = re.compile(r"[^\W\d_]+")
_CYRILLIC_ALIKE, _LATIN_ALIKE = "аеорсхукмтвніѕ", "aeopcxykmtbhis"
_TO_LATIN = str.maketrans(_CYRILLIC_ALIKE, _LATIN_ALIKE)
_TO_CYRILLIC = str.maketrans(_LATIN_ALIKE, _CYRILLIC_ALIKE)
_DIGITS_TO_LATIN = str.maketrans("013457@$", "oieastas")
_DIGITS_TO_CYRILLIC = str.maketrans("0346@", "озчба")


class Wording:
    """The lists, compiled."""

    def __init__(self, path: Path = FORBIDDEN) -> None:
        content = tomllib.loads(path.read_text("utf-8"))
        self._lists = [(concern, *_compiled(content[concern.value])) for concern in Concern]
        ages: dict[str, Any] = content["ages"]
        self._adult = int(ages["adult"])
        self._ages = _age_patterns(ages)

    def concern(self, text: str) -> Concern | None:
        """What `text` asks for that is not allowed; minors come first."""
        readings = list(dict.fromkeys(_readings(text)))
        if self._below_age(readings[0]):
            return Concern.MINOR
        for concern, words, allowed in self._lists:
            if any(words.search(allowed.sub(" | ", reading)) for reading in readings):
                return concern
        return None

    def _below_age(self, reading: str) -> bool:
        numbers, in_words = self._ages
        if in_words.search(reading):
            return True
        found = (next(filter(None, match.groups())) for match in numbers.finditer(reading))
        return any(int(number) < self._adult for number in found)


def _compiled(entry: dict[str, list[str]]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return _phrases(entry["words"]), _phrases(entry["allowed"])


def _phrases(patterns: Iterable[str]) -> re.Pattern[str]:
    """Any of them, as whole words of a reading."""
    alternatives = "|".join(re.escape(pattern).replace(r"\*", r"\w*") for pattern in patterns)
    return re.compile(rf"(?<!\S)(?:{alternatives})(?!\S)")


def _age_patterns(ages: dict[str, Any]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Ages in digits, and those of minors in words."""
    numbers = (
        r"\b(\d{1,2}) ?(?:(?:years?|yrs?) old|yo|y o|year old)\b"
        r"|\bage[d]? (?:of )?(\d{1,2})\b"
        r"|\b(\d{1,2}) ?(?:лет|год|года|годик\w*|годовал\w*)\b(?! назад| вместе| спустя| опыта| стажа)"
        r"|\b(\d{1,2}) ?летн\w*"
    )
    english, russian = "|".join(ages["english"]), "|".join(ages["russian"])
    compounds = "|".join(ages["russian_compounds"])
    in_words = (
        rf"\b(?:{english}) (?:years?|yrs?) old\b"
        rf"|(?<!\S)(?:{russian}) (?:лет|год|года|годик\w*)\b(?! назад| вместе| спустя)"
        rf"|(?<!\S)(?:{compounds}) ?летн\w*"
    )
    return re.compile(numbers), re.compile(in_words)


def _readings(text: str) -> Iterator[str]:
    """Words and marks with single spaces between; the first is the text as it stands."""
    plain = _plain(text)
    latin = _mixed(_RUN_WITH_LETTER.sub(lambda run: run.group().translate(_DIGITS_TO_LATIN), plain), _TO_LATIN)
    cyrillic = _mixed(_RUN_WITH_LETTER.sub(lambda run: run.group().translate(_DIGITS_TO_CYRILLIC), plain), _TO_CYRILLIC)
    for version in (plain, _mixed(plain, _TO_LATIN), _mixed(plain, _TO_CYRILLIC), latin, cyrillic):
        for spaced in (version, _SPACED_LETTERS.sub(lambda found: re.sub(r"[\W_]", "", found.group()), version)):
            yield _tokens(spaced)
            yield _tokens(_REPEATED.sub(r"\1", spaced))


def _plain(text: str) -> str:
    """Small letters without accents, compatibility forms and invisible characters; й stays, ё becomes е."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    letters = (unicodedata.normalize("NFD", letter)[0] if "à" <= letter <= "ſ" else letter for letter in folded)
    return "".join(letter for letter in letters if unicodedata.category(letter) not in ("Cf", "Mn", "Me"))


def _mixed(text: str, table: dict[int, int]) -> str:
    """Words of both alphabets become words of one."""

    def one(run: re.Match[str]) -> str:
        word = run.group()
        both = any(letter <= "z" for letter in word) and any("а" <= letter <= "ѕ" or letter == "і" for letter in word)
        return word.translate(table) if both else word

    return _LETTER_RUN.sub(one, text)


def _tokens(text: str) -> str:
    return " ".join(_WORD_OR_MARK.findall(text))
