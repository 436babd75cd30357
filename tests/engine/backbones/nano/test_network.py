"""nano's network: conditions reach the prediction, cached keys and values change nothing."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest
import torch

from engine.backbones.autoencoder import NanoAutoencoder
from engine.backbones.nano.appearance import VIEW_CHANNELS, Appearance, ReferenceViews
from engine.backbones.nano.attributes import NAMES, encode_attributes
from engine.backbones.nano.network import (
    BODY_SIZE,
    FACE_SIZE,
    LATENT_CHANNELS,
    PATCH_PX,
    POSITION_DIM,
    Conditioning,
    NanoNetwork,
    NetworkSize,
    build_network,
    position_codes,
)
from engine.body.atlas import shipped_atlas
from engine.body.body_map import BodyMaps
from engine.body.texture import PARTS, TEXTURE_CHANNELS
from engine.identity.body import BodyPart

HEIGHT, WIDTH = 64, 48
TINY = NetworkSize((16, 32, 32), (1, 1, 1), 64, 1)


@pytest.fixture(scope="module")
def network() -> NanoNetwork:
    torch.manual_seed(0)
    vae = NanoAutoencoder(LATENT_CHANNELS, patch_px=PATCH_PX)
    vae.fit(torch.rand(8, 3, HEIGHT, WIDTH) * 2 - 1)
    network = build_network(vae, shipped_atlas(), HEIGHT, WIDTH, TINY)
    torch.nn.init.normal_(network.unet.conv_out.weight, std=0.1)  # untrained, it would give zeros
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Conditions:
    """Arguments of `NanoNetwork.condition`, at random."""

    values: torch.Tensor
    appearance: Appearance
    maps: BodyMaps
    layout: torch.Tensor
    background: torch.Tensor

    def of(self, network: NanoNetwork) -> Conditioning:
        return network.condition(self.values, self.appearance, self.maps, self.layout, self.background)


def conditions(rows: int = 2) -> Conditions:
    generator = torch.Generator().manual_seed(3)

    def parts(*shape: int) -> torch.Tensor:
        return torch.randint(0, PARTS, (rows, *shape), generator=generator)

    views = ReferenceViews(
        torch.randn(rows, VIEW_CHANNELS, FACE_SIZE, FACE_SIZE, generator=generator),
        parts(FACE_SIZE, FACE_SIZE),
        torch.randn(rows, VIEW_CHANNELS, BODY_SIZE[1], BODY_SIZE[0], generator=generator),
        parts(BODY_SIZE[1], BODY_SIZE[0]),
    )
    half = (HEIGHT // 2, WIDTH // 2)
    texture = torch.randn(rows, TEXTURE_CHANNELS + PARTS, *half, generator=generator)
    return Conditions(
        torch.tensor([encode_attributes({"place": "beach", "top": "dress"})] * rows),
        Appearance(
            views,
            torch.ones(2, rows),
            texture,
            torch.rand(rows, PARTS, 4, generator=generator),
            torch.rand(rows, 4, HEIGHT, WIDTH, generator=generator),
            parts(HEIGHT, WIDTH),
        ),
        BodyMaps(
            torch.randint(0, 4097, (rows, *half), generator=generator), torch.randn(rows, 3, *half, generator=generator)
        ),
        parts(HEIGHT, WIDTH),
        torch.rand(rows, 3, HEIGHT // 4, WIDTH // 4, generator=generator) * 2 - 1,
    )


def predict(network: NanoNetwork, conditioning: Conditioning, rows: int = 2) -> torch.Tensor:
    shape = (rows, LATENT_CHANNELS, HEIGHT // PATCH_PX, WIDTH // PATCH_PX)
    z = torch.randn(shape, generator=torch.Generator().manual_seed(4))
    return network.predict(z, torch.full((rows,), 0.4), conditioning).clean


def test_cached_keys_and_values_give_the_same_prediction(network: NanoNetwork) -> None:
    conditioning = conditions().of(network)
    direct = predict(network, conditioning)

    assert torch.allclose(predict(network, network.cached(conditioning)), direct, atol=1e-5)


@pytest.mark.parametrize("changed", ["values", "scales", "maps", "texture", "palette", "head", "layout", "background"])
def test_every_condition_reaches_the_prediction(network: NanoNetwork, changed: str) -> None:
    given = conditions()
    before = predict(network, given.of(network))
    appearance, maps = given.appearance, given.maps
    other = {
        "values": replace(given, values=torch.tensor([encode_attributes({"place": "forest"})] * 2)),
        "scales": replace(given, appearance=replace(appearance, scales=torch.zeros(2, 2))),
        "maps": replace(given, maps=BodyMaps(maps.surface.flip(1), maps.normal.flip(2))),
        "texture": replace(given, appearance=replace(appearance, texture=torch.zeros_like(appearance.texture))),
        "palette": replace(given, appearance=replace(appearance, palette=torch.zeros_like(appearance.palette))),
        "head": replace(given, appearance=appearance.with_head(torch.zeros(2))),
        "layout": replace(given, layout=given.layout.flip(1)),
        "background": replace(given, background=-given.background),
    }[changed]

    assert (predict(network, other.of(network)) - before).abs().max() > 1e-3


def test_an_open_gate_shows_the_shading_of_the_photos_head_and_a_closed_one_flat_colours(network: NanoNetwork) -> None:
    skin = torch.full((2, HEIGHT, WIDTH), int(BodyPart.SKIN))
    photo = torch.rand(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(5)) * 2 - 1
    given = replace(conditions(), layout=skin)
    appearance = replace(given.appearance, head=torch.cat([photo, torch.ones_like(photo[:, :1])], 1), head_parts=skin)
    conditioning = replace(given, appearance=appearance).of(network)
    pictures = {}
    for name, gate in (("open", 30.0), ("closed", -30.0)):
        blank = deepcopy(network)
        torch.nn.init.zeros_(blank.unet.conv_out.weight)
        torch.nn.init.zeros_(blank.unet.conv_out.bias)
        blank.unet.conv_out.bias.data[-1] = gate
        z = torch.randn(2, LATENT_CHANNELS, HEIGHT // PATCH_PX, WIDTH // PATCH_PX)
        pictures[name] = blank.predict(z, torch.zeros(2), conditioning).picture

    def kept(picture: torch.Tensor) -> torch.Tensor:
        return network.vae.decode(network.vae.encode(picture).latents).sample

    shading = photo - photo.mean((2, 3), keepdim=True)
    assert pictures["closed"].std((2, 3)).max() < 1e-3
    shown = kept(shading) - kept(torch.zeros_like(shading))
    assert torch.allclose(pictures["open"] - pictures["closed"], shown, atol=1e-3)


def test_what_is_behind_begins_as_the_given_background(network: NanoNetwork) -> None:
    blank = deepcopy(network)
    torch.nn.init.zeros_(blank.unet.conv_out.weight)
    torch.nn.init.zeros_(blank.unet.conv_out.bias)
    nobody = torch.full((2, HEIGHT, WIDTH), int(BodyPart.BACKGROUND))
    colours = torch.tensor([[0.5, -0.5, 0.0], [-0.2, 0.1, 0.7]])[:, :, None, None]
    given = replace(conditions(), layout=nobody, background=colours.expand(2, 3, HEIGHT // 4, WIDTH // 4))

    z = torch.randn(2, LATENT_CHANNELS, HEIGHT // PATCH_PX, WIDTH // PATCH_PX)
    picture = blank.predict(z, torch.zeros(2), given.of(blank)).picture

    assert torch.allclose(picture, network.vae.decode(network.vae.encode(colours.expand_as(picture)).latents).sample)


def test_eyes_and_mouth_have_the_colour_of_skin_until_they_are_drawn(network: NanoNetwork) -> None:
    given = conditions()
    bare = torch.where(given.layout == BodyPart.FACE, int(BodyPart.SKIN), given.layout)

    assert torch.equal(given.of(network).flat, replace(given, layout=bare).of(network).flat)


@pytest.mark.parametrize("branch", ["face", "body"])
def test_at_scale_zero_the_photo_does_not_matter(network: NanoNetwork, branch: str) -> None:
    given = conditions()
    scales = torch.tensor([[float(branch != "face")] * 2, [float(branch != "body")] * 2])
    without = replace(given.appearance, scales=scales)
    views = replace(without.views, **{branch: torch.zeros_like(getattr(without.views, branch))})

    before, after = (
        predict(network, replace(given, appearance=appearance).of(network))
        for appearance in (without, replace(without, views=views))
    )
    assert torch.allclose(after, before, atol=1e-5)


def test_rows_do_not_depend_on_each_other(network: NanoNetwork) -> None:
    given = conditions()
    both = predict(network, given.of(network))
    appearance = Appearance(
        ReferenceViews(*(part[:1] for part in given.appearance.views.tensors())),
        given.appearance.scales[:, :1],
        given.appearance.texture[:1],
        given.appearance.palette[:1],
        given.appearance.head[:1],
        given.appearance.head_parts[:1],
    )
    maps = BodyMaps(given.maps.surface[:1], given.maps.normal[:1])
    alone = Conditions(given.values[:1], appearance, maps, given.layout[:1], given.background[:1]).of(network)
    shape = (2, LATENT_CHANNELS, HEIGHT // PATCH_PX, WIDTH // PATCH_PX)
    z = torch.randn(shape, generator=torch.Generator().manual_seed(4))[:1]

    assert torch.allclose(network.predict(z, torch.full((1,), 0.4), alone).clean, both[:1], atol=1e-4)


def test_position_codes_are_empty_off_the_body() -> None:
    atlas = shipped_atlas()
    surface = torch.zeros(1, 8, 8, dtype=torch.long)
    surface[0, :4, :4] = 7
    codes = position_codes(BodyMaps(surface, torch.zeros(1, 3, 8, 8)).channels(atlas), 4)

    assert codes.shape == (1, 4, POSITION_DIM)
    assert codes[0, 0, -1] == 1 and codes[0, 0].abs().sum() > 1
    assert codes[0, 1:].abs().sum() == 0


def test_attributes_that_are_not_said_are_zero() -> None:
    numbers = encode_attributes({"place": "studio", "glasses": "yes"})

    assert numbers[NAMES.index("place")] == 1 and numbers[NAMES.index("glasses")] == 2
    assert sum(number > 0 for number in numbers) == 2


def test_unknown_attributes_are_refused() -> None:
    with pytest.raises(KeyError, match="wings"):
        encode_attributes({"wings": "yes"})
    with pytest.raises(ValueError, match="moon"):
        encode_attributes({"place": "moon"})
