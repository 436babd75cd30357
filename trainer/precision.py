"""The precision in which a training step is fast on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


def fast_bfloat16() -> bool:
    """Whether bfloat16 is faster than float32 here: on GPUs, several times so on CPUs with AMX tiles, and two to four
    times on CPUs with AVX-512's bfloat16 instructions. Other CPUs emulate it slowly."""
    cpu = torch.cpu
    return torch.cuda.is_available() or cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported()


@contextmanager
def fast_precision() -> Iterator[None]:
    """Mixed precision where it is fast. On the CPU attention is computed by plain matrix products: the backward pass of
    torch's fused CPU kernel takes longer than all convolutions of nano together (measured with torch 2.13)."""
    if torch.cuda.is_available():
        with torch.autocast("cuda", torch.bfloat16):
            yield
        return
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()), sdpa_kernel(SDPBackend.MATH):
        yield
