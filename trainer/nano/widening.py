"""Weights of a network for one whose UNet has twice the channels and draws the same at first (Net2Net: Chen et al.,
2016): training continues with more channels instead of from the beginning.

Inputs that were added to the first convolution since, and outputs that were added to the last one, begin with weights
of zero. Every channel is there twice. A layer that reads channels divides its weight between the two copies, unevenly
at random: otherwise both copies would get the same gradients for ever. Copies are neighbours, so group norms keep their
means.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from engine.backbones.nano.network import HEAD_DIM
from trainer.errors import DataError

UNEVEN: Final = 0.3
"""The standard deviation of the share by which the copies differ from half of a weight."""
FIRST: Final = ("conv_in.weight", "enter.weight")
"""The first convolutions of the UNet and of LayoutPredictor."""
LAST: Final = ("conv_out.weight", "conv_out.bias")
ROWS, COLUMNS = 0, 1


def widened(weights: dict[str, Tensor], shapes: dict[str, torch.Size], seed: int = 0) -> dict[str, Tensor]:
    """weights of a UNet or a ReferenceEncoder by name -> the same of `shapes`, in which dimensions are equal or twice
    as long. Raises DataError for others."""
    generator = torch.Generator().manual_seed(seed)
    return {name: _widened(name, weights[name], shape, generator) for name, shape in shapes.items()}


def _widened(name: str, weight: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    if name in FIRST and weight.shape[COLUMNS] < shape[COLUMNS]:
        new_inputs = torch.zeros(len(weight), shape[COLUMNS] - weight.shape[COLUMNS], *weight.shape[2:])
        weight = torch.cat([weight, new_inputs], COLUMNS)
    if name in LAST and len(weight) < shape[ROWS]:
        weight = torch.cat([weight, torch.zeros(shape[ROWS] - len(weight), *weight.shape[1:])])
    for dimension, (size, wider) in enumerate(zip(weight.shape, shape, strict=True)):
        if wider == size:
            continue
        if wider != 2 * size:
            raise DataError(f"expected {name} of {size} or {2 * size} channels, got {wider}: choose another size")
        if name == "time_embedding.linear_1.weight" and dimension == COLUMNS:
            # twice as many frequencies of the time: every second is an old one
            weight = torch.stack([weight, torch.zeros_like(weight)], 2).flatten(1)
            continue
        source = torch.arange(size).repeat_interleave(2)
        if _is_of_heads(name, dimension):  # a head's dimensions stay together
            source = torch.arange(size).view(-1, HEAD_DIM).repeat_interleave(2, 0).flatten()
        weight = weight.index_select(dimension, source)
        if dimension == COLUMNS:
            weight = weight * _shares(weight.shape, source, generator)
    return weight


def _is_of_heads(name: str, dimension: int) -> bool:
    if ".to_out." in name:
        return dimension == COLUMNS
    return dimension == ROWS and any(part in name for part in (".to_q.", ".to_k.", ".to_v."))


def _shares(shape: torch.Size, source: Tensor, generator: torch.Generator) -> Tensor:
    """Factors of that shape that sum to 1 over the two copies of each column."""
    noise = UNEVEN * torch.randn(shape, generator=generator)
    shares = torch.empty(shape)
    order = torch.argsort(source, stable=True)
    first, second = order[0::2], order[1::2]
    shares[:, first] = 0.5 + noise[:, first]
    shares[:, second] = 0.5 - noise[:, first]
    return shares
