"""Two people in one picture: each half attends to one of them, and not to the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.abilities import check_abilities
from engine.backbones import load_backbone
from engine.backbones.base import GenerationInput
from engine.backbones.diffusion import DiffusionBackbone
from engine.backbones.options import NONE, Options
from engine.contract import GenerateRequest, Pose, PosePreset, Reference, Settings
from engine.errors import CompanionError
from engine.identity.profile import IdentityProfile, Observation, View


def person(seed: int, views: int = 1, face: bool = True) -> IdentityProfile:
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=512).astype(np.float32)
    observation = Observation(
        150, 200, body_box=(30.0, 10.0, 120.0, 200.0), face_box=(50.0, 20.0, 90.0, 60.0) if face else None,
        face_embedding=embedding / np.linalg.norm(embedding) if face else None,
    )  # fmt: skip
    photos = [Image.fromarray(rng.integers(0, 255, (200, 150, 3), dtype=np.uint8)) for _ in range(views)]
    return IdentityProfile(tuple(View(photo, observation) for photo in photos))


def drawing(first: IdentityProfile, companion: IdentityProfile | None, seed: int = 1, **settings: Any) -> Any:
    merged = Settings(**{"steps": 2, **settings})
    return GenerationInput(first, "two people in a forest", "blurry", seed, merged, companion=companion)


@pytest.fixture(scope="module")
def backbone(tiny_sdxl: Any) -> DiffusionBackbone:
    chosen = {"distilled": NONE, "controlnet": NONE, "preview": NONE, "image_encoder": str(tiny_sdxl.image_encoder)}
    adapters = {"body_adapter": str(tiny_sdxl.body), "face_adapter": str(tiny_sdxl.face)}
    loaded = load_backbone("sdxl", "cpu", tiny_sdxl.pipeline, Options(**{**chosen, **adapters}))
    assert isinstance(loaded, DiffusionBackbone)
    return loaded


def attended(backbone: DiffusionBackbone, one: GenerationInput) -> list[torch.Tensor]:
    """The output [rows, columns, C] of every layer beside the words for the same noise, whatever is drawn."""
    assert backbone._branches is not None
    unet = backbone._parts.pipeline.unet
    conditions = backbone._branches.conditions([one], guided=False, of_head=False, latent_size=(8, 12))
    outputs, noise = [], torch.Generator().manual_seed(0)
    for name in backbone._parts.branches.layer_names:  # type: ignore[union-attr]
        layer = unet.get_submodule(name.removesuffix(".processor"))
        hidden = torch.randn(1, 6 * 4, layer.to_q.in_features, generator=noise)
        words = torch.randn(1, 5, layer.to_k.in_features, generator=noise)
        with torch.no_grad():
            outputs.append(layer(hidden, words, identity=conditions).view(6, 4, -1))
    return outputs


def test_each_person_is_read_in_a_half_of_the_picture_alone(backbone: DiffusionBackbone) -> None:
    first, second, third = person(1, views=2), person(2), person(3)
    before = attended(backbone, drawing(first, second))
    other_right, other_left = attended(backbone, drawing(first, third)), attended(backbone, drawing(third, second))
    for reference, right, left in zip(before, other_right, other_left, strict=True):
        assert torch.equal(reference[:, :2], right[:, :2]) and not torch.allclose(reference[:, 2:], right[:, 2:])
        torch.testing.assert_close(reference[:, 2:], left[:, 2:])  # one photo less to pad: another order of sums
        assert not torch.allclose(reference[:, :2], left[:, :2])


def test_a_companion_without_a_face_is_read_by_the_body_branch(backbone: DiffusionBackbone) -> None:
    faceless, other = (attended(backbone, drawing(person(1), person(seed, face=False))) for seed in (2, 3))
    alone = attended(backbone, drawing(person(1), person(2, face=False), body_scale=0.0))
    for first, second, face_only in zip(faceless, other, alone, strict=True):
        assert not torch.allclose(first[:, 2:], second[:, 2:])
        assert not torch.allclose(first[:, 2:], face_only[:, 2:])


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_a_batch_mixes_one_person_and_two(backbone: DiffusionBackbone, guidance: float) -> None:
    drawings = [
        drawing(person(1), person(2), guidance=guidance),
        drawing(person(1), None, seed=2, guidance=guidance),
        drawing(person(4, views=3), person(5, face=False), seed=3, guidance=guidance),
    ]
    for one, together in zip(drawings, backbone.draw(drawings), strict=True):
        alone = np.asarray(backbone.draw([one])[0], int)
        assert np.abs(np.asarray(together, int) - alone).max() <= 1
    assert backbone.draw([drawings[0]])[0] != backbone.draw([replace(drawings[0], companion=None)])[0]


def test_what_cannot_draw_two_says_so_in_one_line(backbone: DiffusionBackbone) -> None:
    photo = Reference(image=b"x")
    request = GenerateRequest(job_id="a", references=(photo,), companion=(photo,), prompt="in a forest", seed=7)
    check_abilities(request, backbone.capabilities)
    posed = request.model_copy(update={"pose": Pose(preset=PosePreset.WALKING)})
    for each, can in ((request, replace(backbone.capabilities, companion=False)), (posed, backbone.capabilities)):
        with pytest.raises(CompanionError, match="companion") as raised:
            check_abilities(each, can)
        assert "\n" not in str(raised.value)
