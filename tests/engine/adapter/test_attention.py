"""The branches add to the base; removing them leaves the base unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from engine.adapter.attention import BranchCondition, region_masks
from engine.adapter.model import BranchLayers, cross_attention_layers, text_keys_values


@pytest.fixture
def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=(12, 8),
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=24,
        attention_head_dim=2,
        norm_num_groups=8,
    ).eval()


@pytest.fixture
def adapter(unet: UNet2DConditionModel) -> BranchLayers:
    torch.manual_seed(1)
    return BranchLayers(24, cross_attention_layers(unet)).eval()


def predict(unet: UNet2DConditionModel, rows: int = 2, **extra: object) -> Tensor:
    noise = torch.Generator().manual_seed(2)
    latents = torch.randn(rows, 4, 12, 8, generator=noise)
    text = torch.randn(rows, 5, 24, generator=noise)
    with torch.no_grad():
        output: Tensor = unet(latents, torch.tensor(10), text, **extra).sample
    return output


def condition(rows: int = 2, scale: float = 1.0, tokens: int = 7) -> dict[str, BranchCondition]:
    noise = torch.Generator().manual_seed(3)
    return {
        name: BranchCondition(torch.full((rows,), scale), torch.randn(rows, tokens, 24, generator=noise))
        for name in ("face", "body")
    }


def identity(value: object) -> dict[str, object]:
    return {"cross_attention_kwargs": {"identity": value}}


def test_detaching_leaves_the_base_bit_equal(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    before = predict(unet)
    processors = adapter.attach(unet)
    assert not torch.equal(before, predict(unet, **identity(condition())))
    adapter.detach(unet, processors)
    assert torch.equal(before, predict(unet))


def test_attached_without_an_identity_the_base_is_bit_equal(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    before = predict(unet)
    adapter.attach(unet)
    assert torch.equal(before, predict(unet))


def test_scale_zero_is_bit_equal_to_no_identity(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    adapter.attach(unet)
    assert torch.equal(predict(unet), predict(unet, **identity(condition(scale=0.0))))


def test_every_branch_matters_and_may_be_absent(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    adapter.attach(unet)
    both = condition()
    outputs = [predict(unet, **identity(part)) for part in (both, {"face": both["face"]}, {"body": both["body"]})]
    assert not torch.allclose(outputs[0], outputs[1])
    assert not torch.allclose(outputs[1], outputs[2])


def test_cached_keys_and_values_give_the_same_output(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    adapter.attach(unet)
    fresh = condition()
    with torch.no_grad():
        cached = adapter.cache(fresh)
    assert torch.equal(predict(unet, **identity(fresh)), predict(unet, **identity(cached)))


def test_masked_tokens_do_not_count(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    adapter.attach(unet)
    short = condition(tokens=5)
    padded = {
        name: BranchCondition(
            branch.scale,
            torch.cat([branch.tokens, torch.full((2, 3, 24), 9.0)], 1) if branch.tokens is not None else None,
            torch.tensor([[True] * 5 + [False] * 3] * 2),
        )
        for name, branch in short.items()
    }
    plain, masked = predict(unet, **identity(short)), predict(unet, **identity(padded))
    torch.testing.assert_close(plain, masked, atol=1e-5, rtol=1e-4)


def test_people_in_one_batch_do_not_mix(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    adapter.attach(unet)
    mixed = condition()
    changed = {
        name: BranchCondition(branch.scale, torch.cat([branch.tokens[:1], 5 * branch.tokens[1:]]))
        for name, branch in mixed.items()
        if branch.tokens is not None
    }
    first, second = predict(unet, **identity(mixed)), predict(unet, **identity(changed))
    torch.testing.assert_close(first[0], second[0])
    assert not torch.allclose(first[1], second[1])


def test_a_block_has_its_own_scale(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    adapter.attach(unet)
    whole = condition()
    blocks = {"down_blocks": 0.0, "mid_block": 0.0, "up_blocks": 0.0}
    silenced = {name: replace(branch, block_scales=blocks) for name, branch in whole.items()}
    assert torch.equal(predict(unet), predict(unet, **identity(silenced)))
    finer = {**blocks, "up_blocks.0.attentions.0": 1.0}
    louder = {name: replace(branch, block_scales=finer) for name, branch in whole.items()}
    louder_output = predict(unet, **identity(louder))
    assert not torch.allclose(louder_output, predict(unet))
    assert not torch.allclose(louder_output, predict(unet, **identity(whole)))


def two_people(left: Tensor, right: Tensor) -> dict[str, BranchCondition]:
    """Two people side by side on pictures of 12 x 8; one reads `left` tokens [1, N, 24], the other `right`."""
    regions = torch.zeros(1, 2, 12, 8)
    regions[:, 0, :, :4], regions[:, 1, :, 4:] = 1, 1
    masks = region_masks(regions, (left.shape[1], right.shape[1]), ((12, 8), (6, 4)))
    return {"body": BranchCondition(torch.ones(1), torch.cat([left, right], 1), regions=masks)}


def test_several_people_stay_apart_in_every_layer(adapter: BranchLayers, unet: UNet2DConditionModel) -> None:
    adapter.attach(unet)
    name = adapter.layer_names[0]
    layer = dict(unet.named_modules())[name.removesuffix(".processor")]
    hidden, text = torch.randn(1, 24, 32), torch.randn(1, 5, 24)
    left, right, other = torch.randn(3, 1, 4, 24).unbind()
    with torch.no_grad():
        before = layer(hidden, text, identity=two_people(left, right)).view(6, 4, 32)
        after = layer(hidden, text, identity=two_people(left, other)).view(6, 4, 32)
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.allclose(before[:, 2:], after[:, 2:])


def test_where_nobody_is_to_be_the_branch_is_silent(adapter: BranchLayers, unet: UNet2DConditionModel) -> None:
    adapter.attach(unet)
    masks = region_masks(torch.zeros(2, 1, 12, 8), (7,), ((12, 8), (6, 4)))
    nowhere = {name: replace(branch, regions=masks) for name, branch in condition().items()}
    assert torch.equal(predict(unet), predict(unet, **identity(nowhere)))


def test_compiles_without_a_graph_break(unet: UNet2DConditionModel, adapter: BranchLayers) -> None:
    adapter.attach(unet)
    with torch.no_grad():
        cached = adapter.cache(condition())
    expected = predict(unet, **identity(cached))
    unet.compile(fullgraph=True, backend="eager")
    torch.testing.assert_close(expected, predict(unet, **identity(cached)))


def test_keys_and_values_of_the_text_known_before_give_the_same_output(
    unet: UNet2DConditionModel, adapter: BranchLayers
) -> None:
    adapter.attach(unet)
    expected = predict(unet, **identity(condition()))
    noise = torch.Generator().manual_seed(2)
    torch.randn(2, 4, 12, 8, generator=noise)
    with torch.no_grad():
        text = text_keys_values(unet, torch.randn(2, 5, 24, generator=noise))
        cached = adapter.cache(condition())
    arguments = {"cross_attention_kwargs": {"identity": cached, "text": text}}
    assert torch.equal(expected, predict(unet, **arguments))
    other = {name: (key, 2 * value) for name, (key, value) in text.items()}
    assert not torch.allclose(expected, predict(unet, cross_attention_kwargs={"identity": cached, "text": other}))
    unet.compile(fullgraph=True, backend="eager")
    torch.testing.assert_close(expected, predict(unet, **arguments))
