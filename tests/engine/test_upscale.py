"""Enlarging by four: weights are read from ncnn's files; without them, enlarging is bicubic."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine import upscale
from engine.errors import WeightsError
from engine.upscale import BIN, HALVES, PARAM, CompactNet, Upscaler, open_upscaler, read_ncnn

WIDTHS = (3, 5, 48)
LAYERS = [
    "Input input.1 0 1 data",
    "Split splitncnn_0 1 2 data a b",
    f"Convolution Conv_0 1 1 b 1 0={WIDTHS[1]} 1=3 4=1 5=1 6={3 * 5 * 9}",
    "PReLU PRelu_1 1 1 1 2 0=5",
    f"Convolution Conv_2 1 1 2 3 0=48 1=3 4=1 5=1 6={5 * 48 * 9}",
    "PixelShuffle Shuffle_3 1 1 3 4 0=4",
    "Interp Resize_4 1 1 a 5 0=1 1=4.000000e+00 2=4.000000e+00",
    "BinaryOp Add_5 2 1 4 5 output",
]


def write(folder: Path, network: CompactNet, halves: bool, layers: list[str] = LAYERS) -> tuple[Path, Path]:
    """The two files of `network` as ncnn writes them."""
    content = b""
    for layer in network.body:
        values = layer.weight.detach().numpy().astype("<f4")
        if isinstance(layer, torch.nn.Conv2d):
            packed = values.astype("<f2" if halves else "<f4").tobytes()
            content += (HALVES if halves else 0).to_bytes(4, "little") + packed + b"\0" * (-len(packed) % 4)
            values = layer.bias.detach().numpy().astype("<f4")
        content += values.tobytes()
    (folder / PARAM).write_text("\n".join(["7767517", "8 9", *layers]) + "\n")
    (folder / BIN).write_bytes(content)
    return folder / PARAM, folder / BIN


@pytest.fixture
def network() -> CompactNet:
    torch.manual_seed(0)
    return CompactNet(list(WIDTHS))


@pytest.mark.parametrize("halves", [True, False])
def test_the_files_give_back_the_network(network: CompactNet, tmp_path: Path, halves: bool) -> None:
    read = read_ncnn(*write(tmp_path, network, halves))
    expected, got = network.state_dict(), read.state_dict()
    assert expected.keys() == got.keys()
    assert all(torch.allclose(expected[name], got[name], atol=1e-3 if halves else 0) for name in expected)


def test_a_network_of_zeros_repeats_the_pixels(network: CompactNet) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8))
    enlarged = Upscaler(network).enlarge(picture)
    assert (np.asarray(enlarged) == np.asarray(picture).repeat(4, 0).repeat(4, 1)).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda layers: [*layers[:5], *layers[6:]], "got layers"),
        (lambda layers: [line.replace("0=48 ", "0=12 ").replace("6=2160", "6=540") for line in layers], "12 channels"),
        (lambda layers: [line.replace("1=3 ", "1=5 ") for line in layers], "a convolution with"),
    ],
)
def test_another_structure_is_refused(
    network: CompactNet, tmp_path: Path, change: Callable[[list[str]], list[str]], reason: str
) -> None:
    files = write(tmp_path, network, False, change(LAYERS))
    with pytest.raises(WeightsError, match=reason):
        read_ncnn(*files)


@pytest.mark.parametrize("change", [lambda content: content[:-4], lambda content: content + b"\0" * 4])
def test_a_file_of_another_length_is_refused(
    network: CompactNet, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    param, content = write(tmp_path, network, True)
    content.write_bytes(change(content.read_bytes()))
    with pytest.raises(WeightsError, match="doctor --download realesrgan"):
        read_ncnn(param, content)


def test_weights_of_an_unknown_type_are_refused(network: CompactNet, tmp_path: Path) -> None:
    param, content = write(tmp_path, network, True)
    content.write_bytes(b"\x99" + content.read_bytes()[1:])
    with pytest.raises(WeightsError, match="weights marked"):
        read_ncnn(param, content)


def test_absent_weights_mean_bicubic_and_are_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    upscale._say_bicubic.cache_clear()
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8))
    with caplog.at_level(logging.WARNING, "engine.upscale"):
        upscalers = [open_upscaler(tmp_path) for _ in range(2)]
    assert not upscalers[0].learned
    assert upscalers[1].enlarge(picture) == picture.resize((20, 24), Image.Resampling.BICUBIC)
    (line,) = caplog.messages
    assert "bicubically" in line and "doctor --download realesrgan" in line


def test_the_real_network_keeps_the_picture_and_sharpens_it(
    fetched: Callable[[str], Path], astronaut: Image.Image
) -> None:
    upscaler = open_upscaler(fetched("realesrgan"))
    face = astronaut.crop((150, 30, 310, 190))
    small = face.resize((40, 40), Image.Resampling.BOX)
    enlarged = upscaler.enlarge(small)
    assert upscaler.learned and enlarged.size == face.size
    back = np.asarray(enlarged.resize(small.size, Image.Resampling.BOX), float)
    assert np.abs(back - np.asarray(small)).mean() < 9
    bicubic = small.resize(face.size, Image.Resampling.BICUBIC)
    edges = [np.abs(np.diff(np.asarray(picture.convert("L"), float))).max() for picture in (enlarged, bicubic)]
    assert edges[0] > edges[1]
