"""A pose adds residuals to the UNet, which fit its blocks and are zero at first."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from engine.contract import PosePreset
from engine.pose import draw_skeleton, preset
from trainer.study.methods.pose_encoder import PoseEncoder

PLAIN, CROSS = "DownBlock2D", "CrossAttnDownBlock2D"


def unet(down: tuple[str, ...]) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=(24, 16),
        block_out_channels=(16, 32, 48)[: len(down)],
        layers_per_block=1,
        down_block_types=down,
        up_block_types=tuple(kind.replace("Down", "Up") for kind in reversed(down)),
        cross_attention_dim=24,
        attention_head_dim=2,
        norm_num_groups=8,
    ).eval()


def skeletons(rows: int) -> Tensor:
    image = torch.frombuffer(bytearray(draw_skeleton(preset(PosePreset.WAVING), 128, 192).tobytes()), dtype=torch.uint8)
    return (image.view(1, 192, 128, 3).permute(0, 3, 1, 2) / 255).expand(rows, -1, -1, -1)


@torch.no_grad()
def predict(model: UNet2DConditionModel, residuals: list[Tensor] | None) -> Tensor:
    noise = torch.Generator().manual_seed(2)
    noisy, words = torch.randn(2, 4, 24, 16, generator=noise), torch.randn(2, 5, 24, generator=noise)
    out: Tensor = model(noisy, 500, words, down_intrablock_additional_residuals=residuals, return_dict=False)[0]
    return out


@pytest.mark.parametrize("down", [(PLAIN, CROSS, CROSS), (CROSS, CROSS, PLAIN), (PLAIN, CROSS), (CROSS, PLAIN)])
def test_residuals_fit_every_layout_and_start_at_nothing(down: tuple[str, ...]) -> None:
    model = unet(down)
    encoder = PoseEncoder.of(model).eval()
    residuals = encoder(skeletons(2), torch.ones(2))
    assert torch.equal(predict(model, list(residuals)), predict(model, None))
    for output in encoder.outputs:
        torch.nn.init.normal_(output.weight)
    assert not torch.equal(predict(model, encoder(skeletons(2), torch.ones(2))), predict(model, None))


def test_each_row_has_its_own_scale() -> None:
    model = unet((PLAIN, CROSS, CROSS))
    encoder = PoseEncoder.of(model).eval()
    for output in encoder.outputs:
        torch.nn.init.normal_(output.weight)
    for whole, mixed in zip(
        encoder(skeletons(2), torch.ones(2)), encoder(skeletons(2), torch.tensor([0.0, 0.5])), strict=True
    ):
        assert not mixed[0].any()
        assert torch.allclose(mixed[1], 0.5 * whole[1])
    with_pose, without = predict(model, encoder(skeletons(2), torch.tensor([0.0, 1.0]))), predict(model, None)
    assert torch.allclose(with_pose[0], without[0], atol=1e-5)
    assert not torch.allclose(with_pose[1], without[1], atol=1e-2)
