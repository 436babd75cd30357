"""The identity profile of a person, which any backbone reads: photos with their observations."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.errors import BadReference
from engine.identity.observation import UNREADABLE, Box, Observation
from engine.identity.pooling import Pooled, attend
from engine.identity.skeleton import CONFIDENCE_MIN

__all__ = ["Box", "IdentityProfile", "Observation", "View"]


@dataclass(frozen=True)
class View:
    """One RGB photo with its observation."""

    image: Image.Image
    observation: Observation


@dataclass(frozen=True)
class IdentityProfile:
    """One person from one or more photos."""

    views: tuple[View, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.views:
            raise BadReference("expected at least one photo of the person, got none: add a photo")

    def face(self) -> Pooled | None:
        """The face embedding pooled over the views; None where no view has one."""
        return _over_views([(view.observation.face_embedding, view.observation.quality) for view in self.views])

    def body(self) -> Pooled | None:
        """The body embedding pooled over the views, weighted by the share of visible joints; None where no view has
        one."""
        return _over_views(
            [
                (view.observation.body_embedding, view.observation.quality * visibility(view.observation))
                for view in self.views
            ]
        )

    def to_bytes(self) -> bytes:
        """Photos (lossless) and observations; `from_bytes` reads them back."""
        arrays: dict[str, NDArray[Any]] = {}
        for number, view in enumerate(self.views):
            buffer = io.BytesIO()
            view.image.save(buffer, "PNG", compress_level=1)
            arrays[f"image_{number}"] = np.frombuffer(buffer.getvalue(), np.uint8)
            arrays[f"observation_{number}"] = np.frombuffer(view.observation.to_bytes(), np.uint8)
        archive = io.BytesIO()
        np.savez(archive, **arrays)  # type: ignore[arg-type]
        return archive.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> IdentityProfile:
        """Raises BadReference when `data` is not what `to_bytes` wrote."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                views = [
                    View(
                        Image.open(io.BytesIO(archive[f"image_{number}"].tobytes()), formats=("PNG",)).convert("RGB"),
                        Observation.from_bytes(archive[f"observation_{number}"].tobytes()),
                    )
                    for number in range(len(archive.files) // 2)
                ]
        except UNREADABLE as error:
            raise BadReference(f"expected a profile archive, got {len(data)} other bytes: examine anew") from error
        return cls(tuple(views))


def visibility(observation: Observation) -> float:
    """The share of visible joints; 1 for a photo whose joints were not read."""
    if observation.keypoints is None:
        return 1.0
    return float((observation.keypoints[:, 2] >= CONFIDENCE_MIN).mean())


def _over_views(weighted: list[tuple[NDArray[np.float32] | None, float]]) -> Pooled | None:
    """The embeddings of the views, pooled. `weighted`: embedding and weight of each view. A view without an embedding,
    or with one of another length than the first, gets weight 0. None where no view has an embedding."""
    first = next((embedding for embedding, _ in weighted if embedding is not None), None)
    if first is None:
        return None
    alike = [number for number, (e, _) in enumerate(weighted) if e is not None and e.shape == first.shape]
    pooled = attend(
        np.stack([np.asarray(weighted[number][0], np.float32) for number in alike]),
        np.array([weighted[number][1] for number in alike], np.float32),
    )
    weights = np.zeros(len(weighted), np.float32)
    weights[alike] = pooled.weights
    return Pooled(pooled.embedding, weights)
