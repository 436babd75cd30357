"""Ground truth of points and boxes: joints with their visibility, and boxes of face, head and body."""

import functools
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from trainer.synthetic.body import Floats, template
from trainer.synthetic.camera import Camera
from trainer.synthetic.figure import Figure
from trainer.synthetic.parts import KEYPOINTS

JOINT_BONES: Final = {
    "shoulder": "upperarm01",
    "elbow": "lowerarm01",
    "wrist": "wrist",
    "hip": "upperleg01",
    "knee": "lowerleg01",
    "ankle": "foot",
}
FOREHEAD_M: Final = 0.955
EARS_M: Final = -0.08
"""Canonical height and depth where a detector's box of the face ends."""
EYE_RADIUS_M: Final = 0.013
DEPTHS_M: Final = {"nose": 0.03, "ear": 0.03, "eye": 0.02, "hip": 0.17, "shoulder": 0.11}
LIMB_DEPTH_M: Final = 0.09
"""The largest depth of a joint below the visible surface; at a larger depth another object hides it."""
NO_BOX: Final = (np.nan, np.nan, np.nan, np.nan)

Visible = Callable[[Floats, Floats, Floats], npt.NDArray[np.int32]]
"""Eye [3], points [N, 3] and tolerances [N], metres, to [N]: 1 where a point is seen."""


@functools.cache
def _face_vertices() -> dict[str, int]:
    """Template vertices of nose tip and ears."""
    shared = template()
    x, y, z, _ = shared.canonical.T
    head = shared.head
    nose = np.where(head & (np.abs(x) < 0.012) & (z > 0.84) & (z < 0.90), y, np.inf).argmin()
    ear = head & (z > 0.86) & (z < 0.91) & (y > -0.08)
    left, right = np.where(ear, x, -np.inf).argmax(), np.where(ear, x, np.inf).argmin()
    return {"nose": int(nose), "left_ear": int(left), "right_ear": int(right)}


def joints(figure: Figure, vertices: Floats, transforms: npt.NDArray[np.float64]) -> Floats:
    """The keypoints in the world, [17, 3] metres."""
    points = []
    for name in KEYPOINTS:
        if name in _face_vertices():
            points.append(vertices[_face_vertices()[name]])
            continue
        side, joint = name.split("_")
        letter = "L" if side == "left" else "R"
        bone = f"eye.{letter}" if joint == "eye" else f"{JOINT_BONES[joint]}.{letter}"
        index = template().bones.index(bone)
        rest = figure.body.joints[index].copy()
        if joint == "eye":
            rest[1] -= EYE_RADIUS_M
        matrix = transforms[index]
        points.append((matrix[:, :3] @ rest + matrix[:, 3]).astype(np.float32))
    return np.stack(points)


def keypoints(world: Floats, camera: Camera, seen: Visible, size: tuple[int, int]) -> Floats:
    """Joints [17, 3] metres to [17, 3]: x px, y px and visible 0/1; `size` is height and width px."""
    pixels = camera.project(world)
    depths = np.array([DEPTHS_M.get(name.split("_")[-1], LIMB_DEPTH_M) for name in KEYPOINTS], np.float32)
    inside = (pixels >= 0).all(axis=1) & (pixels < size[::-1]).all(axis=1)
    visible = inside & (seen(camera.eye, world, depths) > 0)
    return np.concatenate([pixels, visible[:, None]], axis=1).astype(np.float32)


def head_box(vertices: Floats, camera: Camera, size: tuple[int, int]) -> Floats:
    """The skull's box, hair excluded, cut to the frame."""
    head = template().head
    return _point_box(camera.project(vertices[: len(head)][head]), size)


@functools.cache
def _face_region() -> npt.NDArray[np.bool_]:
    """Template vertices [V] in front of the ears, from the chin to the upper forehead."""
    _, y, z, _ = template().canonical.T
    return np.asarray(template().head & (z < FOREHEAD_M) & (y < EARS_M))


def face_box(vertices: Floats, keypoints: Floats, camera: Camera, size: tuple[int, int]) -> Floats:
    """The box that a face detector would give: chin to forehead, cut to the frame; NaN unless nose and an eye are
    seen."""
    nose, left_eye, right_eye = keypoints[:3, 2] > 0
    if not nose or not (left_eye or right_eye):
        return np.array(NO_BOX, np.float32)
    region = _face_region()
    return _point_box(camera.project(vertices[: len(region)][region]), size)


def _point_box(pixels: Floats, size: tuple[int, int]) -> Floats:
    """The box [4] around points [N, 2], cut to the frame; NaN when it lies outside."""
    low = np.maximum(pixels.min(axis=0), 0)
    high = np.minimum(pixels.max(axis=0), size[::-1])
    if (high <= low).any():
        return np.array(NO_BOX, np.float32)
    return np.array([*low, *high], np.float32)


def mask_box(mask: npt.NDArray[np.bool_]) -> Floats:
    """The box [4] around what is true in a mask [H, W]; NaN when nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return np.array(NO_BOX, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
