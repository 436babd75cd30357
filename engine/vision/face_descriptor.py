"""Face embeddings by which two photos are compared: dlib's ResNet, from the package of its models (CC0). King, High
Quality Face Recognition with Deep Metric Learning, 2017. The file is in dlib's serialization; only the parameters of
the layers are read, in the order of the forward pass.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from engine.errors import WeightsError
from engine.hub.packaged import locate
from engine.identity.faces import Face
from engine.vision.age import MEAN_RGB, face_chip

WEIGHTS: Final = "dlib_face_recognition_resnet_model_v1.dat"
CHIP_PX: Final = 150
PADDING: Final = 0.25
"""The margin around the face on each side of the chip, in sides of the face."""
SIZE: Final = 128
FACE_MIN_PX: Final = 40.0
"""The least side of a face: smaller faces of one person differ as much as those of two people."""
STRANGERS_MIN: Final = 0.6
"""The distance from which two faces count as two people's; docs/photos.md has the error rates."""

_LAYER: Final = re.compile(rb"\x01[\x04\x05\x07](con_4|affine_|fc_2)")
_CONVOLUTIONS: Final = 29


class _Convolution(nn.Module):
    def __init__(self, weights: Tensor, bias: Tensor, stride: int) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.register_buffer("bias", bias)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        weights, bias = self.get_buffer("weights"), self.get_buffer("bias")
        return F.conv2d(x, weights, bias, self.stride, padding=1 if self.stride == 1 else 0)


class DlibNetwork(nn.Module):
    """The frozen network; gradients flow to the chips."""

    def __init__(self, path: Path) -> None:
        """Raises WeightsError for a file that is not dlib's."""
        super().__init__()
        try:
            convolutions, last = _parameters(path.read_bytes())
        except (OSError, ValueError, IndexError) as error:
            raise WeightsError(f"expected dlib's network in {path}, got {error}") from error
        self._convolutions = nn.ModuleList(convolutions)
        self.register_buffer("_last", last)
        self.register_buffer("_mean", torch.from_numpy(MEAN_RGB)[:, None, None])

    def forward(self, chips: Tensor) -> Tensor:
        """chips [B, 3, CHIP_PX, CHIP_PX], RGB in 0..255 -> [B, SIZE] in units of STRANGERS_MIN."""
        first, *others = self._convolutions
        x = F.max_pool2d(F.relu(first((chips - self.get_buffer("_mean")) / 256)), 3, 2)
        for inner, outer in zip(others[::2], others[1::2], strict=True):
            skipped = x if inner.stride == 1 else F.avg_pool2d(x, 2, 2)
            x = F.relu(_sum(outer(F.relu(inner(x))), skipped))
        described: Tensor = x.mean((2, 3)) @ self.get_buffer("_last") / STRANGERS_MIN
        return described


class FaceDescriptor:
    """Embeds faces."""

    def __init__(self, state: Path) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = DlibNetwork(locate("same_person", WEIGHTS, state))

    def describe(self, image: Image.Image, face: Face) -> NDArray[np.float32] | None:
        """float32 [SIZE], in units of STRANGERS_MIN: two faces at a distance above 1 are of two people. None for a face
        below FACE_MIN_PX and for one without landmarks."""
        if face.side_px < FACE_MIN_PX or face.landmarks is None:
            return None
        chip = face_chip(image, face, CHIP_PX, PADDING)
        with torch.inference_mode():
            found = self._network(torch.from_numpy(chip.transpose(2, 0, 1)[None].astype(np.float32)))
        return np.asarray(found[0].numpy(), np.float32)


def _sum(x: Tensor, y: Tensor) -> Tensor:
    """The sum of two maps of different sizes: the smaller one is padded with zeros, channels included."""
    sides = [max(pair) for pair in zip(x.shape[1:], y.shape[1:], strict=True)]
    return sum((_extended(each, sides) for each in (x, y)), torch.zeros(()))


def _extended(x: Tensor, sides: list[int]) -> Tensor:
    missing = [side - length for side, length in zip(sides, x.shape[1:], strict=True)]
    return F.pad(x, (0, missing[2], 0, missing[1], 0, missing[0]))


def _parameters(data: bytes) -> tuple[list[_Convolution], Tensor]:
    """The convolutions, each fused with the scale and shift that follow it, and the last layer's matrix [256, SIZE].

    Raises ValueError where the layers are not those of the network."""
    convolutions: list[_Convolution] = []
    last: Tensor | None = None
    for found in _LAYER.finditer(data):
        at, name = found.end(), found.group(1)
        if name == b"fc_2":
            _, at = _integer(data, at)
            _, at = _integer(data, at)
        values, at = _tensor(data, at)
        if name == b"con_4":
            count, rows, columns, stride = _integers(data, at, 4)
            weights = torch.from_numpy(values[:-count].reshape(count, -1, rows, columns))
            convolutions.append(_Convolution(weights, torch.from_numpy(values[-count:]), stride))
        elif name == b"affine_":
            before = convolutions.pop()
            factors, shifts = torch.from_numpy(values).chunk(2)
            weights = before.get_buffer("weights") * factors[:, None, None, None]
            bias = before.get_buffer("bias") * factors + shifts
            convolutions.append(_Convolution(weights, bias, before.stride))
        else:
            last = torch.from_numpy(values.reshape(-1, SIZE))
    if last is None or len(convolutions) != _CONVOLUTIONS:
        raise ValueError(f"{len(convolutions)} convolutions of {_CONVOLUTIONS}")
    return convolutions, last


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """An integer in dlib's format (its length in bytes, then little-endian bytes), and the offset of the next item."""
    end = at + 1 + (data[at] & 15)
    return int.from_bytes(data[at + 1 : end], "little"), end


def _integers(data: bytes, at: int, count: int) -> list[int]:
    numbers = []
    for _ in range(count):
        number, at = _integer(data, at)
        numbers.append(number)
    return numbers


def _tensor(data: bytes, at: int) -> tuple[NDArray[np.float32], int]:
    """The values float32 [N] of a tensor, and the offset of the next item."""
    _, at = _integer(data, at)
    sides = []
    for _ in range(4):
        side, at = _integer(data, at)
        sides.append(side)
    count = int(np.prod(sides))
    return np.frombuffer(data, "<f4", count, at).copy(), at + 4 * count
