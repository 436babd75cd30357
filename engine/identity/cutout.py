"""A person cut out of a photo, with the joints: what is laid along the joints of another pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract import Clothes
from engine.identity.body import person_mask
from engine.identity.clothes import garment_mask
from engine.identity.crops import body_crop, body_window
from engine.identity.faces import load_opencv
from engine.identity.profile import View
from engine.identity.skeleton import CONFIDENCE_MIN

SURE_INSIDE: Final = 0.025
NEAR: Final = 0.0125
REACH: Final = 0.06
"""Shares of the picture's height: so far inside the rough figure all is the person, bones count so near it, and the
person reaches no farther beyond."""
FRINGE: Final = 0.004
ROUNDS: Final = 5
BONES: Final = (
    (5, 6), (11, 12), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 13), (13, 15), (12, 14), (14, 16),
)  # fmt: skip


@dataclass(frozen=True)
class Cutout:
    """picture RGB; figure mode L in its size, 255 where it shows the person and, if clothes are to change, no clothes;
    joints float32 [17, 3]: x and y in 0..1 of it (beyond: outside), confidence in 0..1."""

    picture: Image.Image
    figure: Image.Image
    joints: NDArray[np.float32]


def cut_out(view: View, size: tuple[int, int], clothes: Clothes = Clothes.KEEP) -> Cutout | None:
    """The person's box as a picture of `size` (width, height); None where nobody looked for joints and parts."""
    seen, person = view.observation, person_mask(view.observation)
    if seen.keypoints is None or person is None:
        return None
    box = (0.0, 0.0, float(seen.width), float(seen.height)) if seen.body_box is None else seen.body_box
    left, top, right, bottom = body_window(box, size[0] / size[1])
    scale = ((right - left) / size[0], (bottom - top) / size[1])
    shown = (scale[0], 0, left, 0, scale[1], top)
    joints = ((seen.keypoints - (left, top, 0)) / (right - left, bottom - top, 1)).astype(np.float32)
    picture = body_crop(view.image, box, *size)
    rough = person.transform(size, Image.Transform.AFFINE, shown)
    figure = _outlined(picture, rough, joints) if seen.matte is None else _within(rough)
    if clothes is Clothes.CHANGE and (garments := garment_mask(seen)) is not None:
        hidden = np.asarray(garments.transform(size, Image.Transform.AFFINE, shown)) > 127
        beyond = _grown(hidden.astype(np.uint8), REACH) > 0
        hidden |= beyond & (np.asarray(rough) <= 127)  # a garment may reach beyond the rough figure
        figure = Image.composite(Image.new("L", size), figure, Image.fromarray(hidden.astype(np.uint8) * 255))
    return Cutout(picture, figure, joints)


def _outlined(picture: Image.Image, figure: Image.Image, joints: NDArray[np.float32]) -> Image.Image:
    """The figure, which the shipped parser drew roughly, with the outline that the picture's colours suggest (GrabCut:
    Rother et al., 2004): well inside it and along the bones is the person, far outside is not."""
    cv2 = load_opencv()
    rough = (np.asarray(figure) > 127).astype(np.uint8)
    if not rough.any():
        return figure
    known = cv2.erode(rough, _disc(SURE_INSIDE, picture.height)) | _bones(joints, rough.shape) & _grown(rough, NEAR)
    labels = np.full(rough.shape, cv2.GC_BGD, np.uint8)
    labels[_grown(rough | known, REACH) > 0] = cv2.GC_PR_BGD
    labels[rough > 0] = cv2.GC_PR_FGD
    labels[known > 0] = cv2.GC_FGD
    if not known.any() or not (labels == cv2.GC_BGD).any():
        return figure
    cv2.setRNGSeed(0)  # equal photos are cut out equally
    colours = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[..., ::-1])
    cv2.grabCut(colours, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    person = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8) * 255
    return _within(Image.fromarray(cv2.GaussianBlur(person, (3, 3), 0)))


def _within(figure: Image.Image) -> Image.Image:
    """Without its rim: pixels of the edge are mixed with what is behind."""
    return Image.fromarray(load_opencv().erode(np.asarray(figure), _disc(FRINGE, figure.height)))


def _bones(joints: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """1 along the bones between seen joints."""
    cv2 = load_opencv()
    drawn = np.zeros(shape, np.uint8)
    at = (joints[:, :2] * (shape[1], shape[0])).round().astype(int)
    for first, second in BONES:
        if min(joints[first, 2], joints[second, 2]) >= CONFIDENCE_MIN:
            cv2.line(drawn, tuple(map(int, at[first])), tuple(map(int, at[second])), 1, 2)
    return drawn


def _grown(mask: NDArray[np.uint8], by: float) -> NDArray[np.uint8]:
    grown: NDArray[np.uint8] = load_opencv().dilate(mask, _disc(by, mask.shape[0]))
    return grown


def _disc(radius: float, height: int) -> NDArray[np.uint8]:
    """radius as a share of the picture's height."""
    cv2, side = load_opencv(), 2 * max(1, round(radius * height)) + 1
    disc: NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return disc
