"""The way from a draft to a picture and back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.adapter.bridge import NOISE, beside, clean_of, on_the_way, step
from engine.adapter.guide import Guidance

SPREAD = torch.tensor([4.0, 1.0, 0.01]).view(1, 3, 1, 1)


@pytest.fixture
def ends() -> tuple[Tensor, Guidance]:
    """A picture's latents and a draft's that lacks as much as it is said to."""
    torch.manual_seed(0)
    draft = 3 * torch.randn(1, 3, 120, 120)
    clean = draft + SPREAD.sqrt() * torch.randn_like(draft)
    return clean, Guidance(torch.zeros(1, 2, 120, 120), draft, SPREAD.expand_as(draft))


def at(time: float) -> Tensor:
    return torch.tensor([time])


def test_the_way_begins_at_the_draft_and_ends_at_the_picture(ends: tuple[Tensor, Guidance]) -> None:
    clean, guidance = ends
    noise = torch.randn_like(clean)
    assert torch.allclose(on_the_way(clean, at(1.0), guidance, noise), guidance.latents, atol=1e-5)
    assert torch.equal(on_the_way(clean, at(0.0), guidance, noise), clean)
    assert torch.equal(clean_of(torch.zeros_like(clean), guidance.latents, at(1.0), guidance), guidance.latents)


@pytest.mark.parametrize("time", [0.05, 0.5, 0.75, 0.99])
def test_what_is_read_and_foretold_has_unit_variance(ends: tuple[Tensor, Guidance], time: float) -> None:
    clean, guidance = ends
    latents = on_the_way(clean, at(time), guidance, torch.randn_like(clean))
    read = beside(latents, at(time), guidance)
    assert torch.allclose(read[:, :3].var((0, 2, 3)), torch.ones(3), atol=0.05)
    assert torch.equal(read[:, 3:], guidance.channels)
    nothing = clean_of(torch.zeros_like(clean), latents, at(time), guidance)
    one = clean_of(torch.ones_like(clean), latents, at(time), guidance)
    wanted = (clean - nothing) / (one - nothing)
    assert torch.allclose(wanted.var((0, 2, 3)), torch.ones(3), atol=0.05)
    linked = (wanted * read[:, :3]).mean((0, 2, 3))
    assert float(linked.abs().max()) < 0.05, "what the latents tell alone is told already"


def test_steps_towards_the_picture_stay_on_its_way(ends: tuple[Tensor, Guidance]) -> None:
    clean, guidance = ends
    latents, noises = guidance.latents, torch.randn(4, *clean.shape)
    for number, noise in enumerate(noises):
        start, end = 1 - number / 4, 1 - (number + 1) / 4
        latents = step(latents, clean, start, end, guidance, noise)
        off = latents - (clean + end * (guidance.latents - clean))
        wanted = NOISE**2 * end * (1 - end) * SPREAD.flatten()
        assert torch.allclose(off.var((0, 2, 3)), wanted, rtol=0.06, atol=1e-9)
    assert torch.equal(latents, clean)


def test_without_noise_a_step_is_the_straight_way(ends: tuple[Tensor, Guidance]) -> None:
    clean, guidance = ends
    half = step(guidance.latents, clean, 1.0, 0.5, guidance, torch.zeros_like(clean))
    assert torch.allclose(half, (clean + guidance.latents) / 2, atol=1e-5)
