"""A run can begin with the weights of a pipeline of the same width or half the width."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.backbones import SHIPPED_NANO
from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.appearance import VIEW_CHANNELS, Appearance, ReferenceViews
from engine.backbones.nano.attributes import SLOTS
from engine.backbones.nano.network import (
    BODY_SIZE,
    FACE_SIZE,
    SIZES,
    NanoNetwork,
    NetworkSize,
    build_network,
)
from engine.backbones.nano.pipeline import load_nano
from engine.body.atlas import shipped_atlas
from engine.body.body_map import BodyMaps
from engine.body.texture import PARTS, TEXTURE_CHANNELS
from trainer.errors import DataError
from trainer.nano.run import begin_with
from trainer.nano.widening import widened

START = SHIPPED_NANO


def network_of(size: NetworkSize) -> NanoNetwork:
    vae: NanoAutoencoder = NanoAutoencoder.from_pretrained(START / "vae", torch_dtype=torch.float32)
    return build_network(vae, shipped_atlas(), size=size).eval()


@torch.no_grad()
def predicted(network: NanoNetwork) -> Tensor:
    source = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source)

    def parts(*shape: int) -> Tensor:
        return torch.randint(0, PARTS, shape, generator=source)

    surface = torch.randint(0, 500, (2, 120, 80), generator=source)
    maps = BodyMaps(surface, random(2, 3, 120, 80).clamp(-1, 1))
    views = ReferenceViews(
        random(2, VIEW_CHANNELS, FACE_SIZE, FACE_SIZE),
        parts(2, FACE_SIZE, FACE_SIZE),
        random(2, VIEW_CHANNELS, BODY_SIZE[1], BODY_SIZE[0]),
        parts(2, BODY_SIZE[1], BODY_SIZE[0]),
    )
    values = torch.ones(2, len(SLOTS), dtype=torch.int64)
    texture = random(2, TEXTURE_CHANNELS + PARTS, 120, 80)
    head, head_parts = torch.zeros(2, 4, 240, 160), torch.zeros(2, 240, 160, dtype=torch.int64)
    appearance = Appearance(views, torch.ones(2, 2), texture, torch.zeros(2, PARTS, 4), head, head_parts)
    background = random(2, 3, 60, 40).clamp(-1, 1)
    conditioning = network.condition(values, appearance, maps, parts(2, 240, 160), background)
    z = random(2, len(network.spread), 60, 40)
    return network.predict(z, torch.tensor([0.2, 0.7]), conditioning).clean


@pytest.fixture(scope="module")
def small() -> NanoNetwork:
    torch.manual_seed(0)
    network = network_of(SIZES["small"])
    torch.nn.init.normal_(network.unet.conv_out.weight, std=0.1)  # untrained, it would give zeros
    return network


@pytest.fixture(scope="module")
def folder(small: NanoNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of `small` in the layout of a pipeline."""
    path = tmp_path_factory.mktemp("small")
    for name in ("unet", "words", "references", "palette"):
        (path / name).mkdir()
        weights = {key: value.contiguous() for key, value in small.get_submodule(name).state_dict().items()}
        save_file(weights, path / name / "diffusion_pytorch_model.safetensors")
    return path


def test_a_run_can_begin_with_the_shipped_weights() -> None:
    network, kept = network_of(SIZES["medium"]), load_nano(START)[0].network
    begin_with(network, START)

    own = kept.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in network.state_dict().items())


def test_a_network_of_twice_the_width_begins_with_the_same_predictions(small: NanoNetwork, folder: Path) -> None:
    network = network_of(SIZES["medium"])
    before, expected = predicted(network), predicted(small)

    begin_with(network, folder)

    assert (before - expected).abs().mean() > 0.05
    assert torch.allclose(predicted(network), expected, atol=2e-3)


def test_copies_of_a_channel_are_read_with_weights_of_their_own(folder: Path) -> None:
    network = network_of(SIZES["medium"])
    begin_with(network, folder)

    weight = network.unet.mid_block.resnets[0].conv1.weight

    assert torch.allclose(weight[0].sum(), weight[1].sum(), atol=1e-4)
    assert not torch.allclose(weight[0, 0], weight[0, 1])


def test_inputs_that_joined_the_first_convolution_begin_with_zeros() -> None:
    weight = torch.randn(2, 3, 3, 3)

    found = widened({"conv_in.weight": weight}, {"conv_in.weight": torch.Size((2, 5, 3, 3))})["conv_in.weight"]

    assert torch.equal(found[:, :3], weight)
    assert torch.count_nonzero(found[:, 3:]) == 0


def test_outputs_that_joined_the_last_convolution_begin_with_zeros() -> None:
    weights = {"conv_out.weight": torch.randn(4, 3, 3, 3), "conv_out.bias": torch.randn(4)}

    found = widened(weights, {"conv_out.weight": torch.Size((5, 3, 3, 3)), "conv_out.bias": torch.Size((5,))})

    assert all(torch.equal(found[name][:4], weight) for name, weight in weights.items())
    assert all(torch.count_nonzero(value[4:]) == 0 for value in found.values())


def test_a_folder_that_lacks_a_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found no unet: give another --start-from"):
        begin_with(network_of(SIZES["small"]), tmp_path)


def test_other_widths_are_refused() -> None:
    with pytest.raises(DataError, match=r"expected .* channels"):
        begin_with(network_of(NetworkSize((48, 96, 192), (1, 1, 1), 128, 2)), START)
