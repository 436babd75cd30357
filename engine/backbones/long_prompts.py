"""Prompts of any length for CLIP's text encoders, which read 77 tokens at a time.

A prompt is cut between words into chunks; each is encoded with its own start and end token, and the states are
concatenated: the UNet's attention takes any number. All prompts of a batch need the same number of states, so shorter
ones are repeated: attention over keys that all occur equally often equals attention over each of them once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

log = logging.getLogger(__name__)

CHUNKS_MAX: Final = 4
"""About 220 English words; the contract's longest prompt is a little shorter."""
WORD_END: Final = "</w>"
"""CLIP's mark at the last token of a word."""


@dataclass(frozen=True)
class PromptStates:
    """states [B, M, D]; pooled [B, P] of the first chunk, from the last encoder, None where it has no projection."""

    states: Tensor
    pooled: Tensor | None


def encode_prompts(pipeline: Any, prompts: Sequence[str], device: str) -> PromptStates:
    """States of all prompts by the text encoders of a Stable Diffusion pipeline, side by side where there are two."""
    pairs = [(pipeline.tokenizer, pipeline.text_encoder)]
    two = getattr(pipeline, "text_encoder_2", None) is not None
    if two:
        pairs.append((pipeline.tokenizer_2, pipeline.text_encoder_2))
    chunked = [[token_chunks(tokenizer, prompt) for prompt in prompts] for tokenizer, _ in pairs]
    length = math.lcm(*(len(chunks) for own in chunked for chunks in own))
    encoded = [
        _encoded(*pair, own, length, two, device) for pair, own in zip(pairs, chunked, strict=True)
    ]  # fmt: skip
    return PromptStates(torch.cat([part.states for part in encoded], -1), encoded[-1].pooled)


def token_chunks(tokenizer: Any, prompt: str) -> list[list[int]]:
    """Token ids without start and end tokens, at least one chunk; a word is split only where it is longer than a chunk.
    Tokens beyond CHUNKS_MAX chunks are dropped and logged."""
    size = tokenizer.model_max_length - 2
    ids = list(tokenizer(prompt, add_special_tokens=False, truncation=False, verbose=False).input_ids)
    ends = [token.endswith(WORD_END) for token in tokenizer.convert_ids_to_tokens(ids)]
    chunks: list[list[int]] = []
    start = 0
    while start < len(ids) and len(chunks) < CHUNKS_MAX:
        stop = min(start + size, len(ids))
        if stop < len(ids):
            stop = next((end for end in range(stop, start, -1) if ends[end - 1]), stop)
        chunks.append(ids[start:stop])
        start = stop
    if start < len(ids):
        log.warning("of a prompt of %d tokens only the first %d are read", len(ids), start)
    return chunks or [[]]


def _encoded(
    tokenizer: Any, encoder: Any, chunked: Sequence[Sequence[list[int]]], length: int, two: bool, device: str
) -> PromptStates:
    """Every prompt is repeated to `length` chunks. SDXL reads the states before the last layer."""
    rows = torch.tensor([_row(tokenizer, chunk) for chunks in chunked for chunk in chunks], device=device)
    output = encoder(rows, output_hidden_states=two)
    states = output.hidden_states[-2] if two else output[0]
    counts = [len(chunks) for chunks in chunked]
    states_per_prompt = torch.split(states, counts)
    whole = [
        part.flatten(0, 1).repeat(length // count, 1) for part, count in zip(states_per_prompt, counts, strict=True)
    ]
    pooled = output[0] if two else None
    if pooled is not None and pooled.ndim == 2:
        firsts = torch.tensor([sum(counts[:number]) for number in range(len(counts))], device=device)
        return PromptStates(torch.stack(whole), pooled[firsts])
    return PromptStates(torch.stack(whole), None)


def _row(tokenizer: Any, chunk: list[int]) -> list[int]:
    """[model_max_length] ids: beginning, chunk, end, padding."""
    row = [tokenizer.bos_token_id, *chunk, tokenizer.eos_token_id]
    return row + [tokenizer.pad_token_id] * (tokenizer.model_max_length - len(row))
