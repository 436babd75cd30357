"""The parts of a head on a real photo, by MediaPipe's face mesh and by colour.

The shipped network learned the parts of rendered heads: on photos it labels half of a person's hair as skin, and finds
no eyes. The mesh gives face, eyes, brows and lips. Beside the face, pixels in the colour of its skin are ears; the
other pixels around the face are hair. A beard is what the network labels as hair in the lower half of the face and what
has another colour than its skin.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.identity.body import BodyPart
from engine.identity.faces import load_opencv
from engine.vision.face_mesh import Mesh

OVAL: Final = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The outline of the face, of the mesh's 468 points."""
LIPS: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
LEFT_EYE: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_EYE: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_BROW: Final = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
RIGHT_BROW: Final = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
FEATURES: Final = (LIPS, LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW)
CHIN, FOREHEAD = 152, 10
INNER: Final = 0.8
"""The face, reduced by this factor around its middle, gives the colour of the skin: its edge is in shadow or under
hair."""
REACH: Final = 1.9
"""The radius of the head with voluminous hair, from the middle of the face, in half heights of the face."""
HAIR_ENDS: Final = 0.35
"""Beside the face, all pixels down to this share of its half height below its middle are hair or ear; below, where a
collar may be, the network's parts are kept."""
EARS_END: Final = 0.3
"""Above this share of the face's half height, no pixel beside the face is an ear. A bald head counts as hair in the
colour of skin, and is drawn bald; fair hair labelled as skin would not be drawn as hair."""
SKIN_TOLERANCE: Final = 1.5
"""The largest distance of skin from the face's mean colour, in standard deviations of the face's colours; fair hair has
a distance of about two."""
SHADOW_TOLERANCE: Final = 4.0
"""The same for the neck, which may be in shadow; the network takes a dark collar for skin as well."""
NECK_REACH: Final = 4.0
"""The radius around the middle of the face, in its half heights, within which the neck lies."""
SPREAD_MIN: Final = (16.0, 3.0, 3.0)
"""The least standard deviations of L, a and b (OpenCV's 8-bit Lab): with those of an evenly coloured face, no other
pixel would count as skin."""
SMOOTHED_PX: Final = 9
"""The side of the median filter on a plane of 288 px; strands and highlights are narrower."""
FACE_PX_MIN: Final = 24
"""The least size of a face on the plane for the mesh; for a smaller one, the network's parts are kept."""


def with_mesh(
    parts: NDArray[np.uint8], rgb: NDArray[np.uint8], person: NDArray[np.bool_], mesh: Mesh
) -> NDArray[np.uint8]:
    """parts [H, W] of BodyPart with those of the head replaced. rgb [H, W, 3], person [H, W] and the mesh's points in
    px are of the same picture."""
    cv2 = load_opencv()
    points = mesh.points[:, :2]
    middle = points[list(OVAL)].mean(0)
    up = points[FOREHEAD] - points[CHIN]
    half = float(np.hypot(*up)) / 2
    if 2 * half < FACE_PX_MIN:
        return parts
    up = up / (2 * half)
    oval = _filled(parts.shape, points[list(OVAL)])
    inner = _filled(parts.shape, middle + INNER * (points[list(OVAL)] - middle))
    features = np.zeros(parts.shape, bool)
    for feature in FEATURES:
        features |= _filled(parts.shape, points[list(feature)])
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    skin = lab[inner & ~features & person]
    if len(skin) < FACE_PX_MIN:
        return parts
    spread = np.maximum(skin.std(0), SPREAD_MIN)
    distance = np.sqrt((((lab - np.median(skin, 0)) / spread) ** 2).mean(-1))
    like_skin = cv2.medianBlur((distance < SKIN_TOLERANCE).astype(np.uint8), SMOOTHED_PX) > 0
    in_shadow = cv2.medianBlur((distance < SHADOW_TOLERANCE).astype(np.uint8), SMOOTHED_PX) > 0
    rows, columns = np.indices(parts.shape)
    x, y = columns - middle[0], rows - middle[1]
    height = (x * up[0] + y * up[1]) / half  # 1 at the forehead, -1 at the chin
    near = np.hypot(x, y) < REACH * half
    around = person & near & (height > -HAIR_ENDS) & (parts != BodyPart.ACCESSORY)
    found = parts.copy()
    found[around] = np.where(like_skin & (height < EARS_END), BodyPart.SKIN, BodyPart.HAIR)[around]
    below = person & (height < -1) & (np.hypot(x, y) < NECK_REACH * half) & (parts == BodyPart.SKIN)
    found[below & ~in_shadow] = BodyPart.TOP
    face = oval & person & (parts != BodyPart.ACCESSORY)
    fringe = face & (height > 0.4) & ~like_skin
    beard = face & (height < 0) & ~like_skin & (parts == BodyPart.HAIR)
    found[face] = BodyPart.SKIN
    found[fringe | beard] = BodyPart.HAIR
    found[features & person] = BodyPart.FACE
    return found


def _filled(shape: tuple[int, ...], points: NDArray[np.float32]) -> NDArray[np.bool_]:
    cv2 = load_opencv()
    drawn = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(drawn, cv2.convexHull(np.round(points).astype(np.int32)), 1)
    return drawn > 0
