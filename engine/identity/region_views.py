"""A person's regions as an image encoder reads them: square crops, and the nearness of each patch to a joint.

Training and drawing both crop by this module, so that an adapter reads the same crops in both. The background becomes
the encoder's mean colour, which is zero after normalisation, because an adapter copies all that its encoder reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.identity.body import person_mask
from engine.identity.body_weighting import SIGMA, keypoint_weights
from engine.identity.crops import body_window, head_box, window
from engine.identity.observation import Box, Observation
from engine.identity.profile import View
from engine.identity.regions import ImageRegion, region_boxes

MEAN_RGB: Final = (123, 117, 104)
"""CLIP's mean colour."""
PERSON_SHARE_MIN: Final = 0.1
"""The share of the body's box below which a mask is distrusted and the background is kept."""


@dataclass(frozen=True, eq=False)
class RegionView:
    """image: RGB square. nearness: float32 [patches, patches] in 0..1, a Gaussian around the nearest joint divided by
    its largest value (`engine.identity.body_weighting` with alpha 0); ones without a visible joint."""

    image: Image.Image
    nearness: NDArray[np.float32]


def region_views(view: View, crop_px: int, patch_px: int) -> dict[ImageRegion, RegionView]:
    """The regions that the photo shows; WHOLE is always among them."""
    (photo, _), patches = without_surroundings(view), crop_px // patch_px
    return {
        region: RegionView(window(photo, box, crop_px, crop_px), _nearness(view.observation, box, patches))
        for region, box in region_windows(view.observation).items()
    }


def region_windows(observation: Observation) -> dict[ImageRegion, Box]:
    """Squares px, which may extend beyond the photo: the head with its hair where a face was detected, and the body
    with a margin, or the whole photo without a body."""
    whole = (
        body_window(observation.body_box, 1.0)
        if observation.body_box
        else _square((0.0, 0.0, observation.width, observation.height))
    )
    windows = {ImageRegion.WHOLE: whole}
    for region, box in region_boxes(observation).items():
        if region is ImageRegion.HEAD and observation.face_box is not None:
            windows[region] = head_box(observation.face_box)
        elif region is not ImageRegion.WHOLE:
            windows[region] = _square(box)
    return windows


def without_surroundings(view: View) -> tuple[Image.Image, Image.Image | None]:
    """The person on the mean colour, and the person's mask; the unchanged photo and None where there is no mask or it
    is too small."""
    observation, mask = view.observation, person_mask(view.observation)
    if mask is None:
        return view.image, None
    x0, y0, x1, y1 = observation.body_box or (0.0, 0.0, float(observation.width), float(observation.height))
    area = max((x1 - x0) * (y1 - y0), 1.0)
    if float(np.asarray(mask, np.float32).sum()) / 255 < PERSON_SHARE_MIN * area:
        return view.image, None
    return Image.composite(view.image, Image.new("RGB", view.image.size, MEAN_RGB), mask), mask


def _nearness(observation: Observation, box: Box, patches: int) -> NDArray[np.float32]:
    """`RegionView.nearness` of the crop `box`; sigma is a share of the body's height, so that Gaussians have the same
    width on the body in all crops."""
    if observation.keypoints is None:
        return np.ones((patches, patches), np.float32)
    x0, y0, x1, y1 = box
    joints = observation.keypoints.copy()
    joints[:, :2] = (joints[:, :2] - (x0, y0)) * patches / np.array([x1 - x0, y1 - y0], np.float32)
    body_px = observation.height if observation.body_box is None else observation.body_box[3] - observation.body_box[1]
    return keypoint_weights(joints, patches, patches, SIGMA * body_px / (y1 - y0), alpha=0.0)


def _square(box: tuple[float, float, float, float]) -> Box:
    half = max(box[2] - box[0], box[3] - box[1], 1.0) / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return x - half, y - half, x + half, y + half
