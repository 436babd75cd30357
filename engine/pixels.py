"""Converts between pictures of 8 bits and tensors in [-1, 1]."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """uint8 [..., H, W, C] -> float32 [..., C, H, W] in [-1, 1]."""
    return torch.from_numpy(pictures).movedim(-1, -3).float() / 127.5 - 1


def to_uint8(pixels: Tensor) -> NDArray[np.uint8]:
    """[..., C, H, W] in [-1, 1], clamped and rounded -> uint8 [..., H, W, C]."""
    scaled = ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    converted: NDArray[np.uint8] = scaled.movedim(-3, -1).cpu().numpy()
    return converted
