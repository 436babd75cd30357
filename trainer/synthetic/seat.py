"""The box a sitting person sits on."""

import numpy as np
import numpy.typing as npt

from trainer.synthetic.body import Floats
from trainer.synthetic.figure import Figure
from trainer.synthetic.layers import Layer


def with_seat(
    vertices: Floats,
    normals: Floats,
    canonical: Floats,
    faces: npt.NDArray[np.int32],
    layers: npt.NDArray[np.int32],
    transforms: npt.NDArray[np.float64],
    floor: float,
    figure: Figure,
) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Adds a box to sit on under the pelvis; it belongs to the background."""
    root = transforms[0]
    hips = root[:, :3] @ figure.body.joints[0] + root[:, 3]
    near = np.linalg.norm(vertices[:, :2] - hips[:2], axis=1) < 0.12
    top = float(vertices[near, 2].min()) + 0.015
    corners: list[list[float]] = []
    outward: list[npt.NDArray[np.float64]] = []
    triangles: list[list[int]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            start = len(corners)
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                unit = np.zeros(3)
                unit[axis], unit[(axis + 1) % 3], unit[(axis + 2) % 3] = sign, a, b
                local = unit * np.array([0.24, 0.20, 0.5]) + np.array([0.0, 0.03, 0.0])
                turned = root[:, :3] @ local
                height = floor if unit[2] < 0 else top
                corners.append([hips[0] + turned[0], hips[1] + turned[1], height])
                face_normal = np.zeros(3)
                face_normal[axis] = sign
                outward.append(root[:, :3] @ face_normal)
            triangles += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
    count = len(vertices)
    return (
        np.concatenate([vertices, np.array(corners, np.float32)]),
        np.concatenate([normals, np.array(outward, np.float32)]),
        np.concatenate([canonical, np.zeros((len(corners), 4), np.float32)]),
        np.concatenate([faces, np.array(triangles, np.int32) + count]),
        np.concatenate([layers, np.full(len(triangles), Layer.SEAT, np.int32)]),
    )
