"""The hints of the person parser's training crops: the true mask and joints with the errors of networks on photos."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.faces import load_opencv
from engine.identity.skeleton import MIRRORED_JOINTS
from trainer.synthetic.parts import Part

LIMBS: Final = ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16))
"""Pairs of COCO joints."""
LIMB_MISSING: Final = 0.2
CARRIED_MISSING: Final = 0.3
"""The probability that the matte lacks accessories: segmentation networks often leave out a bag."""
HOLES, PIECES = 0.25, 0.3
"""The probabilities that parts of the person are missing, and that pieces of the background near it are included."""
FAINT: Final = 0.3
OUTLINE_PX: Final = 1.5
"""Standard deviation of the shift of the outline, and of its even growth or shrinkage."""
BLUR_PX: Final = (0.4, 3.0)
JOINT_NOISE: Final = 0.02
"""Typical standard deviation of a joint's error, in heights of the crop."""
JOINT_FAR: Final = 0.03
JOINT_MISSING: Final = 0.12
HIDDEN_GIVEN: Final = 0.3
"""The probability that a pose network reports an occluded joint as visible."""
SIDES_SWAPPED: Final = 0.04

Mask = NDArray[np.bool_]


def unsure_matte(
    parts: NDArray[np.uint8], joints: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """float32 [H, W] in 0..1: the mask of `parts` as a segmentation network could read it; joints [J, 3] px."""
    cv2 = load_opencv()
    matte = (parts > 0).astype(np.float32)
    if rng.random() < CARRIED_MISSING:
        matte[parts == Part.ACCESSORY] = 0
    if rng.random() < LIMB_MISSING:
        start, end = (joints[joint, :2].clip(-999, 999).round().astype(int).tolist() for joint in rng.choice(LIMBS))
        cv2.line(matte, start, end, 0.0, thickness=int(rng.integers(6, 25)))
    person = matte > 0
    if rng.random() < HOLES:
        matte[_blobs(parts.shape, rng)] = 0
    if rng.random() < PIECES:
        near = cv2.dilate(person.astype(np.uint8), np.ones((19, 19), np.uint8)) > 0
        matte[_blobs(parts.shape, rng) & near] = 1
    matte = _moved_outline(matte, rng)
    matte = cv2.GaussianBlur(matte, (0, 0), float(rng.uniform(*BLUR_PX)))
    if rng.random() < FAINT:
        matte *= rng.uniform(0.6, 1.0)
    clipped: NDArray[np.float32] = matte.clip(0, 1)
    return clipped


def unsure_joints(
    joints: NDArray[np.float32], width: int, height: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """joints [J, 3] px and visible -> px and given (0 or 1), as a pose network could read them."""
    found = joints.copy()
    found[:, :2] += rng.normal(0, JOINT_NOISE * height * abs(rng.normal()), found[:, :2].shape)
    far = rng.random(len(found)) < JOINT_FAR
    found[far, :2] = rng.uniform((0, 0), (width, height), (len(found), 2))[far]
    given = (joints[:, 2] > 0) | (rng.random(len(found)) < HIDDEN_GIVEN)
    found[:, 2] = given & (rng.random(len(found)) >= JOINT_MISSING)
    return found[list(MIRRORED_JOINTS)] if rng.random() < SIDES_SWAPPED else found


def _blobs(shape: tuple[int, ...], rng: np.random.Generator) -> Mask:
    """Random regions, up to a quarter of the area."""
    noise = rng.normal(size=(12, 8)).astype(np.float32)
    smooth = load_opencv().resize(noise, shape[::-1], interpolation=load_opencv().INTER_CUBIC)
    blobs: Mask = smooth > np.quantile(smooth, rng.uniform(0.75, 0.97))
    return blobs


def _moved_outline(matte: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    cv2 = load_opencv()
    height, width = matte.shape
    growth = round(float(rng.normal(0, OUTLINE_PX)))
    if growth:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(growth) + 1,) * 2)
        matte = (cv2.dilate if growth > 0 else cv2.erode)(matte, disc)
    shift: Any = cv2.resize(rng.normal(0, OUTLINE_PX, (9, 6, 2)).astype(np.float32), (width, height))
    rows, columns = np.indices((height, width), np.float32)
    moved: NDArray[np.float32] = cv2.remap(matte, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_LINEAR)
    return moved
