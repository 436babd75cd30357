"""Pictures enlarged four times by Real-ESRGAN's small network, or bicubically where its weights are absent.

Wang et al., Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data, 2021; the network is its
SRVGGNetCompact (realesr-animevideov3), read from the files of the ncnn framework.
"""

from __future__ import annotations

import logging
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from engine.errors import WeightsError
from engine.hub.packaged import locate

log = logging.getLogger(__name__)

PARAM, BIN = "realesr-animevideov3-x4.param", "realesr-animevideov3-x4.bin"
SCALE: Final = 4
HALVES: Final = 0x01306B47
"""ncnn's mark of weights in float16; 0 marks float32."""
TAIL: Final = ["PixelShuffle", "Interp", "BinaryOp"]
"""The step after the convolutions: shuffled channels plus the nearest-neighbour picture."""


class CompactNet(nn.Module):
    """Convolutions of 3 x 3, each but the last followed by PReLU; their output, shuffled into SCALE times the size, is
    added to the picture."""

    def __init__(self, widths: list[int]) -> None:
        """`widths`: channels before, between and after the convolutions, from 3 to 3 SCALE^2."""
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.PReLU(after)]
        self.body = nn.Sequential(*layers[:-1])
        self.shuffle = nn.PixelShuffle(SCALE)

    def forward(self, picture: Tensor) -> Tensor:
        """float [B, 3, H, W] in 0 to 1 -> float [B, 3, 4H, 4W], which may slightly exceed 0 to 1."""
        details: Tensor = self.shuffle(self.body(picture))
        return details + nn.functional.interpolate(picture, scale_factor=SCALE, mode="nearest")


class Upscaler:
    """Enlarges pictures four times by the network, or bicubically without one."""

    def __init__(self, network: CompactNet | None, device: str = "cpu") -> None:
        self._network = None if network is None else network.eval().to(device)
        self._device = device

    @property
    def learned(self) -> bool:
        """Whether a network draws the details."""
        return self._network is not None

    def enlarge(self, image: Image.Image) -> Image.Image:
        """RGB, four times as wide and high. Needs about 200 float32 numbers of memory per pixel of `image`."""
        picture = image.convert("RGB")
        if self._network is None:
            return picture.resize((picture.width * SCALE, picture.height * SCALE), Image.Resampling.BICUBIC)
        values = torch.from_numpy(np.array(picture)).to(self._device).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            (enlarged,) = self._network(values).clamp(0, 1)
        return Image.fromarray((enlarged * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def open_upscaler(state: Path | None, device: str = "cpu") -> Upscaler:
    """The network with the weights below `state` (ENGINE_STATE). Where they are absent, or `state` is None, the
    upscaler is bicubic, with one log line per process. Raises WeightsError for files that cannot be read."""
    if state is None:
        return Upscaler(None, device)
    try:
        param, content = locate("realesrgan", PARAM, state), locate("realesrgan", BIN, state)
    except WeightsError as error:
        _say_bicubic(str(error))
        return Upscaler(None, device)
    return Upscaler(read_ncnn(param, content), device)


@cache
def _say_bicubic(reason: str) -> None:
    log.warning("pictures are enlarged bicubically: %s", reason)


def read_ncnn(param: Path, content: Path) -> CompactNet:
    """The network that ncnn's two files describe. Raises WeightsError for one of another structure."""
    try:
        widths = _widths(param.read_text("utf-8"))
        network = CompactNet(widths)
        _fill(network, content.read_bytes())
    except (ValueError, IndexError, KeyError) as error:
        raise WeightsError(
            f"expected SRVGGNetCompact for {SCALE} times in {param} and {content.name}, got {error}: "
            "delete both and run python -m engine doctor --download realesrgan"
        ) from error
    return network


def _widths(text: str) -> list[int]:
    """Channels before, between and after the convolutions of a .param file: magic number, counts, one layer per line.

    A line: type, name, numbers of inputs and outputs, their names, then key=value."""
    lines = [line.split() for line in text.splitlines()[2:] if line.strip()]
    kinds = [line[0] for line in lines if line[0] not in ("Input", "Split")]
    count = kinds.count("Convolution")
    expected = ["Convolution", "PReLU"] * (count - 1) + ["Convolution", *TAIL]
    if kinds != expected:
        raise ValueError(f"layers {' '.join(kinds)}")
    widths = [3]
    for line in lines:
        if line[0] == "Convolution":
            settings = dict(entry.split("=") for entry in line[2:] if "=" in entry)
            outputs, side, weights = int(settings["0"]), int(settings["1"]), int(settings["6"])
            if side != 3 or weights != widths[-1] * outputs * 9:
                raise ValueError(f"a convolution with {' '.join(line)}")
            widths.append(outputs)
    if widths[-1] != 3 * SCALE**2:
        raise ValueError(f"{widths[-1]} channels at the end")
    return widths


def _fill(network: CompactNet, content: bytes) -> None:
    """A .bin file: arrays in the order of the layers. Weights of convolutions begin with a mark of their type, and are
    padded to 4 bytes; biases and slopes are plain float32."""
    place = 0

    def take(target: Tensor, kind: str) -> None:
        nonlocal place
        count = target.numel()
        values = np.frombuffer(content, kind, count, place).astype(np.float32)
        place += -(-count * np.dtype(kind).itemsize // 4) * 4
        target.copy_(torch.from_numpy(values).view_as(target))

    def take_marked(target: Tensor) -> None:
        nonlocal place
        mark = int.from_bytes(content[place : place + 4], "little")
        if mark not in (HALVES, 0):
            raise ValueError(f"weights marked {mark:#x}")
        place += 4
        take(target, "<f2" if mark == HALVES else "<f4")

    with torch.no_grad():
        for layer in network.body:
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                take_marked(layer.weight)
                take(layer.bias, "<f4")
            elif isinstance(layer, nn.PReLU):
                take(layer.weight, "<f4")
    if place != len(content):
        raise ValueError(f"{len(content) - place} bytes more than the layers hold")
