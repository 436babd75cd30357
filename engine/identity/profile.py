"""Who the person is, independent of any backbone: the photos and what was seen on them."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.errors import BadReference

_UNREADABLE = (ValueError, KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise on a damaged archive."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the photo."""


@dataclass(frozen=True)
class Observation:
    """What an examination saw on one photo; small enough to be kept beside it."""

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

    def to_bytes(self) -> bytes:
        """An .npz archive; `from_bytes` reads it back."""
        arrays: dict[str, NDArray[np.float32]] = {
            "size": np.array([self.width, self.height], np.float32),
            "quality": np.array([self.quality], np.float32),
        }
        for name in ("face_box", "face_landmarks", "face_embedding", "body_box"):
            if (value := getattr(self, name)) is not None:
                arrays[name] = np.asarray(value, np.float32)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Observation:
        """Raises BadReference when `data` is not what `to_bytes` wrote."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            width, height = (int(side) for side in arrays["size"])
            return cls(
                width=width,
                height=height,
                face_box=_box(arrays.get("face_box")),
                face_landmarks=arrays.get("face_landmarks"),
                face_embedding=arrays.get("face_embedding"),
                body_box=_box(arrays.get("body_box")),
                quality=float(arrays["quality"][0]),
            )
        except _UNREADABLE as error:
            raise BadReference(f"expected an observation archive, got {len(data)} other bytes: examine anew") from error


def _box(array: NDArray[np.float32] | None) -> Box | None:
    if array is None:
        return None
    x0, y0, x1, y1 = (float(side) for side in array)
    return x0, y0, x1, y1


@dataclass(frozen=True)
class View:
    """One RGB photo with what was seen on it."""

    image: Image.Image
    observation: Observation


@dataclass(frozen=True)
class IdentityProfile:
    """One person from one or more photos."""

    views: tuple[View, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.views:
            raise BadReference("expected at least one photo of the person, got none: add a photo")
