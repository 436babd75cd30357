"""Sentences of one meaning are near each other in both languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.sentences import SIZE, SentenceEncoder

PAIRS = [
    ("a woman in a red dress on the beach", "женщина в красном платье на пляже"),
    ("a knight with a sword", "рыцарь с мечом"),
    ("reading a newspaper in a café", "читает газету в кафе"),
    ("playing the guitar by the fire", "играет на гитаре у костра"),
    ("a man rides a horse", "мужчина скачет на лошади"),
]


@pytest.fixture(scope="module")
def encoder(fetched: Callable[[str], Path]) -> SentenceEncoder:
    return SentenceEncoder(fetched("sentences"))


def test_each_sentence_is_nearest_to_its_translation(encoder: SentenceEncoder) -> None:
    english, russian = (encoder.encode(list(side)) for side in zip(*PAIRS, strict=True))
    assert english.shape == (len(PAIRS), SIZE) and np.linalg.norm(english, axis=1) == pytest.approx(1, abs=1e-5)
    alike = english @ russian.T
    assert (alike.argmax(0) == np.arange(len(PAIRS))).all() and np.diag(alike).min() > 0.6


def test_the_longest_prompt_and_an_empty_one_are_encoded(encoder: SentenceEncoder) -> None:
    assert np.isfinite(encoder.encode(["слово " * 400, ""])).all()
