"""What is known of the layout comes in as channels, and nothing comes in as nothing."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel

from engine.adapter.guide import Guide, at_scales, latents_of, nothing_reposed
from engine.adapter.reposing import Reposed
from engine.backbones.autoencoder import NanoAutoencoder

SIZE = (48, 32)


def half_shown() -> Reposed:
    """A bright picture whose upper half shows, the uppermost quarter of it a head."""
    shown, head = torch.zeros(2, 1, *SIZE), torch.zeros(2, 1, *SIZE, dtype=torch.bool)
    shown[:, :, : SIZE[0] // 2], head[:, :, : SIZE[0] // 4] = 1, True
    return Reposed(shown * torch.tensor([0.9, -0.2, 0.1]).view(1, 3, 1, 1), shown, head)


def test_its_channels_fit_the_unet_that_reads_them() -> None:
    for patch, size in ((8, (6, 4)), (16, (3, 2))):
        guide = Guide(12, patch)
        vae = NanoAutoencoder(12, 16, 16, patch_px=patch, width_sixteenth=16)
        read = guide(torch.rand(2, 3, *SIZE), half_shown(), latents_of(half_shown(), vae))
        assert read.shape == (2, guide.channels, *size)
        unet = UNet2DConditionModel(
            in_channels=12 + guide.channels, out_channels=12, block_out_channels=(16,), norm_num_groups=8,
            down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
        )  # fmt: skip
        again = Guide.of(unet, patch)
        assert again is not None and again.channels == guide.channels
    plain = UNet2DConditionModel(
        in_channels=12, out_channels=12, block_out_channels=(16,), norm_num_groups=8,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
    )  # fmt: skip
    assert Guide.of(plain, 16) is None


def test_latents_are_those_of_the_picture_where_it_shows_and_zero_elsewhere() -> None:
    vae = NanoAutoencoder(12, 16, 16, patch_px=8)
    latents = latents_of(half_shown(), vae)
    assert torch.allclose(latents[:, :, :3], vae.encode(half_shown().picture).latents[:, :, :3])
    assert not latents[:, :, 3:].any() and latents[:, :, :3].any()


def test_of_nobody_is_what_black_and_nothing_read() -> None:
    torch.manual_seed(0)
    guide, vae = Guide(12, 8), NanoAutoencoder(12, 16, 16, patch_px=8)
    nobody = nothing_reposed(2, SIZE)
    read = guide(torch.zeros(2, 3, *SIZE), nobody, latents_of(nobody, vae))
    assert torch.equal(guide.of_nobody(2, SIZE, vae), read)
    assert not torch.allclose(guide(torch.rand(2, 3, *SIZE), nobody, latents_of(nobody, vae)), read, atol=1e-2)


def test_scales_fade_the_body_and_the_head_with_whoever_shows_it() -> None:
    face, body = torch.tensor([0.5, 0.0]), torch.tensor([0.25, 0.0])
    faded = at_scales(half_shown(), face, body)
    head, rest = half_shown().head, (half_shown().shown > 0) & ~half_shown().head
    assert faded.shown[:1][head[:1]].unique().tolist() == [0.5]
    assert faded.shown[:1][rest[:1]].unique().tolist() == [0.25]
    assert not faded.shown[1].any() and not faded.picture[1].any()
    assert torch.equal(at_scales(half_shown(), torch.full((2,), 1.5), torch.ones(2)).picture, half_shown().picture)
