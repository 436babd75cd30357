"""The network behind the genuine FID and KID: Inception-v3 (Szegedy et al., 2016) as Heusel et al. (2017) use it.

Its weights are public under the name pt_inception-2015-12-05-6726825d.pth, TensorFlow's of 2015 laid out as torchvision
names them. They differ from torchvision's own network in pooling: averages leave the padding out, and the last block
takes a maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.pixels import to_tensor
from trainer.errors import CheckpointError

WEIGHTS: Final = "pt_inception-2015-12-05-6726825d.pth"
INPUT_PX: Final = 299
FEATURES: Final = 2048
UNUSED: Final = ("fc.", "AuxLogits.")

Layer = tuple[str, int, int | tuple[int, int]]
"""Name, output channels, kernel."""


class Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU; padded to keep the size unless `valid`."""

    def __init__(self, channels: int, out: int, kernel: int | tuple[int, int], stride: int = 1, valid: bool = False):
        super().__init__()
        high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (0, 0) if valid else (high // 2, wide // 2)
        self.conv = nn.Conv2d(channels, out, (high, wide), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class InceptionBlock(nn.Module):
    """Parallel chains of convolutions and a pooled branch; `halving` blocks end each chain with stride 2. split: two
    ends of a chain that read the same input. pool: channels of the pooled branch's projection, 0 for the pooled input
    itself."""

    def __init__(
        self,
        channels: int,
        chains: Sequence[Sequence[Layer]],
        pool: int,
        halving: bool = False,
        split: Sequence[Sequence[Layer]] = (),
        maximum: bool = False,
    ) -> None:
        super().__init__()
        self.names = [[name for name, _, _ in chain] for chain in chains]
        self.ends = [[name for name, _, _ in ends] for ends in split] or [[] for _ in chains]
        self.halving, self.maximum = halving, maximum or halving
        self.out = pool or channels
        for number, chain in enumerate(chains):
            before = channels
            for index, (name, out, kernel) in enumerate(chain):
                last = halving and index == len(chain) - 1
                self.add_module(name, Convolution(before, out, kernel, 2 if last else 1, valid=last))
                before = out
            ends = split[number] if split else ()
            for name, out, kernel in ends:
                self.add_module(name, Convolution(before, out, kernel))
            self.out += sum(out for _, out, _ in ends) if ends else before
        self.pooled = pool > 0
        if self.pooled:
            self.branch_pool = Convolution(channels, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for names, ends in zip(self.names, self.ends, strict=True):
            y = x
            for name in names:
                y = self.get_submodule(name)(y)
            parts += [self.get_submodule(name)(y) for name in ends] or [y]
        pooled = self._pool(x)
        return torch.cat([*parts, self.branch_pool(pooled) if self.pooled else pooled], 1)

    def _pool(self, x: Tensor) -> Tensor:
        if self.halving:
            return F.max_pool2d(x, 3, 2)
        if self.maximum:
            return F.max_pool2d(x, 3, 1, 1)
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _local(channels: int, pool: int) -> InceptionBlock:
    doubled: list[Layer] = [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]
    return InceptionBlock(
        channels, [[("branch1x1", 64, 1)], [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)], doubled], pool
    )


def _shrinking(channels: int) -> InceptionBlock:
    doubled: list[Layer] = [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]
    return InceptionBlock(channels, [[("branch3x3", 384, 3)], doubled], 0, halving=True)


def _crossed(width: int) -> InceptionBlock:
    """7 x 7 as 1 x 7 and 7 x 1, once and twice."""
    once: list[Layer] = [("branch7x7_1", width, 1), ("branch7x7_2", width, (1, 7)), ("branch7x7_3", 192, (7, 1))]
    kernels: list[int | tuple[int, int]] = [1, (7, 1), (1, 7), (7, 1), (1, 7)]
    twice: list[Layer] = [(f"branch7x7dbl_{n + 1}", 192 if n == 4 else width, k) for n, k in enumerate(kernels)]
    return InceptionBlock(768, [[("branch1x1", 192, 1)], once, twice], 192)


def _shrinking_again() -> InceptionBlock:
    kernels: list[int | tuple[int, int]] = [1, (1, 7), (7, 1), 3]
    strips: list[Layer] = [(f"branch7x7x3_{n + 1}", 192, kernel) for n, kernel in enumerate(kernels)]
    return InceptionBlock(768, [[("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)], strips], 0, halving=True)


def _forked(channels: int, maximum: bool) -> InceptionBlock:
    chains: list[list[Layer]] = [
        [("branch1x1", 320, 1)],
        [("branch3x3_1", 384, 1)],
        [("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3)],
    ]
    ends: list[list[Layer]] = [
        [],
        [("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1))],
        [("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1))],
    ]
    return InceptionBlock(channels, chains, 192, split=ends, maximum=maximum)


class Inception(nn.Module):
    """[B, 3, H, W] in [-1, 1] -> features [B, FEATURES] of the last pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2, valid=True)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3, valid=True)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3, valid=True)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _local(192, 32), _local(256, 64), _local(288, 64)
        self.Mixed_6a = _shrinking(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = (_crossed(width) for width in (128, 160, 160, 192))
        self.Mixed_7a = _shrinking_again()
        self.Mixed_7b, self.Mixed_7c = _forked(1280, maximum=False), _forked(2048, maximum=True)

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, size=(INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, 2)
        x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean((2, 3))

    @torch.inference_mode()
    def features(self, images: NDArray[np.uint8], batch: int = 32) -> NDArray[np.float32]:
        """uint8 [n, H, W, 3] -> float32 [n, FEATURES]."""
        device, starts = next(self.parameters()).device, range(0, len(images), batch)
        rows = [self(to_tensor(images[first : first + batch]).to(device)).cpu() for first in starts]
        features: NDArray[np.float32] = torch.cat(rows).numpy()
        return features


def load_inception(folder: Path) -> Inception:
    """The network. Raises CheckpointError where its weights are absent or others."""
    network = Inception()
    weights = read_weights(folder / WEIGHTS, "Inception-v3 as FID uses it (published with pytorch-fid)")
    fit_weights(network, {k: v for k, v in weights.items() if not k.startswith(UNUSED)}, folder / WEIGHTS)
    return network.eval().requires_grad_(False)


def read_weights(path: Path, what: str) -> dict[str, Tensor]:
    """A state dict from disk. Raises CheckpointError, in one line, for an absent file and for one that is no state
    dict."""
    if not path.is_file():
        raise CheckpointError(f"expected {path}: {what}, found none; download it into that folder")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"expected weights in {path}, got {type(error).__name__}; download it again") from None
    if not isinstance(weights, dict):
        raise CheckpointError(f"expected named weights in {path}, got {type(weights).__name__}; download it again")
    return weights


def fit_weights(network: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Loads weights that must fit by name and shape; batch counters, which older files lack, are ignored."""
    state = network.state_dict()
    counters = {name for name in state if name.endswith("num_batches_tracked")}
    shapes = {name: tuple(state[name].shape) for name in state.keys() - counters}
    given = {name: tuple(value.shape) for name, value in weights.items() if name not in counters}
    wrong = sorted(name for name in shapes.keys() | given.keys() if shapes.get(name) != given.get(name))
    if wrong:
        raise CheckpointError(f"expected other weights in {path}, {len(wrong)} do not fit ({wrong[0]} first)")
    network.load_state_dict(weights, strict=False)
