"""Clothes that neither the photos show nor the words name.

The seed chooses them, so that the picture shows one outfit and not the mean of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from engine.backbones.nano.attributes import BOTTOM, SHOES, TOP, Attributes
from engine.backbones.nano.references import PreparedReference
from engine.body.atlas import Atlas, Region
from engine.body.texture import SURENESS

OUTFITS: Final[tuple[Attributes, ...]] = (
    {"top": "t-shirt", "top_colour": "white", "bottom": "trousers", "bottom_colour": "navy", "shoes_colour": "white"},
    {"top": "shirt", "top_colour": "blue", "bottom": "trousers", "bottom_colour": "beige", "shoes_colour": "brown"},
    {"top": "long-sleeved shirt", "top_colour": "grey", "bottom": "trousers", "bottom_colour": "black"},
    {"top": "hoodie", "top_colour": "navy", "bottom": "trousers", "bottom_colour": "grey", "shoes_colour": "white"},
    {"top": "t-shirt", "top_colour": "green", "bottom": "trousers", "bottom_colour": "brown", "shoes_colour": "black"},
)
ALWAYS: Final[Attributes] = {
    "top_pattern": "plain",
    "bottom_pattern": "plain",
    "shoes": "sneakers",
    "shoes_colour": "black",
}
SEEN_MIN: Final = 0.25
"""A garment is seen where the texels of its region have this sureness on average."""
GARMENTS: Final = ((TOP, Region.TORSO), (BOTTOM, Region.LEGS), (SHOES, Region.FEET))


def with_outfit(attributes: Attributes, photos: Sequence[PreparedReference], atlas: Atlas, seed: int) -> Attributes:
    """`attributes`, completed by kind, colour and pattern of the garments that neither they nor `photos` determine; a
    dress is top and bottom."""
    outfit = ALWAYS | OUTFITS[int(np.random.default_rng([29, seed]).integers(len(OUTFITS)))]
    sureness = torch.stack([photo.texture[SURENESS] for photo in photos]).amax(0)
    result = dict(attributes)
    for slots, region in GARMENTS:
        if float(sureness[atlas.region == region].mean()) < SEEN_MIN:
            result = {slot: outfit[slot] for slot in slots if slot in outfit} | result
    if result.get("top") == "dress":
        bottom = {slot: result[of] for slot, of in zip(BOTTOM, TOP, strict=False) if of in result}
        result |= bottom
    return result
