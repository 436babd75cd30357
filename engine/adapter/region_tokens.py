"""Tokens of a person's regions, computed by IP-Adapter Plus's own resampler.

A branch that reads regions divides the resampler's queries among them, so that a token's index determines its region.
Patches far from every joint count less: the logarithm of their weight is added to the attention's logits. The "Plus"
layout gets no new tensor; the file's metadata has the regions and the weights, and stock diffusers, which ignores the
metadata, loads the same file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from torch import Tensor

from engine.adapter.attention import BranchCondition, output, project
from engine.adapter.model import condition_of
from engine.contract import Clothes
from engine.identity.body_weighting import ALPHA
from engine.identity.profile import View
from engine.identity.region_views import RegionView, region_views
from engine.identity.regions import ImageRegion

METADATA: Final = "bolid"
"""The key in a safetensors file's metadata."""
WORN: Final = (ImageRegion.WHOLE, ImageRegion.TORSO, ImageRegion.LEGS, ImageRegion.FEET)
"""The regions that show clothes; they are not read where the person is to wear other clothes."""


@dataclass(frozen=True)
class RegionReading:
    """The regions of a photo that a branch reads, and their weights.

    alpha: the weight of a patch far from every joint; a patch at a joint has weight 1, so 1.0 weighs all patches
    equally. faces_only: photos without a detected face are not read."""

    regions: tuple[ImageRegion, ...]
    alpha: float = ALPHA
    faces_only: bool = False

    def metadata(self) -> dict[str, str]:
        """The metadata for `safetensors.torch.save_file`."""
        content = {"regions": [str(region) for region in self.regions], "alpha": self.alpha}
        return {METADATA: json.dumps(content | {"faces_only": self.faces_only})}

    def regions_of(self, view: View, clothes: Clothes, crop_px: int, patch_px: int) -> dict[ImageRegion, RegionView]:
        """The regions of a photo that the branch reads; empty where there are none."""
        if self.faces_only and view.observation.face_box is None:
            return {}
        hidden = WORN if clothes is Clothes.CHANGE else ()
        views = region_views(view, crop_px, patch_px)
        return {region: views[region] for region in self.regions if region in views and region not in hidden}


@dataclass(frozen=True)
class RegionPhotos:
    """The photos of all people of a batch, one per row, with R regions each.

    hidden [n, R, S, D]: penultimate states of the image encoder; the first of the S states is that of the whole crop.
    nearness [n, R, S - 1] as in RegionView. shown bool [n, R]: the regions that are read. counts: the number of rows of
    each person."""

    hidden: Tensor
    nearness: Tensor
    shown: Tensor
    counts: Sequence[int]
    embeddings: None = None


def reading_of(path: Path) -> RegionReading | None:
    """The reading that a file's metadata states; None for a file without metadata, which is read as stock IP-Adapter
    files are.

    Raises ValueError for metadata of another version."""
    if path.suffix != ".safetensors":
        return None
    with safe_open(path, framework="pt") as stored:
        found: Mapping[str, str] = stored.metadata() or {}
    if METADATA not in found:
        return None
    try:
        content = json.loads(found[METADATA])
        regions = tuple(ImageRegion(name) for name in content["regions"])
        return RegionReading(regions, float(content["alpha"]), bool(content["faces_only"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} says that it reads {found[METADATA]}, which this version cannot") from error


def region_photos(
    people: Sequence[Sequence[Mapping[ImageRegion, RegionView]]],
    reading: RegionReading,
    encode: Callable[[list[Image.Image]], Tensor],
) -> RegionPhotos | None:
    """people: per person and photo, the regions that are read; photos without any are skipped. encode: RGB squares ->
    hidden states [n, S, D]. None where no photo has a region."""
    rows = [photo for photos in people for photo in photos if photo]
    if not rows:
        return None
    crops = [photo[region].image for photo in rows for region in reading.regions if region in photo]
    states = encode(crops)
    hidden = states.new_zeros(len(rows), len(reading.regions), *states.shape[1:])
    nearness = states.new_ones(len(rows), len(reading.regions), states.shape[1] - 1)
    shown = torch.zeros(len(rows), len(reading.regions), dtype=torch.bool, device=states.device)
    place = 0
    for row, photo in enumerate(rows):
        for number, region in enumerate(reading.regions):
            if region in photo:
                hidden[row, number], shown[row, number] = states[place], True
                nearness[row, number] = torch.from_numpy(photo[region].nearness.ravel()).to(states)
                place += 1
    counts = [sum(bool(photo) for photo in photos) for photos in people]
    return RegionPhotos(hidden, nearness, shown, counts)


def region_condition(
    projection: Any, photos: RegionPhotos, reading: RegionReading, scales: Sequence[float]
) -> BranchCondition:
    """The condition of a branch: the tokens of each person's photos in one row; those of absent regions are masked."""
    rows, regions = photos.shown.shape
    queries = projection.latents.view(regions, -1, projection.latents.shape[-1])
    weights = reading.alpha + (1 - reading.alpha) * photos.nearness
    weights = F.pad(weights, (1, 0), value=1.0)  # the state of the whole crop
    tokens = resampled(projection, photos.hidden.flatten(0, 1), queries.repeat(rows, 1, 1), weights.flatten(0, 1))
    shown = photos.shown.repeat_interleave(queries.shape[1], dim=1)
    return condition_of(tokens.view(rows, shown.shape[1], -1), photos.counts, scales, shown)


def resampled(projection: Any, hidden: Tensor, latents: Tensor, weights: Tensor | None = None) -> Tensor:
    """IPAdapterPlusImageProjection over hidden [n, S, D] by the queries latents [n, Q, H] -> tokens [n, Q, token_dim].

    weights [n, S], above 0: the weight of each state; without them equal to `projection(hidden)`."""
    states = projection.proj_in(hidden)
    bias = None
    if weights is not None:
        bias = F.pad(weights.log(), (0, latents.shape[1]))[:, None, None].to(states.dtype)  # queries have weight 1
    for block in projection.layers:
        queries = block.ln1(latents)
        query, key, value = project(block.attn, queries, torch.cat([block.ln0(states), queries], dim=-2))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        latents = output(block.attn, mixed) + latents
        latents = block.ff(latents) + latents
    tokens: Tensor = projection.norm_out(projection.proj_out(latents))
    return tokens
