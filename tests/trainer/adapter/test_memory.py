"""Memory by calculation: parameters as the papers count them, activations as autograd keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from torch.utils.checkpoint import checkpoint

from engine.backbones.published_unets import UNETS
from trainer.adapter.memory import EMBEDS, HIDDEN, RECIPES, KeptTensors, memory_need, memory_row
from trainer.adapter.methods import build_branches, plan_of
from trainer.adapter.recipe import Recipe

DOCUMENT = Path(__file__).parents[3] / "docs" / "training.md"
GIB = 2**30


def learned(layout: str, method: str) -> dict[str, int]:
    """Parameters of K and V, and of projections."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**UNETS[layout])
        branches = build_branches(plan_of(Recipe(method=method)), unet, HIDDEN, EMBEDS)
    parts = {"keys_values": branches.projections, "projections": branches.image_projections}
    return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}


def test_branches_are_as_large_as_the_papers_say() -> None:
    """IP-Adapter: 22M (Ye et al., 2023). SD 1.5 has 16 layers of 320 to 1280 over 768, SDXL 70 over 2048."""
    one = learned("sd15", "ip_adapter")
    assert one["keys_values"] == 2 * 768 * (5 * 320 + 5 * 640 + 6 * 1280) == 19_169_280
    assert one["projections"] == 4 * 768 * (1024 + 1) + 2 * 768 and round(sum(one.values()) / 1e6) == 22
    xl = learned("sdxl", "bolid")
    assert xl["keys_values"] == 2 * 2 * 2048 * (10 * 640 + 60 * 1280) == 2 * 340_787_200


def test_weights_and_optimizer_are_counted_exactly() -> None:
    """Four bytes each for weight, gradient and average; two moments of four bytes, or of one."""
    plain = memory_need("sd15", Recipe(method="ip_adapter", batch=1))
    eight = memory_need("sd15", Recipe(method="ip_adapter", batch=1, optimizer="adamw8bit"))
    assert plain.parameters == sum(learned("sd15", "ip_adapter").values())
    assert plain.trained * GIB == pytest.approx(plain.parameters * 20)
    assert eight.trained * GIB == pytest.approx(plain.parameters * 14)
    assert plain.base * GIB == pytest.approx(859_520_964 * 2)  # SD 1.5's published UNet, in bfloat16
    assert plain.row == eight.row > 0.5
    assert eight.total == pytest.approx(1 + 1.1 * (eight.base + eight.trained + eight.row))


def test_checkpointing_and_half_precision_keep_less() -> None:
    usual = memory_need("sd15", Recipe(method="ip_adapter"))
    checkpointed = memory_need("sd15", Recipe(method="ip_adapter", gradient_checkpointing=True))
    full = memory_need("sd15", Recipe(method="ip_adapter", precision="no", base_precision="fp32"))
    assert checkpointed.row < 0.4 * usual.row
    assert full.row > 1.2 * usual.row and full.base == pytest.approx(2 * usual.base)


def test_kept_tensors_are_those_that_autograd_keeps() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.Sigmoid(), nn.Linear(16, 4))
    tensors = KeptTensors({parameter.untyped_storage()._cdata for parameter in model.parameters()})
    with tensors.counting():
        model(torch.zeros(5, 8))
    assert tensors.bytes == 4 * (5 * 8 + 5 * 16)  # the input, and the sigmoid's output once for both of its readers


def test_a_checkpointed_block_keeps_its_input_and_one_block_at_a_time() -> None:
    first, second = (nn.Sequential(nn.Linear(8, size), nn.Sigmoid(), nn.Linear(size, 8)) for size in (32, 16))
    weights = {p.untyped_storage()._cdata for block in (first, second) for p in block.parameters()}
    tensors, given = KeptTensors(weights), torch.zeros(5, 8, requires_grad=True)
    with tensors.counting():
        tensors.checkpoint(second, tensors.checkpoint(first, given))
    assert tensors.bytes == 4 * 2 * 5 * 8
    assert tensors.largest_block == 4 * 5 * 32
    assert torch.equal(checkpoint(first, given, use_reentrant=False), first(given))


@pytest.mark.parametrize("name", ["sd15-16gb", "sd15-24gb", "sd15-24gb-identity", "sd15-80gb"])
def test_the_documents_table_is_what_is_calculated(name: str) -> None:
    row = memory_row(RECIPES / f"{name}.yaml")
    assert row in DOCUMENT.read_text("utf-8")
    assert float(row.split("|")[-2]) < float(name.split("-")[1].removesuffix("gb")) * 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sdxl-16gb", "sdxl-24gb", "sdxl-24gb-pulid", "sdxl-80gb", "sdxl-80gb-identity"])
def test_the_documents_table_is_what_is_calculated_for_sdxl(name: str) -> None:
    test_the_documents_table_is_what_is_calculated(name)
