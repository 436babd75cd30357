"""Converts a user's photo to a reference of nano's size, with the person framed as on the photos that nano learned
from.

A whole figure has a margin in the frame; for a portrait or half length, the frame ends where the photo ends. The body
map is predicted from the joints on the photo.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.backbones.nano.head import portrait_window
from engine.backbones.nano.head_alignment import HeadPhoto
from engine.backbones.nano.references import ReferencePhoto, head_photo_of, regions_of, shrunk
from engine.body.atlas import Atlas
from engine.body.mapper import BodyMapper
from engine.body.texture import PARTS
from engine.identity.body import parts_on_photo
from engine.identity.profile import View
from engine.identity.skeleton import CONFIDENCE_MIN, HIPS, KNEES

MARGIN: Final = 1.14
"""The size of the frame in sizes of the person's box, as in rendered photos, where people take .76 to .93 of the
height."""
AT_EDGE: Final = 0.03
"""The largest distance from the lower edge at which a person counts as cut off there, in heights of the photo."""
JOINTS_MIN: Final = 3
PERSON_MIN: Final = 0.005
"""The least share of the frame that the person covers; with less, the photo shows nothing."""

Window = tuple[float, float, float, float]
"""x0, y0, x1, y1 in px of the photo; may reach beyond it."""


def window_of(person: NDArray[np.bool_], joints: NDArray[np.float32], aspect: float) -> Window:
    """The frame's place on a photo with the mask person [H, W] and joints [17, 3] in px; aspect: width / height."""
    rows, columns = np.flatnonzero(person.any(1)), np.flatnonzero(person.any(0))
    top, bottom = float(rows[0]), float(rows[-1] + 1)
    left, right = float(columns[0]), float(columns[-1] + 1)
    visible = joints[:, 2] >= CONFIDENCE_MIN
    cut_off = bottom >= person.shape[0] * (1 - AT_EDGE) and not visible[list(KNEES)].any()
    height = (bottom - top) * MARGIN
    if cut_off:
        # shoulders may leave the frame at the sides, as they do in portraits; the head must not
        middle = float(joints[visible, 0].mean()) if visible.any() else (left + right) / 2
        if visible[list(HIPS)].any():
            height = max(height, (right - left) / aspect * 0.8)
        low = bottom
    else:
        height = max(height, (right - left) * MARGIN / aspect)
        middle, low = (left + right) / 2, (top + bottom) / 2 + height / 2
    width = height * aspect
    return middle - width / 2, low - height, middle + width / 2, low


def reference_of(
    view: View, mapper: BodyMapper, atlas: Atlas, size: tuple[int, int], build: tuple[float, float, float]
) -> ReferencePhoto | None:
    """The `reference_photo` of an examined photo; None where no body was searched for or found."""
    observation, parts = view.observation, parts_on_photo(view.observation)
    if parts is None or observation.keypoints is None:
        return None
    return reference_photo(_pixels(view), parts, observation.keypoints, mapper, atlas, size, build)


def large_head_of(
    view: View, mapper: BodyMapper, atlas: Atlas, size: tuple[int, int], build: tuple[float, float, float]
) -> HeadPhoto | None:
    """The head of a photo, as large as in portraits: with pixels that a small figure in nano's frame lacks. None where
    an ear or a shoulder was not detected."""
    observation, parts = view.observation, parts_on_photo(view.observation)
    if parts is None or observation.keypoints is None:
        return None
    rows, columns = parts.shape
    share = np.array([columns, rows, 1], np.float32)
    window = portrait_window(np.asarray(observation.keypoints / share, np.float32), columns / rows)
    if window is None:
        return None
    left, top, right, bottom = window.box
    box = (left * columns, top * rows, right * columns, bottom * rows)
    return head_photo_of(_in_window(_pixels(view), parts, observation.keypoints, box, mapper, atlas, size, build))


def _pixels(view: View) -> NDArray[np.uint8]:
    return np.asarray(view.image.convert("RGB"), np.uint8)


def reference_photo(
    image: NDArray[np.uint8],
    parts: NDArray[np.uint8],
    keypoints: NDArray[np.float32],
    mapper: BodyMapper,
    atlas: Atlas,
    size: tuple[int, int],
    build: tuple[float, float, float],
) -> ReferencePhoto | None:
    """The photo image [H, W, 3] with parts [H, W] of BodyPart and keypoints [17, 3] (px, confidence) in nano's frame
    of `size` (height, width px), with its body map; None where too little of a person was seen."""
    person = np.asarray(parts > 0)
    if not person.any() or (keypoints[:, 2] >= CONFIDENCE_MIN).sum() < JOINTS_MIN:
        return None
    window = window_of(person, keypoints, size[1] / size[0])
    photo = _in_window(image, parts, keypoints, window, mapper, atlas, size, build)
    return photo if photo.person.mean() >= PERSON_MIN else None


def _in_window(
    image: NDArray[np.uint8],
    parts: NDArray[np.uint8],
    keypoints: NDArray[np.float32],
    window: Window,
    mapper: BodyMapper,
    atlas: Atlas,
    size: tuple[int, int],
    build: tuple[float, float, float],
) -> ReferencePhoto:
    framed = _framed(np.asarray(parts > 0, np.uint8) * 255, window, size) >= 128
    joints = _joints(keypoints, window)
    with torch.inference_mode():
        maps = mapper.maps(torch.from_numpy(joints)[None], torch.tensor([build]), atlas)
    surface = maps.surface[0].numpy().astype(np.uint16)
    normal = (127.5 * (maps.normal[0] + 1)).clamp(0, 255).permute(1, 2, 0).numpy().astype(np.uint8)
    normal[surface == 0] = 0
    labels = np.where(framed, _labels(parts, window, size), np.uint8(0))
    regions = regions_of(surface, shrunk(framed), atlas)
    return ReferencePhoto(_framed(image, window, size), framed, labels, joints, surface, normal, regions)


def _joints(keypoints: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """[17, 3]: x and y in 0..1 of the window, 1 where a joint is seen in it."""
    left, top, right, low = window
    share = (keypoints[:, :2] - (left, top)) / (right - left, low - top)
    inside = ((share >= 0) & (share < 1)).all(1) & (keypoints[:, 2] >= CONFIDENCE_MIN)
    return np.concatenate([share, inside[:, None]], 1).astype(np.float32)


def _labels(parts: NDArray[np.uint8], window: Window, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The part with the largest share of each pixel of the window at `size`, other than the background."""
    shares = [_framed(np.asarray(parts == part, np.uint8) * 255, window, size) for part in range(1, PARTS)]
    return np.asarray(np.argmax(shares, 0) + 1, np.uint8)


def _framed(picture: NDArray[np.uint8], window: Window, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The window of a picture [H, W(, 3)] at `size`; black beyond the picture."""
    left, top, _, low = window
    height, width = size
    scale = height / (low - top)
    times = max(1, min(8, round(1 / scale)))  # averaged afterwards: warpAffine alone skips pixels when it shrinks
    fine = (width * times, height * times)
    matrix = np.array([[scale * times, 0, -left * scale * times], [0, scale * times, -top * scale * times]], np.float32)
    window_pixels = cv2.warpAffine(picture, matrix, fine, flags=cv2.INTER_LINEAR)
    return np.asarray(
        cv2.resize(window_pixels, (width, height), interpolation=cv2.INTER_AREA) if times > 1 else window_pixels
    )
