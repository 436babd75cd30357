"""Backgrounds: components preserve pictures, other seeds give other places, and names condition the drawing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.backbones.nano.attributes import encode_attributes
from engine.backbones.nano.background import (
    BackgroundDenoiser,
)
from engine.networks import load_network, save_network

BEACH, FOREST = (
    torch.tensor([encode_attributes({"place": place, "framing": "full"})]) for place in ("beach", "forest")
)


@pytest.fixture(scope="module")
def backgrounds() -> torch.Tensor:
    """Backgrounds [64, 3, 6, 4] that differ in eight directions."""
    torch.manual_seed(1)
    return (torch.randn(64, 8) @ torch.randn(8, 72)).view(64, 3, 6, 4) / 10


@pytest.fixture(scope="module")
def denoiser(backgrounds: torch.Tensor) -> BackgroundDenoiser:
    torch.manual_seed(0)
    denoiser = BackgroundDenoiser(6, 4, components=8, width=16, depth=2)
    denoiser.fit(backgrounds)
    for block in denoiser.blocks:
        torch.nn.init.normal_(block.leave.weight, std=0.1)  # untrained, it would change nothing
    return denoiser.eval().requires_grad_(False)


def test_components_of_unit_mean_square_give_the_pictures_back(
    denoiser: BackgroundDenoiser, backgrounds: torch.Tensor
) -> None:
    components = denoiser.encode(backgrounds)

    assert components.shape == (64, 8)
    assert components.square().mean().item() == pytest.approx(1, rel=1e-3)
    assert components.std(0)[0] > components.std(0)[-1]  # coarse ones are the larger
    assert torch.allclose(denoiser.decode(components), backgrounds, atol=1e-4)


def test_equal_seeds_give_equal_backgrounds_in_any_batch_and_others_differ(denoiser: BackgroundDenoiser) -> None:
    first, second = denoiser.draw(BEACH.expand(2, -1), [7, 8])

    assert torch.allclose(denoiser.draw(BEACH, [7])[0], first, atol=1e-5)
    assert (first - second).abs().max() > 0.01


def test_place_and_framing_reach_the_background(denoiser: BackgroundDenoiser) -> None:
    portrait = torch.tensor([encode_attributes({"place": "beach", "framing": "portrait"})])
    beach = denoiser.draw(BEACH, [7])

    assert not torch.equal(denoiser.draw(FOREST, [7]), beach)
    assert not torch.equal(denoiser.draw(portrait, [7]), beach)


def test_a_folder_keeps_a_denoiser(denoiser: BackgroundDenoiser, tmp_path: Path) -> None:
    save_network(denoiser, tmp_path, {"pictures": 3})

    assert torch.allclose(
        load_network(BackgroundDenoiser, tmp_path).draw(BEACH, [7]), denoiser.draw(BEACH, [7]), atol=0.02
    )
    assert '"pictures": 3' in (tmp_path / "metadata.json").read_text()
