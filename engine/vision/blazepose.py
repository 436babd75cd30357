"""Thirty-three joints and the mask of a person: MediaPipe's pose networks.

Bazarevsky et al., BlazePose: On-device Real-time Body Pose Tracking, 2020. Thresholds, margins and order of the steps
are those of MediaPipe's public graphs PoseDetectionCpu and PoseLandmarkCpu (Apache-2.0); the code is this project's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.hub.packaged import locate
from engine.identity.skeleton import Keypoints
from engine.vision.detection import Detection, anchor_centres, detections
from engine.vision.litert import Network, sigmoid
from engine.vision.square import RGB, Square, as_rgb

DETECTOR: Final = "pose_detection.tflite"
LANDMARKS: Final = "pose_landmark_full.tflite"
LAYERS: Final = ((8, 2), (16, 2), (32, 6))
"""Stride px of the detector's layers and anchors per cell."""
PERSON_MIN: Final = 0.5
"""The detector's least score of a person."""
VIEWS: Final = (1.0, 1.5)
"""Sides of the detector's square, in longer sides of the picture; the next one is tried where no person is found. In
the larger square a head that fills the picture has the size of heads in the training data."""
POSE_MIN: Final = 0.5
"""The least probability of a pose in the crop."""
HIPS, BODY_CIRCLE = 0, 1
"""Indices of the detector's points: the centre between the hips, and a point above it on the circle around the body."""
SAME_PERSON: Final = 0.5
"""Intersection over union of two masks above which they are of one person."""
AUXILIARY: Final = 33
"""The first of the two landmarks that repeat the detector's points for the next crop."""
MARGIN: Final = 1.25
JOINTS: Final = 33
HEATMAP_REACH: Final = 3
"""The radius, in cells of the heatmap, of the area that refines a landmark."""
HEATMAP_MIN: Final = 0.5

COCO: Final = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""The indices of the 17 keypoints in COCO order among the 33."""


@dataclass(frozen=True, eq=False)
class DetectedPose:
    """One person.

    landmarks float32 [33, 5]: x px, y px, depth px (0 at the hips, smaller is nearer), visibility 0 to 1 (in the
    picture and not occluded), presence 0 to 1 (in the picture); mask float32 [H, W], the probability of the person;
    score 0 to 1.
    """

    landmarks: NDArray[np.float32]
    mask: NDArray[np.float32]
    score: float

    def keypoints(self) -> Keypoints:
        """float32 [17, 3] in COCO order: x px, y px, visibility, which is 0 beyond the edge of the picture."""
        x, y, visibility = self.landmarks[list(COCO)][:, (0, 1, 3)].T
        height, width = self.mask.shape
        within = (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
        return np.stack([x, y, visibility * within], 1).astype(np.float32)


class BlazePose:
    """Finds people on a picture, and reads the pose of one of them."""

    def __init__(self, state: Path, threads: int = 1) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError where the weights are absent."""
        self._detector = Network(locate("mediapipe", DETECTOR, state), threads)
        self._reader = Network(locate("mediapipe", LANDMARKS, state), threads)
        self._anchors = anchor_centres(self._detector.size, LAYERS)

    def find(self, image: Image.Image | RGB, score_min: float = PERSON_MIN, view: float = 1.0) -> list[Detection]:
        """The detected people by falling score: a box around head and shoulders, and four points.

        The points: centre of the hips, point on the circle around the whole body, centre of the shoulders, point on
        the circle around the upper body. `view`: see VIEWS. Use `see_all` to count people: it verifies every
        detection."""
        picture, size = as_rgb(image), self._detector.size
        square = Square.around(picture, view)
        crop = square.crop(picture, size, repeat_edge=False)
        raw, logits = self._detector(crop.astype(np.float32) / 127.5 - 1)
        return detections(raw, logits, self._anchors, size, square, score_min)

    def see_all(self, image: Image.Image | RGB) -> list[DetectedPose]:
        """The poses of all people on the picture, by falling score of the detection. Detections without a pose are
        dropped; of those with the same mask, the one with the highest pose score is kept."""
        for view in VIEWS:
            poses = [pose for person in self.find(image, view=view) if (pose := self.read(image, person)) is not None]
            if poses:
                return distinct(poses)
        return []

    def see(self, image: Image.Image | RGB) -> DetectedPose | None:
        """The first of `see_all`; None where there is no person."""
        return next(iter(self.see_all(image)), None)

    def read(self, image: Image.Image | RGB, person: Detection) -> DetectedPose | None:
        """The pose of one detection; None where the network finds no pose there.

        The crop around the detector's points gives a first pose, the crop around that pose the result; its mask is the
        mean over the crop and its mirror image."""
        picture = as_rgb(image)
        first = self._read(picture, Square.about(person.points[HIPS], person.points[BODY_CIRCLE], MARGIN))
        second = None if first is None else self._read(picture, first[1], mirrored=True)
        return None if second is None else second[0]

    def _read(self, picture: RGB, square: Square, mirrored: bool = False) -> tuple[DetectedPose, Square] | None:
        """The pose in a square, and the square around that pose; `mirrored`: the mirror image counts for the mask."""
        size = self._reader.size
        crop = square.crop(picture, size, repeat_edge=True).astype(np.float32) / 255.0
        landmarks, probability, mask, heatmap, _ = self._reader(crop)
        if probability[0] < POSE_MIN:
            return None
        inside = sigmoid(mask[..., 0])
        if mirrored:
            reflection = self._reader(np.ascontiguousarray(crop[:, ::-1]))[2]
            inside = np.asarray((inside + sigmoid(reflection[:, ::-1, 0])) / 2, np.float32)
        values = landmarks.reshape(-1, 5)
        refined = refine(values[:, :2] / float(size), sigmoid(heatmap))
        points = square.on_picture(refined)
        depth = values[:, 2:3] * (square.side / size)
        whole = np.concatenate([points, depth, sigmoid(values[:, 3:])], 1)[:JOINTS]
        height, width = picture.shape[:2]
        pose = DetectedPose(whole, square.paste(inside, height, width), float(probability[0]))
        return pose, Square.about(points[AUXILIARY], points[AUXILIARY + 1], MARGIN)


def distinct(poses: list[DetectedPose]) -> list[DetectedPose]:
    """In the same order, without those whose mask is mostly that of a pose with a higher score."""
    masks = [pose.mask > 0.5 for pose in poses]
    chosen: list[int] = []
    for index in sorted(range(len(poses)), key=lambda index: -poses[index].score):
        if all(_overlap(masks[index], masks[other]) <= SAME_PERSON for other in chosen):
            chosen.append(index)
    return [poses[index] for index in sorted(chosen)]


def _overlap(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((mask & other).sum() / max((mask | other).sum(), 1))


def refine(points: NDArray[np.float32], heatmap: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each of [N, 2] (in sides of the crop) moved to the centre of gravity of its heatmap nearby.

    `heatmap` float32 [S, S, N] in 0 to 1; points outside the crop, and points with a low heatmap, are unchanged."""
    size = heatmap.shape[0]
    refined = points.copy()
    for index, (x, y) in enumerate(points):
        column, row = int(np.floor(x * size)), int(np.floor(y * size))
        if not (0 <= column < size and 0 <= row < size):
            continue
        left, top = max(column - HEATMAP_REACH, 0), max(row - HEATMAP_REACH, 0)
        near = heatmap[top : row + HEATMAP_REACH + 1, left : column + HEATMAP_REACH + 1, index]
        if near.max() < HEATMAP_MIN:
            continue
        rows, columns = np.indices(near.shape)
        refined[index] = ((columns * near).sum() / near.sum() + left, (rows * near).sum() / near.sum() + top)
        refined[index] /= size
    return refined
