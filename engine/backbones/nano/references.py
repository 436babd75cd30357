"""Converts a photo of a person to the inputs of nano's branches: views of face and body, and the texture of the
surface.

Training and inference use the same functions. A photo has the size of nano's pictures, and comes with the person's mask
and body map. Garments that are to change are hidden by the regions of the body that they cover.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.backbones.nano.appearance import ReferenceViews
from engine.backbones.nano.head_alignment import POINTS, AlignedHead, HeadPhoto
from engine.backbones.nano.network import BODY_SIZE, FACE_SIZE
from engine.body.atlas import Atlas, Region
from engine.body.body_map import MAP_SCALE, BodyMaps
from engine.body.texture import PARTS, Sources, texture_of
from engine.identity.body import BodyPart
from engine.identity.skeleton import EYES, NOSE

GREY: Final = 128
OFF_PERSON: Final = 255
FACE_MARGIN: Final = 1.25
"""The side of the face view in sides of the head's box, so that hair is in the view."""
BODY_MARGIN: Final = 1.08
PALETTE_PIXELS: Final = 12
"""The number of pixels at which a part counts as half seen: fewer are mostly its edge, in mixed colours."""
HEAD_PIXELS_MIN: Final = 8
"""The least number of map pixels of a head whose face can be seen."""
CHIN: Final = 2.6
"""The distance from the eyes to the limit of the chin, in distances from eyes to the tip of the nose; the chin of most
faces is at 2.3."""
FROM_SIDE: Final = 0.8
"""The distance between the eyes, in distances from eyes to nose, below which a head is seen from the side."""
UNDER_TOP: Final = (Region.TORSO, Region.WAIST)
UNDER_BOTTOM: Final = (Region.LEGS, Region.WAIST)
UNDER_SHOES: Final = (Region.FEET,)
GARMENTS: Final = ((BodyPart.TOP, UNDER_TOP), (BodyPart.BOTTOM, UNDER_BOTTOM), (BodyPart.SHOES, UNDER_SHOES))

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in px of the photo."""


@dataclass(frozen=True)
class ReferencePhoto:
    """image uint8 [H, W, 3]; person bool [H, W]; parts uint8 [H, W] of BodyPart; joints float32 [17, 3]: x and y in
    0..1, weight; surface uint16 and normal uint8 of the body map, at half the size; regions uint8 [H/2, W/2]:
    `regions_of`."""

    image: NDArray[np.uint8]
    person: NDArray[np.bool_]
    parts: NDArray[np.uint8]
    joints: NDArray[np.float32]
    surface: NDArray[np.uint16]
    normal: NDArray[np.uint8]
    regions: NDArray[np.uint8]


@dataclass(frozen=True)
class PhotoView:
    """A crop for one branch: rgb uint8 [H, W, 3], mask uint8 [H, W], parts uint8 [H, W], surface uint16 [H, W], normal
    uint8 [H, W, 3]."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    surface: NDArray[np.uint16]
    normal: NDArray[np.uint8]


@dataclass(frozen=True)
class PreparedReference:
    """face: None where the photo shows none; texture float [TEXEL_VALUES, T] of `texture_of`; colours float [PARTS, 4]:
    the sum of the RGB values in [-1, 1] of each part's pixels, and their number."""

    face: PhotoView | None
    body: PhotoView
    texture: Tensor
    colours: Tensor
    head: HeadPhoto


def regions_of(surface: NDArray[np.uint16], person: NDArray[np.bool_], atlas: Atlas) -> NDArray[np.uint8]:
    """uint8 [h, w]: the region of the body at each pixel of person [h, w]; that of the nearest body pixel where hair or
    a wide garment covers none; OFF_PERSON elsewhere."""
    on_body = surface > 0
    if not on_body.any():
        return np.full(surface.shape, OFF_PERSON, np.uint8)
    table = atlas.region.numpy().astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        (~on_body).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # a label is the number of a body pixel; which one is read off at that pixel itself
    region_of_label = np.zeros(int(labels.max()) + 1, np.uint8)
    region_of_label[labels[on_body]] = table[surface[on_body].astype(np.int64) - 1]
    return np.where(person, region_of_label[labels], np.uint8(OFF_PERSON))


def shrunk(person: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask [H, W] at the body map's size: true where half of the pixels are."""
    rows, columns = person.shape[0] // MAP_SCALE, person.shape[1] // MAP_SCALE
    mean = cv2.resize(person.astype(np.uint8) * 255, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(mean >= 128)


def prepare(
    photo: ReferencePhoto,
    sources: Sources,
    hidden_regions: Collection[Region],
    atlas: Atlas,
    head_photo: HeadPhoto | None = None,
) -> PreparedReference:
    """The inputs of the branches and of the texture from one photo. The `hidden_regions` are removed from them; so is
    every garment that covers only hidden regions, also where it shows elsewhere, as at a collar. head_photo: the head
    with more pixels than `photo` has, where the user's photo has more."""
    in_hidden_region = np.isin(photo.regions, [int(region) for region in hidden_regions])
    garment_removed = np.isin(photo.parts, [int(part) for part, under in GARMENTS if set(under) <= set(hidden_regions)])
    visible = photo.person & ~garment_removed & ~np.repeat(np.repeat(in_hidden_region, MAP_SCALE, 0), MAP_SCALE, 1)
    parts = np.where(visible, photo.parts, np.uint8(BodyPart.BACKGROUND))
    foreground = np.where(visible[..., None], photo.image, np.uint8(GREY))
    head = photo.regions == int(Region.HEAD)
    face = None
    if head.sum() >= HEAD_PIXELS_MIN:
        face = _view(
            photo, foreground, visible, parts, _box_around(head, MAP_SCALE), (FACE_SIZE, FACE_SIZE), FACE_MARGIN
        )
    whole: Box = (0.0, 0.0, float(foreground.shape[1]), float(foreground.shape[0]))
    box = _box_around(photo.person, 1) if photo.person.any() else whole
    body = _view(photo, foreground, visible, parts, box, BODY_SIZE, BODY_MARGIN)
    small = cv2.resize(photo.image, photo.surface.shape[::-1], interpolation=cv2.INTER_AREA)
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1
    hidden_texels = torch.isin(atlas.region, torch.tensor([int(region) for region in hidden_regions]))
    hidden_texels |= torch.from_numpy(garment_removed[::MAP_SCALE, ::MAP_SCALE].ravel()[sources.pixel])
    sureness = torch.from_numpy(sources.sureness) * ~hidden_texels
    labels = torch.from_numpy(parts[::MAP_SCALE, ::MAP_SCALE].copy())[None]
    texture = texture_of(pixels, labels, torch.from_numpy(sources.pixel).long()[None], sureness[None])[0]
    colours = torch.from_numpy(_colours(photo.image, parts))
    return PreparedReference(face, body, texture, colours, head_photo or head_photo_of(photo))


def head_photo_of(photo: ReferencePhoto) -> HeadPhoto:
    """Head and hair of a photo with their joints, without collars, and without what is below the chin but hair beside
    the neck: parsers take a dark collar for skin or hair, and pictures had a beard of it."""
    clothes = np.isin(photo.parts, [int(part) for part, _ in GARMENTS])
    near = np.repeat(np.repeat(photo.regions == int(Region.HEAD), MAP_SCALE, 0), MAP_SCALE, 1)
    mask = photo.person & ~clothes & (near | (photo.parts == int(BodyPart.HAIR)))
    height, width = mask.shape
    points = photo.joints[:POINTS] * np.array([width, height, 1], np.float32)
    below, neck = _below_chin(points, mask.shape)
    mask &= ~below | (~neck & (photo.parts == int(BodyPart.HAIR)))
    return HeadPhoto(photo.image, _largest_piece(mask), photo.parts, points)


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece of a mask bool [H, W]. Smaller pieces are parts of clothes that were mistaken for
    hair."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return mask if count <= 2 else np.asarray(labels == 1 + facts[1:, cv2.CC_STAT_AREA].argmax())


def _below_chin(points: NDArray[np.float32], size: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool [H, W] each for points [POINTS, 3] in px: beyond the chin, square to the line of the eyes; and along the
    neck, at most the distance of the eyes from its axis. Both empty where eyes or nose are not seen, or from the side,
    where the line of the eyes says little."""
    nose, eyes = points[NOSE], points[list(EYES)]
    middle, eye_line = eyes[:, :2].mean(0), eyes[0, :2] - eyes[1, :2]
    between = float(np.hypot(*eye_line))
    down = np.array([-eye_line[1], eye_line[0]]) / max(between, 1e-6)
    length = float((nose[:2] - middle) @ down)
    if min(nose[2], eyes[:, 2].min()) <= 0 or between < abs(length) * FROM_SIDE:
        return np.zeros(size, bool), np.zeros(size, bool)
    if length < 0:
        down, length = -down, -length
    rows, columns = np.indices(size)
    x, y = columns - middle[0], rows - middle[1]
    beyond = x * down[0] + y * down[1] > CHIN * length
    return beyond, beyond & (np.abs(x * down[1] - y * down[0]) < between)


def _colours(image: NDArray[np.uint8], parts: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The sum of the RGB values of each part's pixels and their number, as in PreparedReference."""
    on_person = parts > 0
    labels, values = parts[on_person], image[on_person] / np.float32(127.5) - 1
    sums = [np.bincount(labels, values[:, channel], PARTS) for channel in range(3)]
    return np.stack([*sums, np.bincount(labels, minlength=PARTS)], 1).astype(np.float32)


def palette_of(references: Sequence[PreparedReference]) -> Tensor:
    """The mean colour of each part over photos of one person: float [PARTS, 4], RGB in [-1, 1] times how well the part
    is seen, and that in 0..1. The background is no part of a person and has none."""
    total = torch.stack([reference.colours for reference in references]).sum(0)
    count = total[:, 3:]
    visibility = count / (count + PALETTE_PIXELS)
    palette = torch.cat([total[:, :3] / count.clamp(min=1) * visibility, visibility], 1)
    palette[int(BodyPart.BACKGROUND)] = 0
    return palette


def _box_around(mask: NDArray[np.bool_], scale: int) -> Box:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        float(columns[0] * scale),
        float(rows[0] * scale),
        float((columns[-1] + 1) * scale),
        float((rows[-1] + 1) * scale),
    )


def _view(
    photo: ReferencePhoto,
    foreground: NDArray[np.uint8],
    visible: NDArray[np.bool_],
    parts: NDArray[np.uint8],
    box: Box,
    size: tuple[int, int],
    margin: float,
) -> PhotoView:
    """The window around `box` with the aspect of `size`; grey and empty beyond the photo."""
    width, height = size
    middle_x, middle_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    pixel = max((box[2] - box[0]) / width, (box[3] - box[1]) / height, 1e-3) * margin
    left, top = middle_x - pixel * width / 2, middle_y - pixel * height / 2
    # drawn at a multiple of the size and averaged: warpAffine alone would skip pixels when it shrinks
    times = max(1, min(4, round(pixel)))
    fine = (width * times, height * times)
    matrix = np.array([[times / pixel, 0, -left * times / pixel], [0, times / pixel, -top * times / pixel]], np.float32)
    rgb = cv2.warpAffine(foreground, matrix, fine, flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY))
    mask = cv2.warpAffine(visible.astype(np.uint8) * 255, matrix, fine, flags=cv2.INTER_LINEAR, borderValue=0)
    if times > 1:
        rgb, mask = (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (rgb, mask))
    exact = np.array([[1 / pixel, 0, -left / pixel], [0, 1 / pixel, -top / pixel]], np.float32)
    labels = cv2.warpAffine(parts, exact, size, flags=cv2.INTER_NEAREST, borderValue=0)
    coarse = np.array([[MAP_SCALE / pixel, 0, -left / pixel], [0, MAP_SCALE / pixel, -top / pixel]], np.float32)
    surface = cv2.warpAffine(photo.surface, coarse, size, flags=cv2.INTER_NEAREST, borderValue=0)
    normal = cv2.warpAffine(photo.normal, coarse, size, flags=cv2.INTER_NEAREST, borderValue=(0, 0, 0))
    return PhotoView(rgb, mask, labels, surface, normal)


def stacked_views(prepared: list[PreparedReference], atlas: Atlas) -> ReferenceViews:
    """A batch of views, one reference per person; an empty face view for a reference without a face."""
    empty = PhotoView(
        np.full((FACE_SIZE, FACE_SIZE, 3), GREY, np.uint8),
        np.zeros((FACE_SIZE, FACE_SIZE), np.uint8),
        np.zeros((FACE_SIZE, FACE_SIZE), np.uint8),
        np.zeros((FACE_SIZE, FACE_SIZE), np.uint16),
        np.zeros((FACE_SIZE, FACE_SIZE, 3), np.uint8),
    )
    faces = [reference.face or empty for reference in prepared]
    bodies = [reference.body for reference in prepared]
    return ReferenceViews(*_stack_views(faces, atlas), *_stack_views(bodies, atlas))


def stacked_heads(heads: Sequence[AlignedHead]) -> tuple[Tensor, Tensor]:
    """float [B, 4, H, W]: RGB in [-1, 1] times the mask, and the mask in 0..1; int64 [B, H, W] of BodyPart."""
    mask = torch.from_numpy(np.stack([head.mask for head in heads]))[:, None].float() / 255
    rgb = torch.from_numpy(np.stack([head.rgb for head in heads])).permute(0, 3, 1, 2).float() / 127.5
    parts = torch.from_numpy(np.stack([head.parts for head in heads]).astype(np.int64))
    return torch.cat([rgb - mask, mask], 1), parts


def _stack_views(views: list[PhotoView], atlas: Atlas) -> tuple[Tensor, Tensor]:
    rgb = torch.from_numpy(np.stack([view.rgb for view in views])).permute(0, 3, 1, 2).float() / 127.5 - 1
    mask = torch.from_numpy(np.stack([view.mask for view in views]))[:, None].float() / 127.5 - 1
    maps = body_maps_of(np.stack([view.surface for view in views]), np.stack([view.normal for view in views]))
    parts = torch.from_numpy(np.stack([view.parts for view in views]).astype(np.int64))
    return torch.cat([rgb, mask, maps.channels(atlas)], 1), parts


def body_maps_of(surface: NDArray[np.uint16], normal: NDArray[np.uint8]) -> BodyMaps:
    """BodyMaps from the arrays that are stored: surface [B, h, w], normal [B, h, w, 3] in 0..255."""
    numbers = torch.from_numpy(surface.astype(np.int64))
    normals = torch.from_numpy(normal).permute(0, 3, 1, 2).float() / 127.5 - 1
    return BodyMaps(numbers, normals * (numbers > 0)[:, None])
