"""Conditions of an adapter's branches: photos of people and image prompts, read by the image encoder.

With two people in one picture, the left half attends to the tokens of the first, the right half to those of the
companion.

An image prompt is read whole, by a branch of its own. It acts in the blocks of the UNet that decide style and layout
according to InstantStyle (Wang et al., 2024).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from engine.adapter.attention import BRANCHES, IMAGE_PROMPT, BranchCondition, region_masks, with_negative
from engine.adapter.ip_adapter import IPAdapterBranches, ReferencePhotos
from engine.adapter.region_tokens import RegionPhotos, RegionReading, region_photos
from engine.backbones.base import GenerationInput
from engine.backbones.reference_crops import ReferenceCrop, ReferenceReader, body_reference, head_reference
from engine.contract import Clothes
from engine.errors import SetupError
from engine.identity.alignment import aligned_face
from engine.identity.profile import View
from engine.identity.region_views import RegionView
from engine.identity.regions import ImageRegion

LEVELS: Final = 4
"""The number of sizes of a UNet's latents, each half of the one before."""


@dataclass(frozen=True)
class BranchSettings:
    """scale: of attention where the request's scale is 1. block_scales: as in BranchCondition. layout: the blocks among
    them that decide the layout; switched off where a head is redrawn. until: the share of the steps after which the
    branch is switched off, above 0."""

    scale: float = 1.0
    block_scales: Mapping[str, float] | None = None
    layout: Collection[str] = ()
    until: float = 1.0

    def blocks(self, of_head: bool) -> Mapping[str, float] | None:
        if self.block_scales is None or not of_head:
            return self.block_scales
        return {name: 0.0 if name in self.layout else scale for name, scale in self.block_scales.items()}


def read_block_scales(text: str, layers: Collection[str]) -> dict[str, float]:
    """Parses "up_blocks.0.attentions.1, down_blocks.2.attentions.1=0.5" into block -> scale, 1 where none is given.
    layers: the names of the layers that have branches. Raises SetupError for a block without such a layer, or where a
    scale is not a number."""
    scales: dict[str, float] = {}
    for part in text.split(","):
        block, _, number = (piece.strip() for piece in part.partition("="))
        try:
            scale = float(number or 1)
        except ValueError:
            scale = math.nan
        if not 0 <= scale <= 2 or not any(f"{layer}.".startswith(f"{block}.") for layer in layers):
            blocks_of_unet = sorted(
                {".".join(layer.split(".")[: 1 if layer.startswith("mid") else 4]) for layer in layers}
            )
            raise SetupError(
                f"ENGINE_IMAGE_PROMPT_BLOCKS: expected blocks with scales from 0 to 2, got {part.strip()!r}; "
                f"blocks: {', '.join(blocks_of_unet)}"
            )
        scales[block] = scale
    return scales


class BranchReader:
    """Builds the conditions of one backbone's branches. settings: branch -> settings that differ from the defaults."""

    def __init__(
        self,
        branches: IPAdapterBranches,
        images: ReferenceReader,
        settings: Mapping[str, BranchSettings],
        references_max: int,
        device: str,
    ) -> None:
        self.images = images
        self._branches = branches
        self._settings = settings
        self._references_max = references_max
        self._device = device

    def conditions(
        self, drawings: Sequence[GenerationInput], guided: bool, of_head: bool, latent_size: tuple[int, int]
    ) -> dict[str, BranchCondition]:
        """K and V of every branch that at least one picture uses. Switches FaceID's LoRA on for pictures with a face
        embedding. latent_size: columns, rows."""
        branches, condition, negative = self._branches, {}, {}
        for name in (*BRANCHES, IMAGE_PROMPT):
            if name not in branches.image_projections:
                continue
            settings = self._settings.get(name, BranchSettings())
            scales = [settings.scale * getattr(drawing.settings, f"{name}_scale") for drawing in drawings]
            photos, owners = self._photos(name, drawings, of_head)
            if photos is None or not any(s * c for s, c in zip(scales, photos.counts, strict=True)):
                continue
            read = branches.condition(name, photos, scales)
            assert read.tokens is not None
            regions = None
            if name != IMAGE_PROMPT and any(drawing.companion is not None for drawing in drawings):
                regions = _halves(drawings, owners, read.tokens, latent_size)
            condition[name] = replace(read, block_scales=settings.blocks(of_head), regions=regions)
            if guided:
                unseen = ReferencePhotos(self.images.hidden_of_nothing(), [1], photos.embeddings)
                unread = branches.negative(name, unseen, condition[name])
                negative[name] = replace(unread, block_scales=condition[name].block_scales)
        if not condition:
            return {}
        if branches.lora is not None and "face" in condition:
            rows = (condition["face"].scale > 0).tolist()
            branches.lora.switch(rows * 2 if guided else rows, self._device)
        cached = branches.cache(condition)
        return with_negative(cached, branches.cache(negative)) if guided else cached

    def acting(self, conditions: Mapping[str, BranchCondition], passed: float) -> dict[str, BranchCondition]:
        """The conditions that act after the share `passed` of the steps."""
        return {
            name: condition
            for name, condition in conditions.items()
            if passed < self._settings.get(name, BranchSettings()).until
        }

    def crop(self, branch: str, view: View, clothes: Clothes, of_head: bool = False) -> ReferenceCrop | None:
        """The crop of a photo that the branch reads: for FaceID the aligned face, as in its training; for other face
        branches the head with its hair; for the body branch the body."""
        if branch == "face" and self._branches.reads_embeddings("face"):
            face = aligned_face(view, self.images.crop_px)
            return None if face is None else ReferenceCrop(face)
        if branch == "face" or of_head:
            return head_reference(view, self.images.crop_px)
        return body_reference(view, clothes, self.images.crop_px, self.images.patch_px)

    def _photos(
        self, branch: str, drawings: Sequence[GenerationInput], of_head: bool
    ) -> tuple[ReferencePhotos | RegionPhotos | None, list[list[int]]]:
        """The branch's input for all pictures, None where no picture has one; and per picture the person on each photo:
        0 the first, 1 the companion."""
        if branch == IMAGE_PROMPT:
            return self._image_prompts(drawings), []
        if branch in self._branches.readings:
            return self._regions(self._branches.readings[branch], drawings, of_head)
        embedded = self._branches.reads_embeddings(branch)
        crops: list[ReferenceCrop] = []
        embeddings: list[Tensor] = []
        owners: list[list[int]] = []
        for drawing in drawings:
            owners.append([])
            for owner, view in self._views(drawing):
                embedding = view.observation.face_embedding
                crop = self.crop(branch, view, drawing.settings.clothes, of_head)
                if crop is None or (embedded and embedding is None):
                    continue
                crops.append(crop)
                owners[-1].append(owner)
                if embedded and embedding is not None:
                    embeddings.append(torch.from_numpy(embedding))
        if not crops:
            return None, owners
        stacked = torch.stack(embeddings).to(self._device, self.images.dtype) if embedded else None
        return ReferencePhotos(self.images.hidden(crops), [len(own) for own in owners], stacked), owners

    def _views(self, drawing: GenerationInput) -> list[tuple[int, View]]:
        """The photos that are read, each with its person: 0 the first, 1 the companion."""
        people = [drawing.identity] if drawing.companion is None else [drawing.identity, drawing.companion]
        return [(owner, view) for owner, one in enumerate(people) for view in one.views[: self._references_max]]

    def _image_prompts(self, drawings: Sequence[GenerationInput]) -> ReferencePhotos | None:
        """The centre square of each image prompt, as in the training of IP-Adapters."""
        crops = [ReferenceCrop(drawing.image_prompt) for drawing in drawings if drawing.image_prompt is not None]
        if not crops:
            return None
        return ReferencePhotos(self.images.hidden(crops), [int(d.image_prompt is not None) for d in drawings])

    def _regions(
        self, reading: RegionReading, drawings: Sequence[GenerationInput], of_head: bool
    ) -> tuple[RegionPhotos | None, list[list[int]]]:
        """The photos' regions as in `_photos`; only the head's region while a head is redrawn."""
        images = self.images

        def shown(view: View, clothes: Clothes) -> dict[ImageRegion, RegionView]:
            return reading.regions_of(view, Clothes.CHANGE if of_head else clothes, images.crop_px, images.patch_px)

        photos = [
            [(owner, shown(view, drawing.settings.clothes)) for owner, view in self._views(drawing)]
            for drawing in drawings
        ]
        read = region_photos(
            [[photo for _, photo in own] for own in photos],
            reading,
            lambda crops: torch.stack(images.hidden([ReferenceCrop(crop) for crop in crops])),
        )
        return read, [[owner for owner, photo in own if photo] for own in photos]


def _halves(
    drawings: Sequence[GenerationInput], owners: Sequence[Sequence[int]], tokens: Tensor, latent_size: tuple[int, int]
) -> dict[int, Tensor]:
    """`BranchCondition.regions` for tokens [B, N, D]; owners: per picture the person of each photo, as `_photos`
    returns them."""
    columns, rows = latent_size
    slots = max(len(people) for people in owners)
    regions = torch.zeros(len(drawings), slots, rows, columns, device=tokens.device)
    for number, (drawing, people) in enumerate(zip(drawings, owners, strict=True)):
        for slot, owner in enumerate(people):
            if drawing.companion is None:
                regions[number, slot] = 1
            elif owner == 0:
                regions[number, slot, :, : columns // 2] = 1
            else:
                regions[number, slot, :, columns - columns // 2 :] = 1
    sizes = [(math.ceil(rows / 2**depth), math.ceil(columns / 2**depth)) for depth in range(LEVELS)]
    return region_masks(regions, [tokens.shape[1] // slots] * slots, sizes)
