"""Counts people and faces on a picture and reads joints with MediaPipe's networks, which no nano learns from.

Pictures are read at the gates' size. The detectors read squares of 192 and 224 px whatever the picture's size is, and
on true photos of 160 x 240 px they find as much as on bicubic enlargements of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.vision.blazeface import BlazeFace
from engine.vision.blazepose import BlazePose, DetectedPose
from trainer.evaluation.metrics import Floats

FACE_MIN: Final = 0.4
"""The least score of a face. MediaPipe's own .6 overlooks a quarter of the second heads of full-length photos, this
score none of them. Both find exactly one face on each of 39 true photos with an upright face."""


@dataclass(frozen=True)
class Sightings:
    """Findings on n pictures. people, faces int64 [n]: the numbers of each; joints float64 [n, 17, 2] in px, COCO
    order: those of the person with the highest score, infinite where there is none."""

    people: NDArray[np.int64]
    faces: NDArray[np.int64]
    joints: Floats

    def one_person(self, face: NDArray[np.bool_]) -> Floats:
        """1 where a picture shows exactly one person and exactly one face, or at most one face where `face` [n] is
        false; else 0."""
        faces = np.where(face, self.faces == 1, self.faces <= 1)
        return np.asarray((self.people == 1) & faces, np.float64)


class Reader(Protocol):
    """The interface of a reader of people."""

    def read(self, pictures: NDArray[np.uint8]) -> Sightings:
        """The findings on pictures uint8 [n, H, W, 3]."""
        ...

    def pose(self, picture: NDArray[np.uint8]) -> DetectedPose | None:
        """The person with the highest score on one picture uint8 [H, W, 3]."""
        ...


class PeopleReader:
    """BlazePose and BlazeFace."""

    def __init__(self, state: Path) -> None:
        """`state` is the folder ENGINE_STATE. Raises WeightsError, which says how to fetch the weights."""
        self._poses, self._faces = BlazePose(state), BlazeFace(state)

    def read(self, pictures: NDArray[np.uint8]) -> Sightings:
        """The findings on pictures uint8 [n, H, W, 3]."""
        people, faces, joints = [], [], []
        for picture in pictures:
            poses = self._poses.see_all(picture)
            people.append(len(poses))
            faces.append(len(self._faces.find(picture, FACE_MIN)))
            joints.append(poses[0].keypoints()[:, :2] if poses else np.full((17, 2), np.inf))
        return Sightings(np.array(people, np.int64), np.array(faces, np.int64), np.array(joints, np.float64))

    def pose(self, picture: NDArray[np.uint8]) -> DetectedPose | None:
        """The person with the highest score on one picture uint8 [H, W, 3]."""
        return self._poses.see(picture)

    def faces(self, picture: NDArray[np.uint8]) -> list[tuple[float, float, float, float]]:
        """Boxes of the faces in px, the highest score first."""
        return [face.box for face in self._faces.find(picture)]
