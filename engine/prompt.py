"""Translates prompts into English for backbones that read no other language.

Only the Russian parts of a prompt are translated; Latin text is kept unchanged. A Marian model translates where one is
downloaded; otherwise, and where the model fails, the glossary (glossary.toml). The glossary keeps the order of the
words and drops unknown ones: an English text encoder splits a transliterated Russian word into syllables with meanings
of their own. Names (words with a capital inside a sentence) are transliterated, since many are spelt alike in both
languages.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import snowballstemmer

from engine.errors import SetupError, WeightsError
from engine.hub.repositories import local_folder

log = logging.getLogger(__name__)

GLOSSARY: Final = Path(__file__).with_name("glossary.toml")
REPOSITORY: Final = "Helsinki-NLP/opus-mt-ru-en"
AS_WRITTEN: Final = "as_written"
"""The glossary's section with entries for one form of a word only."""
NEW_TOKENS_MAX: Final = 256
MARIAN_FILES: Final = ("config.json", "source.spm", "target.spm", "vocab.json")

_RUSSIAN_PART = re.compile(r"[а-яё]+(?:[^a-zа-яё]*[а-яё]+)*", re.IGNORECASE)
_TOKEN = re.compile(r"[а-яё]+(?:-[а-яё]+)*|\d+|[^\w\s]", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\s*\n\s*")
_LATIN = dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True)) | {
    "ё": "yo",
    "ж": "zh",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
}


@dataclass(frozen=True)
class Translated:
    """A translation; `complete`: no word of the original was dropped."""

    text: str
    complete: bool


class PromptTranslator(Protocol):
    """Translates from Russian to English."""

    @property
    def name(self) -> str: ...

    def translate(self, text: str) -> Translated:
        """The translation of `text`, which has no Latin letters. May raise any error; see `Reliable`."""
        ...


class GlossaryTranslator:
    """Translates word by word, longest phrases first, in any inflection."""

    name = "glossary"

    def __init__(self, path: Path = GLOSSARY) -> None:
        self._stem = cache(snowballstemmer.stemmer("russian").stemWord)
        self._written: dict[tuple[str, ...], str] = {}
        self._stems: dict[tuple[str, ...], str] = {}
        for section, entries in tomllib.loads(path.read_text("utf-8")).items():
            for forms, english in entries.items():
                for form in forms.split("|"):
                    words = tuple(_plain(word) for word in form.split())
                    self._written.setdefault(words, english)
                    if section != AS_WRITTEN:
                        self._stems.setdefault(self._stemmed(words), english)
        self._longest = max(map(len, self._written))

    def translate(self, text: str) -> Translated:
        tokens = _TOKEN.findall(text)
        words: list[str] = []
        complete = True
        at = 0
        while at < len(tokens):
            length, english = self._longest_phrase(tokens[at:])
            if english is None:
                english = _unknown(tokens, at)
                complete = complete and not _is_word(tokens[at])
            if english:
                words.append(english)
            at += length
        return Translated(_joined(words), complete)

    def _longest_phrase(self, tokens: Sequence[str]) -> tuple[int, str | None]:
        """The number of tokens of the longest phrase in the glossary, and its meaning; 1 and None where there is
        none."""
        for length in range(min(self._longest, len(tokens)), 0, -1):
            words = tuple(_plain(token) for token in tokens[:length])
            english = self._written.get(words)
            if english is None and all(map(_is_word, words)):
                english = self._stems.get(self._stemmed(words))
            if english is not None:
                return length, english
        return 1, None

    def _stemmed(self, words: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._stem(word) for word in words)


class MarianTranslator:
    """A Marian checkpoint (opus-mt-ru-en or one of its layout), on the CPU: a prompt takes some tenths of a second.

    Raises WeightsError for a folder without such a checkpoint."""

    def __init__(self, folder: Path) -> None:
        from transformers import MarianMTModel, MarianTokenizer

        missing = [name for name in MARIAN_FILES if not (folder / name).is_file()]
        if missing:
            raise WeightsError(
                f"expected a Marian checkpoint in {folder}, found no {', '.join(missing)}: set ENGINE_TRANSLATOR to "
                "one, or to glossary"
            )
        try:
            self._tokenizer: Any = MarianTokenizer.from_pretrained(folder, local_files_only=True)
            self._model: Any = MarianMTModel.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f"expected a Marian checkpoint in {folder}, got {error}".partition("\n")[0]) from error
        self._longest = min(NEW_TOKENS_MAX, self._model.config.max_position_embeddings - 1)
        self.name = folder.name

    def translate(self, text: str) -> Translated:
        import torch

        sentences = [sentence for sentence in _SENTENCE_END.split(text) if sentence]
        inputs = self._tokenizer(sentences, return_tensors="pt", padding=True, truncation=True)
        whole = inputs["input_ids"].shape[1] < self._tokenizer.model_max_length
        with torch.inference_mode():
            tokens = self._model.generate(**inputs, max_new_tokens=self._longest)
        english = self._tokenizer.batch_decode(tokens, skip_special_tokens=True)
        translation = " ".join(sentence.strip() for sentence in english if sentence.strip())
        if not translation:
            raise ValueError("the model returned no text")
        # the model ends every phrase with a full stop, also inside a prompt
        return Translated(
            _grown_up(translation if text.rstrip().endswith(".") else translation.removesuffix(".")), whole
        )


class Reliable:
    """Translates with the first translator, and with the second where the first fails."""

    def __init__(self, first: PromptTranslator, second: PromptTranslator) -> None:
        self._first = first
        self._second = second

    @property
    def name(self) -> str:
        return self._first.name

    def translate(self, text: str) -> Translated:
        try:
            return self._first.translate(text)
        except Exception as error:  # a model may raise anything, and the job must not be lost to it
            log.warning("%s failed, %s translates: %s: %s", self.name, self._second.name, type(error).__name__, error)
            return self._second.translate(text)


def open_translator(setting: str | None) -> PromptTranslator:
    """The translator of the setting: "glossary", a folder, or a repository in the hub's cache; None: the best
    translator that is present.

    Raises SetupError where the chosen translator is absent.
    """
    glossary = GlossaryTranslator()
    if setting == glossary.name:
        return glossary
    folder = local_folder(setting or REPOSITORY)
    if folder is not None:
        return Reliable(MarianTranslator(folder), glossary)
    if setting:
        raise SetupError(
            f"ENGINE_TRANSLATOR: expected glossary, a folder, or a repository in the hub's cache, got {setting}: "
            "fetch it with python -m engine doctor --download translation"
        )
    log.info("no model for translating is in the hub's cache: the glossary translates")
    return glossary


def in_known_language(text: str, languages: Sequence[str], translator: PromptTranslator) -> Translated | None:
    """The translation for a backbone that reads `languages`; None where it can read `text` itself."""
    if "ru" in languages or not _RUSSIAN_PART.search(text):
        return None
    complete = True

    def english(part: re.Match[str]) -> str:
        nonlocal complete
        translated = translator.translate(part.group())
        complete = complete and translated.complete
        return translated.text

    return Translated(_tidy(_RUSSIAN_PART.sub(english, text)), complete)


def _grown_up(english: str) -> str:
    """Replaces "girl" and "boy", which models write for «девушка» and «парень»; prompts about children are refused
    before the translation."""
    for child, adult in (("girl", "young woman"), ("boy", "young man")):
        several = adult.replace("man", "men")
        english = re.sub(rf"\b(?:young )?{child}s\b", several, english, flags=re.IGNORECASE)
        english = re.sub(rf"\b(?:young )?{child}\b", adult, english, flags=re.IGNORECASE)
    return english


def _plain(word: str) -> str:
    return word.lower().replace("ё", "е")


def _is_word(token: str) -> bool:
    return token[0].isalpha()


def _unknown(tokens: Sequence[str], at: int) -> str:
    """Keeps numbers and marks, transliterates names, drops other words."""
    token = tokens[at]
    if not _is_word(token):
        return token
    inside = at > 0 and tokens[at - 1] not in (".", "!", "?")
    return _transliterated(token) if inside and token[0].isupper() else ""


def _transliterated(word: str) -> str:
    return "".join(_LATIN.get(letter, letter) for letter in word.lower()).title()


def _joined(words: Iterable[str]) -> str:
    return _tidy(" ".join(words))


def _tidy(text: str) -> str:
    """Removes the gaps and doubled commas that dropped words leave."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([,.;:!?)])", r"\1", text)
    text = re.sub(r"([,;])(?:\s*[,;])+", r"\1", text)
    return text.strip(" ,;")
