"""Observations: the results of an examination of one photo, readable without any network."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadReference

UNREADABLE: Final = (ValueError, KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""The errors that numpy and zipfile raise for a damaged archive."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the photo."""
_BOXES: Final = ("face_box", "body_box", "parts_box")
_ARRAYS: Final = ("face_landmarks", "face_embedding", "keypoints", "body_embedding")


@dataclass(frozen=True, eq=False)
class Observation:
    """The results of the examination of one photo; small enough to be stored beside it."""

    width: int
    height: int
    face_box: Box | None = None
    face_landmarks: NDArray[np.float32] | None = None
    """float32 [5, 2] px: left eye, right eye, nose, mouth corners (insightface's order)."""
    face_embedding: NDArray[np.float32] | None = None
    """float32 [D], unit length (ArcFace)."""
    body_box: Box | None = None
    quality: float = 1.0
    """0 (useless) to 1."""
    keypoints: NDArray[np.float32] | None = None
    """float32 [17, 3] in COCO order: x px, y px, confidence in 0..1 (0: not visible)."""
    parts: NDArray[np.uint8] | None = None
    """uint8 [h, w] of BodyPart, a coarse map of what `parts_box` shows; all but the background is the person."""
    parts_box: Box | None = None
    matte: NDArray[np.uint8] | None = None
    """uint8 [h, w] over `parts_box`: how much of each pixel the person covers, 0 to 255."""
    body_embedding: NDArray[np.float32] | None = None
    """float32 [D], unit length."""
    version: str = ""
    """The version of the networks (`look_version`); empty for profiles stored before joints were read."""

    def to_bytes(self) -> bytes:
        """An .npz archive for `from_bytes`."""
        arrays: dict[str, NDArray[Any]] = {
            "size": np.array([self.width, self.height], np.float32),
            "quality": np.array([self.quality], np.float32),
            "version": np.frombuffer(self.version.encode(), np.uint8),
        }
        for name in (*_BOXES, *_ARRAYS):
            if (value := getattr(self, name)) is not None:
                arrays[name] = np.asarray(value, np.float32)
        for name in ("parts", "matte"):
            if (plane := getattr(self, name)) is not None:
                arrays[name] = plane
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Observation:
        """Raises BadReference when `data` is not what `to_bytes` wrote, now or in an earlier version."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            width, height = (int(side) for side in arrays["size"])
            return cls(
                width=width,
                height=height,
                quality=float(arrays["quality"][0]),
                parts=arrays.get("parts"),
                matte=arrays.get("matte"),
                version=arrays["version"].tobytes().decode() if "version" in arrays else "",
                face_box=_box(arrays.get("face_box")),
                body_box=_box(arrays.get("body_box")),
                parts_box=_box(arrays.get("parts_box")),
                face_landmarks=arrays.get("face_landmarks"),
                face_embedding=arrays.get("face_embedding"),
                keypoints=arrays.get("keypoints"),
                body_embedding=arrays.get("body_embedding"),
            )
        except UNREADABLE as error:
            raise BadReference(f"expected an observation archive, got {len(data)} other bytes: examine anew") from error


def _box(array: NDArray[np.float32] | None) -> Box | None:
    if array is None:
        return None
    x0, y0, x1, y1 = (float(side) for side in array)
    return x0, y0, x1, y1
