"""A tokenizer of CLIP's kind for tiny random models."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Final

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

TEXT_TOKENS: Final = 48
VOCABULARY: Final = 6000
EVERY_LAST_BYTE: Final = [chr(code) for code in (*range(33, 127), *range(0x600, 0x640))]
"""Words that end, in UTF-8, in each byte that a word can end in."""


def train_tokenizer(captions: Iterable[str]) -> CLIPTokenizer:
    """CLIP's own byte-level tokenizer with a vocabulary learned from the captions, so that any user text encodes.

    Training keeps of the bytes that end a word only those it saw, and any other becomes the end of the text; so it sees
    each of them once."""
    with tempfile.TemporaryDirectory() as folder:
        letters = sorted(ByteLevel.alphabet())  # the printable characters of the 256 bytes (Radford et al., 2019)
        tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
        vocabulary = {token: index for index, token in enumerate(tokens)}
        (Path(folder) / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
        (Path(folder) / "merges.txt").write_text("#version: 0.2\n", "utf-8")
        blank = CLIPTokenizer.from_pretrained(folder)
        trained: CLIPTokenizer = blank.train_new_from_iterator(chain(EVERY_LAST_BYTE, captions), VOCABULARY)
    trained.model_max_length = TEXT_TOKENS
    return trained
