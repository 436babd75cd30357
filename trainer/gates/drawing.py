"""The pictures that the gates measure: drawn in batches, each stored as soon as it is finished.

An interrupted run continues, also with more people. A picture is drawn again when anything that it depends on has
changed: weights, settings, prompt, photo, pose, or the version of the examination.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from engine.backbones.base import Backbone, GenerationInput
from engine.contract import Settings
from engine.errors import BadReference
from engine.identity.body import PersonParser
from engine.identity.examine import look_version, observe
from engine.identity.faces import FaceFinder
from engine.identity.observation import Observation
from engine.identity.profile import IdentityProfile, View
from trainer.files import replacing
from trainer.gates.cases import SIZE, TruePhoto

log = logging.getLogger(__name__)

Pictures = NDArray[np.uint8]
"""uint8 [n, H, W, 3]; drawn ones are at the gates' size, whatever the backbone's size is."""


@dataclass(frozen=True)
class GateRequest:
    """A picture to draw; reference: the photo of the person, uint8 [H, W, 3]; truth: the same with its parts and
    joints, where it is rendered; pose as in `GenerationInput`."""

    reference: NDArray[np.uint8]
    prompt: str
    seed: int
    settings: Settings = field(default_factory=Settings)
    pose: NDArray[np.float32] | None = None
    truth: TruePhoto | None = None


class Studio:
    """Draws requests with one backbone; `weights` identifies its weights."""

    def __init__(
        self, backbone: Backbone, weights: str, finder: FaceFinder, reader: PersonParser | None, folder: Path
    ) -> None:
        self.backbone, self.weights, self.finder, self.reader, self.folder = backbone, weights, finder, reader, folder
        self._profiles: dict[bytes, IdentityProfile] = {}

    def draw(self, what: str, requests: Sequence[GateRequest]) -> Pictures:
        """The pictures of the requests in their order, at the gates' size; they are kept in a folder named `what`."""
        return np.stack([at_gate_size(picture) for picture in self.draw_large(what, requests)])

    def draw_large(self, what: str, requests: Sequence[GateRequest]) -> list[Image.Image]:
        """The pictures of `draw` at the backbone's own size."""
        folder = self.folder / what
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{request.seed}-{self._stamp(request)}.png" for request in requests]
        missing = [row for row, path in enumerate(paths) if not path.exists()]
        size = self.backbone.capabilities.batch_max
        batches = [missing[first : first + size] for first in range(0, len(missing), size)]
        for rows in track(batches, description=what, disable=not batches):
            pictures = self._draw_batch([requests[row] for row in rows])
            for row, picture in zip(rows, pictures, strict=True):
                _keep(picture, paths[row], f"{requests[row].seed}-*.png")
        return [_opened(path) for path in paths]

    def _draw_batch(self, requests: list[GateRequest]) -> list[Image.Image]:
        """Draws a batch. If a rendered photo is refused, its true parts and joints are used instead, because parsers of
        real photos find no person on some renders. For any other refused photo the picture is grey: users get none, so
        it counts as a bad one."""
        try:
            return self.backbone.draw([self._drawing(request, self.profile(request.reference)) for request in requests])
        except BadReference as error:
            if len(requests) > 1:
                return [picture for request in requests for picture in self._draw_batch([request])]
            request = requests[0]
            if request.truth is None:
                log.warning("a photo was refused: %s", error)
                return [Image.new("RGB", SIZE, "grey")]
            return self.backbone.draw([self._drawing(request, profile_of(request.truth))])

    def refusals(self, photos: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """1 for each photo on which the examination finds no person, else 0."""
        profiles = [self.profile(photo) for photo in photos]
        return np.array([float(profile.views[0].observation.keypoints is None) for profile in profiles])

    def _drawing(self, request: GateRequest, profile: IdentityProfile) -> GenerationInput:
        return GenerationInput(profile, request.prompt, "", request.seed, request.settings, request.pose)

    def profile(self, photo: NDArray[np.uint8]) -> IdentityProfile:
        """The profile of a photo, which is examined once."""
        key = hashlib.sha256(photo.tobytes()).digest()
        if key not in self._profiles:
            image = Image.fromarray(photo)
            self._profiles[key] = IdentityProfile((View(image, observe(image, self.finder, self.reader)),))
        return self._profiles[key]

    def _stamp(self, request: GateRequest) -> str:
        digest = hashlib.sha256(self.weights.encode())
        fields = (
            request.prompt,
            request.seed,
            request.settings.model_dump_json(),
            look_version(self.finder, self.reader),
        )
        digest.update(repr(fields).encode())
        digest.update(request.reference.tobytes())
        digest.update(b"" if request.pose is None else request.pose.tobytes())
        return digest.hexdigest()[:12]


def profile_of(photo: TruePhoto) -> IdentityProfile:
    """The profile of a rendered photo with its true parts and joints."""
    height, width = photo.parts.shape
    observation = Observation(width, height, keypoints=photo.keypoints, parts=photo.parts)
    return IdentityProfile((View(Image.fromarray(photo.image), observation),))


def _keep(picture: Image.Image, path: Path, others: str) -> None:
    """Writes the picture and deletes earlier ones of the same person."""
    for old in path.parent.glob(others):
        old.unlink()
    with replacing(path) as draft:
        picture.save(draft, "PNG", compress_level=1)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def at_gate_size(picture: Image.Image) -> Pictures:
    """The picture as RGB [H, W, 3] at the gates' size: averaged down, or interpolated bilinearly up."""
    if picture.size != SIZE:
        smaller = picture.width > SIZE[0]
        picture = picture.resize(SIZE, Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8)
