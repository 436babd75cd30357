"""The weights that a run can go on from fit the network that is trained, also one of twice the width."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import trainer
from engine.backbones.nano.attributes import SLOTS
from engine.backbones.nano.network import (
    BODY_SIZE,
    FACE_SIZE,
    SIZES,
    VIEW_CHANNELS,
    NanoNetwork,
    NetworkSize,
    ReferenceViews,
    build_network,
)
from engine.backbones.nano.pipeline import load_nano
from engine.body.atlas import shipped_atlas
from engine.body.body_map import BodyMaps
from engine.body.texture import TEXTURE_CHANNELS
from trainer.errors import DataError
from trainer.nano.run import begin_with
from trainer.nano.widening import widened

START = Path(trainer.__file__).parent / "weights" / "nano"


def network_of(spread: Tensor, size: NetworkSize) -> NanoNetwork:
    return build_network(spread, shipped_atlas(), size=size).eval()


@torch.no_grad()
def predicted(network: NanoNetwork) -> Tensor:
    source = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source)

    surface = torch.randint(0, 500, (2, 120, 80), generator=source)
    maps = BodyMaps(surface, random(2, 3, 120, 80).clamp(-1, 1))
    views = ReferenceViews(
        random(2, VIEW_CHANNELS, FACE_SIZE, FACE_SIZE), random(2, VIEW_CHANNELS, BODY_SIZE[1], BODY_SIZE[0])
    )
    values = torch.ones(2, len(SLOTS), dtype=torch.int64)
    conditioning = network.condition(values, views, torch.ones(2, 2), maps, random(2, TEXTURE_CHANNELS, 120, 80))
    z = random(2, len(network.spread), 60, 40)
    return network.predict(z, torch.tensor([0.2, 0.7]), conditioning)[0]


@pytest.fixture
def kept() -> NanoNetwork:
    return load_nano(START)[0].network


@pytest.fixture
def small(kept: NanoNetwork) -> NanoNetwork:
    network = network_of(kept.spread, SIZES["small"])
    begin_with(network, kept)
    return network


def test_a_run_can_begin_with_the_weights_that_are_kept(kept: NanoNetwork, small: NanoNetwork) -> None:
    learned = kept.state_dict()
    assert all(torch.equal(value, learned[name]) for name, value in small.state_dict().items())


def test_a_network_of_twice_the_width_begins_with_the_same_predictions(kept: NanoNetwork, small: NanoNetwork) -> None:
    network = network_of(kept.spread, SIZES["medium"])
    before, expected = predicted(network), predicted(small)

    begin_with(network, kept)

    assert (before - expected).abs().mean() > 0.05
    assert torch.allclose(predicted(network), expected, atol=2e-3)


def test_copies_of_a_channel_are_read_with_weights_of_their_own(kept: NanoNetwork) -> None:
    network = network_of(kept.spread, SIZES["medium"])
    begin_with(network, kept)

    weight = network.unet.mid_block.resnets[0].conv1.weight

    assert torch.allclose(weight[0].sum(), weight[1].sum(), atol=1e-4)
    assert not torch.allclose(weight[0, 0], weight[0, 1])


def test_inputs_that_joined_the_first_convolution_begin_with_zeros() -> None:
    weight = torch.randn(2, 3, 3, 3)

    found = widened({"conv_in.weight": weight}, {"conv_in.weight": torch.Size((2, 5, 3, 3))})["conv_in.weight"]

    assert torch.equal(found[:, :3], weight)
    assert torch.count_nonzero(found[:, 3:]) == 0


def test_other_widths_are_refused(kept: NanoNetwork) -> None:
    with pytest.raises(DataError, match=r"expected .* channels"):
        begin_with(network_of(kept.spread, NetworkSize((48, 96, 192), (1, 1, 1), 128, 2)), kept)
