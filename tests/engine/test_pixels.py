"""Pictures of 8 bits are equal after conversion to tensors and back."""

from __future__ import annotations

import numpy as np
import torch

from engine.pixels import to_tensor, to_uint8


def test_all_values_come_back() -> None:
    pictures = np.arange(256, dtype=np.uint8).reshape(2, 8, 16, 1).repeat(3, -1)
    pixels = to_tensor(pictures)
    assert pixels.shape == (2, 3, 8, 16) and (pixels.min(), pixels.max()) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(pixels), pictures)
    np.testing.assert_array_equal(to_uint8(to_tensor(pictures[0])), pictures[0])


def test_values_out_of_range_are_clamped_and_others_rounded() -> None:
    pixels = torch.tensor([-1.5, 1.5, 0.003]).view(3, 1, 1)
    assert to_uint8(pixels).tolist() == [[[0, 255, 128]]]
