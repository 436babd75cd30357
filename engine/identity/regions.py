"""Regions of a body that a backbone reads: whole, head, torso, legs, feet; invisible ones are left out.

A region is located by joints, or by the part map where its joints are invisible.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.body import BodyPart, parts_on_photo
from engine.identity.crops import clipped, head_box, window
from engine.identity.observation import Box, Observation
from engine.identity.profile import View
from engine.identity.skeleton import ANKLES, CONFIDENCE_MIN, HEAD_JOINTS, HIPS, KNEES, SHOULDERS

PIXELS_MIN: Final = 0.002
"""The share of the photo below which a region counts as invisible."""
_FACE_PER_EARS: Final = 1.15
"""Height and width of a face box in distances between the outermost of eyes, ears and nose."""
_FACE_PER_SHOULDERS: Final = 0.42


class ImageRegion(StrEnum):
    """The regions of a body."""

    WHOLE = "whole"
    HEAD = "head"
    TORSO = "torso"
    LEGS = "legs"
    FEET = "feet"


def region_boxes(observation: Observation) -> dict[ImageRegion, Box]:
    """The regions that the photo shows, px, inside the photo."""
    parts = parts_on_photo(observation)
    found = {
        ImageRegion.WHOLE: observation.body_box,
        ImageRegion.HEAD: _head(observation, parts),
        ImageRegion.TORSO: _torso(observation, parts),
        ImageRegion.LEGS: _legs(observation, parts),
        ImageRegion.FEET: _feet(observation, parts),
    }
    return {
        region: clipped(box, observation.width, observation.height) for region, box in found.items() if box is not None
    }


def region_crops(view: View, size: int) -> dict[ImageRegion, Image.Image]:
    """Each region as an RGB square of `size` px, with its proportions."""
    return {
        region: window(view.image, _square(box), size, size) for region, box in region_boxes(view.observation).items()
    }


def _head(observation: Observation, parts: NDArray[np.uint8] | None) -> Box | None:
    if observation.face_box is not None:
        return head_box(observation.face_box)
    joints = _visible_points(observation, HEAD_JOINTS)
    if len(joints) >= 2:
        spread = float(np.ptp(joints, axis=0).max()) * _FACE_PER_EARS
        shoulders = _visible_points(observation, SHOULDERS)
        if len(shoulders) == 2:
            spread = max(spread, float(np.linalg.norm(shoulders[0] - shoulders[1])) * _FACE_PER_SHOULDERS)
        x, y = joints.mean(0)
        return head_box((x - spread / 2, y - spread / 2, x + spread / 2, y + spread / 2))
    return _box_of_parts(parts, BodyPart.FACE, BodyPart.HAIR)


def _torso(observation: Observation, parts: NDArray[np.uint8] | None) -> Box | None:
    shoulders, hips = _visible_points(observation, SHOULDERS), _visible_points(observation, HIPS)
    if not len(shoulders):
        return _box_of_parts(parts, BodyPart.TOP)
    reach = float(np.ptp(shoulders, axis=0).max()) or 0.25 * _height(observation)
    if len(hips):
        return _around(np.concatenate([shoulders, hips]), 0.25 * reach)
    x0, y0, x1, y1 = _around(shoulders, 0.25 * reach)
    return x0, y0, x1, y1 + 1.3 * reach


def _legs(observation: Observation, parts: NDArray[np.uint8] | None) -> Box | None:
    lower = _visible_points(observation, (*KNEES, *ANKLES))
    if not len(lower):
        return _box_of_parts(parts, BodyPart.BOTTOM)
    joints = np.concatenate([_visible_points(observation, HIPS), lower])
    return _around(joints, 0.12 * max(float(np.ptp(joints, axis=0).max()), 0.1 * _height(observation)))


def _feet(observation: Observation, parts: NDArray[np.uint8] | None) -> Box | None:
    ankles = _visible_points(observation, ANKLES)
    if not len(ankles):
        return _box_of_parts(parts, BodyPart.SHOES)
    x0, y0, x1, y1 = _around(ankles, 0.07 * _height(observation))
    shoes = _box_of_parts(parts, BodyPart.SHOES)
    return (x0, y0, x1, y1) if shoes is None else _union((x0, y0, x1, y1), shoes)


def _height(observation: Observation) -> float:
    box = observation.body_box
    return float(observation.height) if box is None else box[3] - box[1]


def _visible_points(observation: Observation, joints: tuple[int, ...]) -> NDArray[np.float32]:
    """[n, 2] px of the visible ones of `joints`."""
    if observation.keypoints is None:
        return np.zeros((0, 2), np.float32)
    chosen = observation.keypoints[list(joints)]
    return np.asarray(chosen[chosen[:, 2] >= CONFIDENCE_MIN, :2], np.float32)


def _box_of_parts(parts: NDArray[np.uint8] | None, *kinds: BodyPart) -> Box | None:
    if parts is None:
        return None
    shows = np.isin(parts, kinds)
    if shows.mean() < PIXELS_MIN:
        return None
    rows, columns = np.flatnonzero(shows.any(1)), np.flatnonzero(shows.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _around(points: NDArray[np.float32], margin: float) -> Box:
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    return float(x0) - margin, float(y0) - margin, float(x1) + margin, float(y1) + margin


def _union(box: Box, other: Box) -> Box:
    return min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3])


def _square(box: Box) -> Box:
    half = max(box[2] - box[0], box[3] - box[1], 1.0) / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return x - half, y - half, x + half, y + half
