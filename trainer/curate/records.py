"""Records of a curated photo: its findings, the reason for dropping it, its line in the data set."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from engine.identity.faces import Face
from engine.identity.observation import Box


class Reason(StrEnum):
    """The reasons for dropping a photo, in the order of the checks; a photo gets the first one that applies."""

    UNREADABLE = "unreadable"
    WATERMARK = "watermark"
    NO_FACE = "no face"
    SEVERAL_FACES = "several faces"
    TOO_SMALL = "too small"
    DUPLICATE = "duplicate"
    OTHER_PERSON = "another person"
    NO_MAJORITY = "no majority"
    """At most half of the faces in the folder belong to one person: the folder's person is unknown."""
    NO_BODY = "no body"
    TOO_FEW = "too few photos"
    """A reason that drops the whole person; it is checked last."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SeenFace(_Record):
    """A serialisable `Face`: box and landmarks [5, 2] in px, embedding of unit length."""

    box: Box
    landmarks: list[list[float]] | None = None
    embedding: list[float] | None = None

    @classmethod
    def of(cls, face: Face) -> SeenFace:
        landmarks, embedding = face.landmarks, face.embedding
        return cls(
            box=face.box,
            landmarks=None if landmarks is None else landmarks.astype(float).round(2).tolist(),
            embedding=None if embedding is None else embedding.astype(float).round(6).tolist(),
        )

    def face(self) -> Face:
        return Face(self.box, _array(self.landmarks), _array(self.embedding))


class PhotoFindings(_Record):
    """The findings on one photo. Sides in px, upright; `perceptual`: the phash of ImageHash in hex. A file that is no
    photo has only `unreadable`."""

    width: int = 0
    height: int = 0
    perceptual: str = ""
    faces: list[SeenFace] = []
    unreadable: str | None = None


class MarkLook(_Record):
    """The watermark of a photo in words, and the box without it in px; None on a photo without a mark."""

    found: str | None
    clean: tuple[int, int, int, int] | None = None


class CaptionWords(_Record):
    """A photo's captions by kind: en, ru, en_scene, ru_scene."""

    captions: dict[str, str]


class CurationVerdict(_Record):
    """A line of report/photos.jsonl. `reason` is None for a photo that is kept."""

    person: str
    file_name: str
    sha256: str
    reason: Reason | None = None
    detail: str = ""


class CuratedPhoto(_Record):
    """A line of metadata.jsonl. Paths are relative to the data set's folder, boxes x0, y0, x1, y1 in px of the photo.

    keypoints [17, 3]: x px, y px, confidence, COCO order; `parts`: a PNG of engine.identity.body.BodyPart in the
    photo's size; body_box, keypoints and parts are None where no body was found. face_embedding of unit length.
    provenance: the crawler's record of the file, or None."""

    file_name: str
    person: str
    width: int
    height: int
    face_box: Box | None
    face_landmarks: list[list[float]] | None
    face_embedding: list[float] | None
    body_box: Box | None
    keypoints: list[list[float]] | None
    parts: str | None
    captions: dict[str, str]
    captioner: str
    sha256: str
    source: str
    provenance: dict[str, Any] | None
    outfit: str | None = None


def _array(values: list[Any] | None) -> NDArray[np.float32] | None:
    return None if values is None else np.asarray(values, np.float32)
