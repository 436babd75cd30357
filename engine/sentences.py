"""The meaning of a sentence in sixteen languages as numbers: Google's multilingual universal sentence encoder.

Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, 2019: pieces of words, convolutions over
two, three and five of them, their sum over the sentence, and a few dense layers. The weights, 8 bits each, and the
pieces lie in a released package (engine.hub.packaged, row "sentences").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsError
from engine.hub.packaged import locate

PIECES: Final = "sp.model"
WEIGHTS: Final = "weights.npz"
SIZE: Final = 512
TABLES: Final = 17
"""The rows of the embedding are dealt out to so many tables, each with a range of its own."""
BRANCHES: Final = ((2, 0), (3, 1), (5, 2))
"""Pieces that a convolution sees, and how many of them lie before the one in question."""
PIECES_MAX: Final = 512

Floats = NDArray[np.float32]


class SentenceEncoder:
    """Encodes sentences."""

    def __init__(self, state: Path) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        from sentencepiece import SentencePieceProcessor

        path = locate("sentences", WEIGHTS, state)
        self._pieces: Any = SentencePieceProcessor(model_file=str(locate("sentences", PIECES, state)))
        try:
            with np.load(path, allow_pickle=False) as archive:
                self._weights = {name: archive[name] for name in archive.files}
            self._tables = [self._weights.pop(f"q{number + 1}") for number in range(TABLES)]
        except (ValueError, KeyError, OSError) as error:
            raise WeightsError(f"expected the sentence encoder in {path}, got {error}") from error

    def encode(self, sentences: Sequence[str]) -> Floats:
        """float32 [N, SIZE] of unit length: the scalar product of two is their similarity, -1 to 1."""
        return np.stack([self._encode(sentence) for sentence in sentences])

    def _encode(self, sentence: str) -> Floats:
        pieces: list[int] = self._pieces.encode(sentence, add_bos=True, add_eos=True)[:PIECES_MAX]
        weights = self._weights
        embedded = np.stack([self._embedded(piece) for piece in pieces])
        projected = np.concatenate([embedded @ weights[f"proj{n}"] + weights[f"proj_b{n}"] for n, _ in BRANCHES], 1)
        factor, shift = (np.concatenate([weights[f"{name}{n}"] for n, _ in BRANCHES]) for name in ("ln_g", "ln_b"))
        inputs = np.split(self._normal(projected, factor, shift), len(BRANCHES), 1)
        seen = [embedded, *(self._branch(x, branch) for x, branch in zip(inputs, BRANCHES, strict=True))]
        features = self._normal(np.concatenate(seen, 1), weights["ln_g"], weights["ln_b"])
        summed = (features @ weights["cnn_W"] + weights["cnn_b"]).sum(0) / np.sqrt(len(pieces))
        first = _positive(summed @ weights["d0"])
        second = _positive(first @ weights["d1"] + summed @ weights["p1"])
        third = _positive(second @ weights["d2"])
        last = np.tanh(second @ weights["p3"] + third @ weights["d3"])
        return np.asarray(last / np.linalg.norm(last), np.float32)

    def _embedded(self, piece: int) -> Floats:
        row, table = divmod(piece, TABLES)
        scale, lowest = self._weights["scale"][table], self._weights["lo"][table]
        return np.asarray(self._tables[table][row] * scale + lowest, np.float32)

    def _branch(self, x: Floats, branch: tuple[int, int]) -> Floats:
        """float32 [N, 256]: two convolutions over some pieces, each added to what went in."""
        weights, (width, before) = self._weights, branch
        for number in (1, 2):
            padded = np.pad(x, ((before, width - 1 - before), (0, 0)))
            windows = np.concatenate([padded[shift : shift + len(x)] for shift in range(width)], 1)
            x = x + _positive(windows @ weights[f"w{number}_{width}"] + weights[f"b{number}_{width}"])
        return np.asarray(x, np.float32)

    def _normal(self, x: Floats, factor: Floats, shift: Floats) -> Floats:
        """Every row with mean 0 and variance 1, then scaled and shifted."""
        centred = x - x.mean(1, keepdims=True)
        spread = np.sqrt((centred**2).mean(1, keepdims=True) + float(self._weights["eps"]))
        return np.asarray(centred / spread * factor + shift, np.float32)


def _positive(x: Floats) -> Floats:
    return np.maximum(x, 0)
