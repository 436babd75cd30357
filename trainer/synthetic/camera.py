"""The camera of a shot: focal length and lens shift that fill the frame with its subject."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.synthetic.body import Floats
from trainer.synthetic.shot import Shot


@dataclass(frozen=True)
class Camera:
    """A pinhole at `eye`, metres, that looks along +y with its sensor upright; `centre_px` is the lens shift."""

    eye: Floats
    focal_px: float
    centre_px: tuple[float, float]

    def project(self, points: Floats) -> Floats:
        """World [N, 3] metres to pixels [N, 2]."""
        depth = np.maximum(points[:, 1] - self.eye[1], 0.05)
        column = self.centre_px[0] + self.focal_px * (points[:, 0] - self.eye[0]) / depth
        row = self.centre_px[1] - self.focal_px * (points[:, 2] - self.eye[2]) / depth
        return np.stack([column, row], axis=1).astype(np.float32)


def camera_of(shot: Shot, vertices: Floats, canonical: Floats, height: int, width: int, floor: float) -> Camera:
    """Fits focal length and lens shift so that what the framing shows fills the frame."""
    shown = vertices[_subject(shot, canonical)]
    middle = float(shown[:, 2].max() + shown[:, 2].min()) / 2
    eye = np.array([0.0, -shot.distance_m, max(middle + shot.eye_m, floor + 0.35)], np.float32)
    plane = Camera(eye, 1.0, (0.0, 0.0)).project(shown)
    (left, top), (right, low) = plane.min(axis=0), plane.max(axis=0)
    if shot.framing == "full":
        focal = min(height * shot.fill / (low - top), width * 0.95 / (right - left))
        spare_y = height - focal * (low - top)
        row = spare_y * (0.5 + 0.3 * shot.shift[1]) - focal * top
        if shot.pose.name == "lying":
            row = height * (0.80 + 0.06 * shot.shift[1]) - focal * low
    else:
        focal = min(height * (shot.fill + 0.02) / (low - top), width * 1.45 / (right - left))
        row = height * 1.01 - focal * low
    spare = max(width - focal * (right - left), width * 0.08)
    column = width / 2 - focal * (left + right) / 2 + 0.3 * spare * shot.shift[0]
    return Camera(eye, float(focal), (float(column), float(row)))


def _subject(shot: Shot, canonical: Floats) -> npt.NDArray[np.bool_]:
    z, arm = canonical[:, 2], canonical[:, 3]
    if shot.framing == "full":
        return np.ones(len(z), dtype=bool)
    if shot.framing == "waist":
        return np.asarray(((z > 0.24) & (arm < -0.5)) | (arm > -0.2))
    return np.asarray((z > 0.64) & (arm < 0.1))
