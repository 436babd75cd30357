"""The head of a photo, turned, scaled and shifted onto the head of the target pose.

Texels of the body's texture are about two centimetres apart: too coarse for a face. Nose, eyes and ears of photo and
pose give a similarity transform that moves the photo's head to the pose. The network reads the moved head and redraws
it to fit the picture. A head that looks to the other side is mirrored first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.identity.skeleton import HEAD_JOINTS, MIRRORED_JOINTS

POINTS: Final = len(HEAD_JOINTS)
"""Nose, eyes and ears, the first of the COCO joints."""
SPREAD_MIN_PX: Final = 1.0
"""Least spread of the points about their mean in the target pose: a smaller one gives no direction."""
SCALE_RANGE: Final = (0.05, 12.0)
MIRRORED_BELOW: Final = 0.6
"""The mirrored head is taken where its error is less than this share of the other's: most heads look ahead, and a
mirrored face is not quite the same person."""


@dataclass(frozen=True)
class HeadPhoto:
    """A photo of the head. image: uint8 [H, W, 3]; mask: bool [H, W], true on head and hair; parts: uint8 [H, W] of
    BodyPart; points: float32 [POINTS, 3], x and y in px and weight 0..1."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    parts: NDArray[np.uint8]
    points: NDArray[np.float32]


@dataclass(frozen=True)
class AlignedHead:
    """A head moved to its place in the target pose. rgb: uint8 [H, W, 3], 0 outside the head; mask: uint8 [H, W];
    parts: uint8 [H, W], 0 outside the head."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    parts: NDArray[np.uint8]


def aligned_head(photos: Sequence[HeadPhoto], joints: NDArray[np.float32], size: tuple[int, int]) -> AlignedHead:
    """Aligns the head of the photo that fits the pose best; empty if no photo fits. joints: [17, 3] as in
    `NanoRequest`; size: height and width of the result in px."""
    height, width = size
    target = joints[:POINTS] * np.array([width, height, 1], np.float32)
    best: tuple[float, NDArray[np.float32], HeadPhoto] | None = None
    for photo in photos:
        columns = photo.image.shape[1]
        turn = np.array([[-1, 0, columns], [0, 1, 0], [0, 0, 1]], np.float32)
        mirrored_points = photo.points[list(MIRRORED_JOINTS[:POINTS])]
        mirrored_points[:, 0] = columns - mirrored_points[:, 0]
        identity_matrix = np.eye(3, dtype=np.float32)
        for points, before, handicap in (
            (photo.points, identity_matrix, 1.0),
            (mirrored_points, turn, MIRRORED_BELOW),
        ):
            fit = _similarity(points, target)
            if fit is not None and (best is None or fit[1] / handicap < best[0]):
                best = fit[1] / handicap, fit[0] @ before, photo
    if best is None:
        empty = np.zeros(size, np.uint8)
        return AlignedHead(np.zeros((*size, 3), np.uint8), empty, empty)
    _, matrix, photo = best
    foreground = np.where(photo.mask[..., None], photo.image, np.uint8(0))
    rgb = _warp(np.dstack([foreground, photo.mask.astype(np.uint8) * 255]), matrix, size)
    parts = np.where(photo.mask, photo.parts, np.uint8(0))
    labels = cv2.warpAffine(parts, matrix, (width, height), flags=cv2.INTER_NEAREST)
    return AlignedHead(rgb[..., :3], rgb[..., 3], np.asarray(labels, np.uint8))


def _similarity(points: NDArray[np.float32], target: NDArray[np.float32]) -> tuple[NDArray[np.float32], float] | None:
    """The similarity transform [2, 3] that fits the points common to both in least squares, and its error in px. None
    if fewer than two points are common or they lie too close together."""
    weight = points[:, 2] * target[:, 2]
    if (weight > 0).sum() < 2:
        return None
    weight = weight / weight.sum()
    source, end = points[:, 0] + 1j * points[:, 1], target[:, 0] + 1j * target[:, 1]
    centre, middle = (weight * source).sum(), (weight * end).sum()
    source, end = source - centre, end - middle
    if (weight * np.abs(end) ** 2).sum() < SPREAD_MIN_PX**2 or (weight * np.abs(source) ** 2).sum() < 1e-6:
        return None
    factor = (weight * source.conj() * end).sum() / (weight * np.abs(source) ** 2).sum()
    if not SCALE_RANGE[0] <= abs(factor) <= SCALE_RANGE[1]:
        return None
    error = float(np.sqrt((weight * np.abs(end - factor * source) ** 2).sum()))
    shift = middle - factor * centre
    matrix = [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    return np.array(matrix, np.float32), error


def _warp(picture: NDArray[np.uint8], matrix: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """picture under the transform at `size`; shrunk by averages first where warpAffine would skip pixels."""
    height, width = size
    shrink = max(1, int(1 / max(np.hypot(matrix[0, 0], matrix[1, 0]), 1e-3)))
    if shrink > 1:
        rows, columns = picture.shape[0] // shrink, picture.shape[1] // shrink
        if min(rows, columns) >= 2:
            scale = np.array([picture.shape[1] / columns, picture.shape[0] / rows])
            picture = np.asarray(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
            matrix = np.column_stack([matrix[:, :2] * scale, matrix[:, 2]]).astype(np.float32)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR), np.uint8)
