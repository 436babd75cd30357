"""What is known of a picture comes in as channels, and nothing comes in as nothing."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel

from engine.adapter.guide import Draft, Guide, at_scales, draft_of, nobody
from engine.adapter.reposing import Reposed
from engine.backbones.autoencoder import NanoAutoencoder
from engine.contract import PosePreset
from engine.pose import preset

SIZE = (48, 32)


def half_shown() -> Reposed:
    """Two bright pictures whose upper half shows, the uppermost quarter of it a head."""
    shown, head = torch.zeros(2, 1, *SIZE), torch.zeros(2, 1, *SIZE, dtype=torch.bool)
    shown[:, :, : SIZE[0] // 2], head[:, :, : SIZE[0] // 4] = 1, True
    return Reposed(shown * torch.tensor([0.9, -0.2, 0.1]).view(1, 3, 1, 1), shown, head)


def standing() -> torch.Tensor:
    return torch.from_numpy(preset(PosePreset.STANDING))[None].repeat(2, 1, 1)


def drafted(known: bool = True, restyled: bool = False, posed: bool = True) -> Draft:
    place, wanted = torch.full((2, 3, *SIZE), -0.5), standing()
    wanted[..., 2] *= posed
    return draft_of(half_shown(), place, torch.tensor([known] * 2), wanted, torch.tensor([restyled] * 2))


def unet(channels: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        in_channels=channels, out_channels=12, block_out_channels=(16,), norm_num_groups=8,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
    )  # fmt: skip


def test_its_channels_fit_the_unet_that_reads_them() -> None:
    for patch, size in ((8, (6, 4)), (16, (3, 2))):
        guide = Guide(12, patch)
        vae = NanoAutoencoder(12, patch_px=patch)
        said = guide(torch.rand(2, 3, *SIZE), drafted(), vae)
        assert said.channels.shape == (2, guide.channels, *size)
        assert said.latents.shape == said.spread.shape == (2, 12, *size)
        again = Guide.of(unet(12 + guide.channels), patch)
        assert again.channels == guide.channels


def test_a_draft_is_the_person_before_the_place() -> None:
    picture = drafted().picture
    assert torch.equal(picture[:, :, : SIZE[0] // 2], half_shown().picture[:, :, : SIZE[0] // 2])
    assert (picture[:, :, SIZE[0] // 2 :] == -0.5).all()
    assert not drafted(known=False).picture[:, :, SIZE[0] // 2 :].any()


def test_only_the_body_is_doubtful_unless_nothing_is_known_or_all_is_to_look_otherwise() -> None:
    usual = drafted().doubtful
    assert 0.05 < float(usual.mean()) < 0.7
    hips = (standing()[0, 11, :2] * torch.tensor([SIZE[1], SIZE[0]])).long()
    assert usual[0, 0, hips[1], hips[0]] == 1 and not usual[:, :, :2, :2].any()
    for unsure in (drafted(known=False), drafted(restyled=True), drafted(posed=False)):
        assert (unsure.doubtful == 1).all()


def test_the_spread_is_that_of_where_it_is() -> None:
    guide, vae = Guide(12, 8), NanoAutoencoder(12, patch_px=8)
    guide.spread.copy_(torch.stack([torch.full((12, 1, 1), 0.1), torch.full((12, 1, 1), 2.0)]))
    assert torch.allclose(guide(torch.rand(2, 3, *SIZE), drafted(known=False), vae).spread, torch.tensor(2.0))
    mixed = guide(torch.rand(2, 3, *SIZE), drafted(), vae).spread
    assert float(mixed.min()) < 0.2 and float(mixed.max()) > 1.0


def test_latents_are_the_drafts() -> None:
    guide, vae = Guide(12, 8), NanoAutoencoder(12, patch_px=8)
    said = guide(torch.rand(2, 3, *SIZE), drafted(), vae)
    assert torch.allclose(said.latents, vae.encode(drafted().picture).latents)


def test_where_nobody_and_no_place_is_known_the_skeleton_still_speaks() -> None:
    torch.manual_seed(0)
    guide, vae = Guide(12, 8), NanoAutoencoder(12, patch_px=8)
    unknown = torch.tensor([False] * 2)
    grey = draft_of(nobody(2, SIZE), torch.zeros(2, 3, *SIZE), unknown, 0 * standing(), unknown)
    assert not grey.picture.any()
    black, drawn = (
        guide(skeleton, grey, vae).channels for skeleton in (torch.zeros(2, 3, *SIZE), torch.rand(2, 3, *SIZE))
    )
    assert not torch.allclose(black, drawn, atol=1e-2)


def test_scales_fade_the_body_and_the_head_with_whoever_shows_it() -> None:
    face, body = torch.tensor([0.5, 0.0]), torch.tensor([0.25, 0.0])
    faded = at_scales(half_shown(), face, body)
    head, rest = half_shown().head, (half_shown().shown > 0) & ~half_shown().head
    assert faded.shown[:1][head[:1]].unique().tolist() == [0.5]
    assert faded.shown[:1][rest[:1]].unique().tolist() == [0.25]
    assert not faded.shown[1].any() and not faded.picture[1].any()
    assert torch.equal(at_scales(half_shown(), torch.full((2,), 1.5), torch.ones(2)).picture, half_shown().picture)
