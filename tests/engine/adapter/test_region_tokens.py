"""Branches that read regions: the outputs of the resampler, weights, masks, and the metadata of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.adapter.ip_adapter import AdapterFile, export_plus, load_branches, new_branches
from engine.adapter.region_tokens import (
    METADATA,
    RegionPhotos,
    RegionReading,
    reading_of,
    region_condition,
    region_photos,
    resampled,
)
from engine.contract import Clothes
from engine.errors import WeightsError
from engine.identity.profile import Observation, View
from engine.identity.region_views import RegionView
from engine.identity.regions import ImageRegion

TWO = RegionReading((ImageRegion.WHOLE, ImageRegion.HEAD), alpha=0.25)
STATES, WIDTH, QUERIES = 17, 32, 6


@pytest.fixture(scope="module")
def projection() -> Any:
    torch.manual_seed(0)
    return IPAdapterPlusImageProjection(WIDTH, 32, 64, depth=4, dim_head=64, heads=1, num_queries=QUERIES).eval()


def photos(counts: list[int], shown: list[list[bool]]) -> RegionPhotos:
    rows = len(shown)
    noise = torch.Generator().manual_seed(1)
    hidden = torch.randn(rows, 2, STATES, WIDTH, generator=noise)
    return RegionPhotos(hidden, torch.rand(rows, 2, STATES - 1, generator=noise), torch.tensor(shown), counts)


def test_without_weights_it_is_diffusers_own_resampler(projection: Any) -> None:
    hidden = torch.randn(3, STATES, WIDTH)
    latents = projection.latents.repeat(3, 1, 1)
    with torch.no_grad():
        assert torch.allclose(resampled(projection, hidden, latents), projection(hidden), atol=1e-5)
        ones = resampled(projection, hidden, latents, torch.ones(3, STATES))
        assert torch.allclose(ones, projection(hidden), atol=1e-5)


def test_a_state_of_nearly_no_weight_changes_nothing(projection: Any) -> None:
    hidden = torch.randn(1, STATES, WIDTH)
    other = hidden.clone()
    other[:, 5] += 10
    weights = torch.ones(1, STATES)
    weights[:, 5] = 1e-12
    latents = projection.latents
    with torch.no_grad():
        low = (resampled(projection, hidden, latents, weights) - resampled(projection, other, latents, weights)).abs()
        full = (resampled(projection, hidden, latents) - resampled(projection, other, latents)).abs()
    assert low.max() < 1e-4 < full.max()


def test_every_region_has_queries_of_its_own_and_what_is_not_shown_is_masked(projection: Any) -> None:
    region_photos = photos([1, 1], [[True, True], [True, False]])
    with torch.no_grad():
        condition = region_condition(projection, region_photos, TWO, [1.0, 0.5])
    assert condition.tokens is not None and condition.tokens.shape == (2, QUERIES, 32)
    assert condition.mask is not None and condition.mask.tolist() == [[True] * 6, [True] * 3 + [False] * 3]
    assert condition.scale.tolist() == [1.0, 0.5]
    same = RegionPhotos(
        region_photos.hidden[:, :1].repeat(1, 2, 1, 1),
        region_photos.nearness[:, :1].repeat(1, 2, 1),
        region_photos.shown,
        [1, 1],
    )
    with torch.no_grad():
        tokens = region_condition(projection, same, TWO, [1.0, 1.0]).tokens
    assert tokens is not None and not torch.allclose(tokens[:, :3], tokens[:, 3:], atol=1e-3)


def test_photos_of_one_person_lie_side_by_side_and_people_without_any_have_scale_zero(projection: Any) -> None:
    with torch.no_grad():
        condition = region_condition(projection, photos([2, 0, 1], [[True, True]] * 3), TWO, [1.0, 1.0, 1.0])
    assert condition.tokens is not None and condition.tokens.shape == (3, 2 * QUERIES, 32)
    assert condition.scale.tolist() == [1.0, 0.0, 1.0]
    assert condition.mask is not None and condition.mask[2].tolist() == [True] * 6 + [False] * 6


def test_photos_become_rows_in_the_order_of_people_and_regions() -> None:
    def region(value: int) -> RegionView:
        return RegionView(Image.new("RGB", (4, 4), (value, 0, 0)), np.full((2, 2), value / 10, np.float32))

    def encode(crops: list[Image.Image]) -> torch.Tensor:
        values = torch.tensor([float(np.asarray(crop)[0, 0, 0]) for crop in crops])
        return values[:, None, None].expand(-1, 5, 3).clone()

    first = {ImageRegion.WHOLE: region(1), ImageRegion.HEAD: region(2)}
    found = region_photos([[first, {}], [], [{ImageRegion.HEAD: region(3)}]], TWO, encode)
    assert found is not None and list(found.counts) == [1, 0, 1]
    assert found.hidden[:, :, 0, 0].tolist() == [[1.0, 2.0], [0.0, 3.0]]
    assert found.shown.tolist() == [[True, True], [False, True]]
    assert found.nearness[0, 1].tolist() == pytest.approx([0.2] * 4)
    assert region_photos([[], [{}]], TWO, encode) is None


def test_other_clothes_leave_the_head_and_a_face_branch_wants_a_face() -> None:
    view = View(Image.new("RGB", (90, 120)), Observation(90, 120, face_box=(30, 20, 60, 60), body_box=(10, 5, 80, 118)))
    assert set(TWO.regions_of(view, Clothes.KEEP, 32, 8)) == {ImageRegion.WHOLE, ImageRegion.HEAD}
    assert set(TWO.regions_of(view, Clothes.CHANGE, 32, 8)) == {ImageRegion.HEAD}
    faces = RegionReading((ImageRegion.HEAD,), 1.0, faces_only=True)
    assert set(faces.regions_of(view, Clothes.KEEP, 32, 8)) == {ImageRegion.HEAD}
    from_behind = View(view.image, Observation(90, 120, body_box=(10, 5, 80, 118)))
    assert faces.regions_of(from_behind, Clothes.KEEP, 32, 8) == {}


def test_the_file_carries_its_reading_through_the_engines_loader(tiny_sd15: Any, tmp_path: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(
        tiny_sd15.pipeline, safety_checker=None, requires_safety_checker=False
    )
    resampler = IPAdapterPlusImageProjection(WIDTH, 32, 64, depth=4, dim_head=64, heads=1, num_queries=QUERIES)
    branches = new_branches(pipeline.unet, {"body": resampler})
    branches.readings["body"] = TWO
    path = tmp_path / "body.safetensors"
    export_plus(branches, "body", pipeline.unet, path)
    assert reading_of(path) == TWO
    assert reading_of(tiny_sd15.body) is None and reading_of(tiny_sd15.face) is None
    loaded = load_branches(pipeline, {"body": AdapterFile(str(tmp_path), "", path.name)}, "sd15")
    assert loaded.readings == {"body": TWO}
    region_photos = photos([1, 1], [[True, True], [True, False]])
    with torch.no_grad():
        ours = branches.condition("body", region_photos, [1.0, 1.0]).tokens
        theirs = loaded.condition("body", region_photos, [1.0, 1.0]).tokens
    assert ours is not None and theirs is not None and torch.allclose(ours, theirs, atol=1e-6)


def test_a_file_of_another_version_is_refused_in_one_line(tiny_sd15: Any, tmp_path: Path) -> None:
    path = tmp_path / "body.safetensors"
    save_file(load_file(tiny_sd15.body), path, {METADATA: '{"regions": ["hands"], "alpha": 1, "faces_only": false}'})
    pipeline = StableDiffusionPipeline.from_pretrained(
        tiny_sd15.pipeline, safety_checker=None, requires_safety_checker=False
    )
    with pytest.raises(WeightsError, match="says that it reads") as caught:
        load_branches(pipeline, {"body": AdapterFile(str(tmp_path), "", path.name)}, "sd15")
    assert "\n" not in str(caught.value)
