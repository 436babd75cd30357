"""Views with the clothes hidden, for pictures in other clothes than those of the photos.

Skin, hair and head stay as they are; garments become one grey, the same that nano has been trained with.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.identity.body import GARMENTS, BodyPart, parts_on_photo
from engine.identity.crops import head_box
from engine.identity.faces import load_opencv
from engine.identity.observation import Box, Observation
from engine.identity.profile import View
from engine.identity.regions import ImageRegion, region_boxes

HIDDEN_RGB: Final = (128, 128, 128)
GARMENT_SHARE_MIN: Final = 0.25
"""The share of garment pixels in the torso's box below which the part map is distrusted and boxes are used."""
_RIM: Final = 1 / 100
"""The hidden area grows by this share of the body's height: the part map is coarse."""


def without_clothes(view: View) -> Image.Image:
    """The photo with torso, legs and feet greyed out where garments are, by the part map or else by boxes.

    A photo without a detected face or body is returned unchanged."""
    hidden = garment_mask(view.observation)
    if hidden is None:
        return view.image
    return Image.composite(Image.new("RGB", view.image.size, HIDDEN_RGB), view.image, hidden)


def garment_mask(observation: Observation) -> Image.Image | None:
    """Mode L in the photo's size, 255 where clothes are or must be expected; None without a body."""
    boxes = region_boxes(observation)
    if not boxes:
        return None
    parts = parts_on_photo(observation)
    if parts is not None and _believable(parts, boxes):
        return _from_parts(observation, parts)
    return _from_boxes(observation, boxes)


def _believable(parts: NDArray[np.uint8], boxes: dict[ImageRegion, Box]) -> bool:
    """Whether the part map shows clothes where they must be."""
    if ImageRegion.TORSO not in boxes:
        return bool(np.isin(parts, GARMENTS).any())
    x0, y0, x1, y1 = (round(side) for side in boxes[ImageRegion.TORSO])
    torso = parts[y0:y1, x0:x1]
    return torso.size > 0 and float(np.isin(torso, GARMENTS).mean()) >= GARMENT_SHARE_MIN


def _from_parts(observation: Observation, parts: NDArray[np.uint8]) -> Image.Image:
    """The garments with a rim, which covers background but no skin, hair or face."""
    garments = np.isin(parts, GARMENTS).astype(np.uint8)
    height = observation.height if observation.body_box is None else observation.body_box[3] - observation.body_box[1]
    rim = 2 * round(_RIM * height) + 1
    grown = load_opencv().dilate(garments, np.ones((rim, rim), np.uint8))
    rim_only = (grown > 0) & (parts == BodyPart.BACKGROUND)
    return Image.fromarray(((garments > 0) | rim_only).astype(np.uint8) * 255)


def _from_boxes(observation: Observation, boxes: dict[ImageRegion, Box]) -> Image.Image:
    """The body below the head."""
    mask = Image.new("L", (observation.width, observation.height))
    brush = ImageDraw.Draw(mask)
    for region, box in boxes.items():
        if region is not ImageRegion.HEAD:
            brush.rectangle(_below_head(box, boxes, observation), fill=255)
    if observation.face_box is not None:
        brush.rectangle(_upper_half(head_box(observation.face_box), observation.face_box), fill=0)
    return mask


def _below_head(box: Box, boxes: dict[ImageRegion, Box], observation: Observation) -> Box:
    """The part of `box` below the chin; without a head, below the shoulders of an average standing person."""
    x0, y0, x1, y1 = box
    if observation.face_box is not None:
        chin = observation.face_box[3]
    elif ImageRegion.HEAD in boxes:
        chin = boxes[ImageRegion.HEAD][3]
    else:
        whole = boxes.get(ImageRegion.WHOLE, box)
        chin = whole[1] + (whole[3] - whole[1]) / 7
    return x0, min(max(y0, chin), y1), x1, y1


def _upper_half(head: Box, face: Box) -> Box:
    return head[0], head[1], head[2], face[3]
