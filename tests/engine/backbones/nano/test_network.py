"""nano's network: conditions reach the prediction, cached keys and values change nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.backbones.nano.attributes import NAMES, encoded
from engine.backbones.nano.network import (
    BODY_SIZE,
    FACE_SIZE,
    PATCH_PX,
    POSITION_DIM,
    VIEW_CHANNELS,
    Conditioning,
    NanoNetwork,
    NetworkSize,
    ReferenceViews,
    build_network,
    position_codes,
)
from engine.body.atlas import shipped_atlas
from engine.body.body_map import BodyMaps

HEIGHT, WIDTH = 64, 48
TINY = NetworkSize((16, 32, 32), (1, 1, 1), 64, 1)


@pytest.fixture(scope="module")
def network() -> NanoNetwork:
    torch.manual_seed(0)
    network = build_network(torch.ones(6), shipped_atlas(), HEIGHT, WIDTH, TINY)
    torch.nn.init.normal_(network.unet.conv_out.weight, std=0.1)  # untrained, it would give zeros
    return network.eval().requires_grad_(False)


def conditions(rows: int = 2) -> dict[str, object]:
    generator = torch.Generator().manual_seed(3)
    surface = torch.randint(0, 4097, (rows, HEIGHT // 2, WIDTH // 2), generator=generator)
    return {
        "values": torch.tensor([encoded({"place": "beach", "top": "dress"})] * rows),
        "views": ReferenceViews(
            torch.randn(rows, VIEW_CHANNELS, FACE_SIZE, FACE_SIZE, generator=generator),
            torch.randn(rows, VIEW_CHANNELS, BODY_SIZE[1], BODY_SIZE[0], generator=generator),
        ),
        "scales": torch.ones(2, rows),
        "maps": BodyMaps(surface, torch.randn(rows, 3, HEIGHT // 2, WIDTH // 2, generator=generator)),
        "texture": torch.randn(rows, 4, HEIGHT // 2, WIDTH // 2, generator=generator),
    }


def predict(network: NanoNetwork, conditioning: Conditioning, rows: int = 2) -> torch.Tensor:
    z = torch.randn(rows, 6, HEIGHT // PATCH_PX, WIDTH // PATCH_PX, generator=torch.Generator().manual_seed(4))
    return network.predict(z, torch.full((rows,), 0.4), conditioning)[0]


def test_cached_keys_and_values_give_the_same_prediction(network: NanoNetwork) -> None:
    conditioning = network.condition(**conditions())  # type: ignore[arg-type]
    direct = predict(network, conditioning)

    assert torch.allclose(predict(network, network.cached(conditioning)), direct, atol=1e-5)


@pytest.mark.parametrize("changed", ["values", "scales", "maps", "texture"])
def test_every_condition_reaches_the_prediction(network: NanoNetwork, changed: str) -> None:
    given = conditions()
    before = predict(network, network.condition(**given))  # type: ignore[arg-type]
    maps = given["maps"]
    assert isinstance(maps, BodyMaps)
    given[changed] = {
        "values": torch.tensor([encoded({"place": "forest"})] * 2),
        "scales": torch.zeros(2, 2),
        "maps": BodyMaps(maps.surface.flip(1), maps.normal.flip(2)),
        "texture": torch.zeros(2, 4, HEIGHT // 2, WIDTH // 2),
    }[changed]

    assert (predict(network, network.condition(**given)) - before).abs().max() > 1e-3  # type: ignore[arg-type]


@pytest.mark.parametrize("branch", ["face", "body"])
def test_at_scale_zero_the_photo_does_not_matter(network: NanoNetwork, branch: str) -> None:
    given = conditions()
    given["scales"] = torch.tensor([[float(branch != "face")] * 2, [float(branch != "body")] * 2])
    before = predict(network, network.condition(**given))  # type: ignore[arg-type]
    views = given["views"]
    assert isinstance(views, ReferenceViews)
    given["views"] = replace(views, **{branch: torch.zeros_like(getattr(views, branch))})

    assert torch.allclose(predict(network, network.condition(**given)), before, atol=1e-5)  # type: ignore[arg-type]


def test_rows_do_not_depend_on_each_other(network: NanoNetwork) -> None:
    given = conditions()
    both = predict(network, network.condition(**given))  # type: ignore[arg-type]
    views, maps = given["views"], given["maps"]
    assert isinstance(views, ReferenceViews) and isinstance(maps, BodyMaps)
    alone = network.condition(
        given["values"][:1],  # type: ignore[index]
        ReferenceViews(views.face[:1], views.body[:1]),
        torch.ones(2, 1),
        BodyMaps(maps.surface[:1], maps.normal[:1]),
        given["texture"][:1],  # type: ignore[index]
    )
    z = torch.randn(2, 6, HEIGHT // PATCH_PX, WIDTH // PATCH_PX, generator=torch.Generator().manual_seed(4))[:1]

    assert torch.allclose(network.predict(z, torch.full((1,), 0.4), alone)[0], both[:1], atol=1e-4)


def test_position_codes_are_empty_off_the_body() -> None:
    atlas = shipped_atlas()
    surface = torch.zeros(1, 8, 8, dtype=torch.long)
    surface[0, :4, :4] = 7
    codes = position_codes(BodyMaps(surface, torch.zeros(1, 3, 8, 8)).channels(atlas), 4)

    assert codes.shape == (1, 4, POSITION_DIM)
    assert codes[0, 0, -1] == 1 and codes[0, 0].abs().sum() > 1
    assert codes[0, 1:].abs().sum() == 0


def test_attributes_that_are_not_said_are_zero() -> None:
    numbers = encoded({"place": "studio", "glasses": "yes"})

    assert numbers[NAMES.index("place")] == 1 and numbers[NAMES.index("glasses")] == 2
    assert sum(number > 0 for number in numbers) == 2


def test_unknown_attributes_are_refused() -> None:
    with pytest.raises(KeyError, match="wings"):
        encoded({"wings": "yes"})
    with pytest.raises(ValueError, match="moon"):
        encoded({"place": "moon"})
