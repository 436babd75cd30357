"""Features of a person's photos: crops, and frozen encoders over them that all methods share.

The encoders replace the papers' CLIP and ArcFace: one reads pictures of people, one reads faces; both are trained once,
on the train split, and frozen for all methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from engine.adapter.model import AdapterConfig, AttentionPool, ViewEncoder
from engine.identity.body_weighting import ALPHA, keypoint_weights
from engine.identity.crops import body_crop, body_window, window
from engine.pixels import to_tensor
from trainer.part_colours import PAINTED, face_of_head
from trainer.study.methods.request import StudyReference

FACE_POINTS = 5
"""Nose, eyes and ears: the keypoints of a face among COCO's seventeen."""
IDENTITY_DIM = 96


@dataclass(frozen=True)
class Crops:
    """A photo as the encoders read it: whole, body, weighted uint8 [H, W, 3]; face uint8 [S, S, 3]; face_seen.

    The face is cropped to a detector's box, brow to chin, so that collar and hair give face methods no further
    information."""

    whole: NDArray[np.uint8]
    body: NDArray[np.uint8]
    weighted: NDArray[np.uint8]
    face: NDArray[np.uint8]
    face_seen: bool


def crops_of(reference: StudyReference, config: AdapterConfig) -> Crops:
    """The crops of a photo: the person's crop once unchanged and once damped far from the joints (BoLID)."""
    image = Image.fromarray(reference.image)
    width, height = config.body_size
    box = None if np.isnan(reference.body_box).any() else tuple(float(side) for side in reference.body_box)
    body = body_crop(image, box, width, height)  # type: ignore[arg-type]
    whole = body_crop(image, None, width, height)
    x0, y0, x1, y1 = (0, 0, image.width, image.height) if box is None else body_window(box, width / height)  # type: ignore[arg-type]
    joints = reference.keypoints.copy()
    joints[:, :2] = (joints[:, :2] - (x0, y0)) * (width / (x1 - x0), height / (y1 - y0))
    weights = keypoint_weights(joints, width, height, alpha=ALPHA)[..., None]
    weighted = (np.asarray(body, np.float32) * weights).round().astype(np.uint8)
    side = config.face_size[0]
    has_head = not np.isnan(reference.head_box).any()
    face = window(image, face_of_head(reference.head_box), side, side) if has_head else Image.new("RGB", (side, side))
    return Crops(np.asarray(whole), np.asarray(body), weighted, np.asarray(face), has_head)


@dataclass(frozen=True)
class IdentityFeatures:
    """Features of B people from up to V photos each: N tokens per picture, M per face, of width D.

    whole, body, weighted [B, V, N, D]: the photo, the person's crop, that crop with its surroundings damped;
    face [B, V, M, D]; identity [B, V, E], unit vectors of the faces; face_seen, present [B, V] bool;
    face_points float32 [B, 17, 3]: where the face is wanted, x, y in 0..1 and seen 0/1 (only a face's joints are set).
    """

    whole: Tensor
    body: Tensor
    weighted: Tensor
    face: Tensor
    identity: Tensor
    face_seen: Tensor
    present: Tensor
    face_points: Tensor

    def to(self, device: torch.device | str) -> IdentityFeatures:
        return IdentityFeatures(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def first(self, views: int) -> IdentityFeatures:
        """The features of the same people from their first photos alone."""
        cut = {f.name: getattr(self, f.name)[:, :views] for f in fields(self) if f.name != "face_points"}
        return IdentityFeatures(**cut, face_points=self.face_points)

    def rows(self, selected: Tensor) -> IdentityFeatures:
        """Some of the people, by index [K]."""
        return IdentityFeatures(**{field.name: getattr(self, field.name)[selected] for field in fields(self)})


class Encoders(nn.Module):
    """Tokens of pictures and faces, a unit vector of a face's identity, and, for training, the colours of parts."""

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.token_dim, config.depth, config.heads)
        self.picture = ViewEncoder(config.body_size, config.body_patch, *sizes)
        self.face = ViewEncoder(config.face_size, config.face_patch, *sizes)
        self.picture_pool = AttentionPool(config.token_dim, config.heads)
        self.face_pool = AttentionPool(config.token_dim, config.heads)
        self.identity = nn.Linear(config.token_dim, IDENTITY_DIM)
        self.person = nn.Linear(config.token_dim, IDENTITY_DIM)
        self.colours = nn.Linear(config.token_dim, 3 * len(PAINTED))

    def of_pictures(self, pixels: Tensor) -> Tensor:
        """[B, 3, H, W] in [-1, 1] -> tokens [B, N, D]."""
        tokens: Tensor = self.picture(pixels)
        return tokens

    def of_faces(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, S, S] in [-1, 1] -> tokens [B, M, D] and identities [B, E], unit vectors."""
        tokens = self.face(pixels)
        return tokens, nn.functional.normalize(self.identity(self.face_pool(tokens)), dim=-1)

    @torch.no_grad()
    def read(self, crops: Sequence[Crops]) -> dict[str, Tensor]:
        """The features of n photos: whole, body, weighted, face, identity, face_seen, each [n, ...]."""
        device = self.identity.weight.device
        pictures = {
            name: self.of_pictures(_pixels([getattr(c, name) for c in crops]).to(device))
            for name in ("whole", "body", "weighted")
        }
        face, identity = self.of_faces(_pixels([crop.face for crop in crops]).to(device))
        face_seen = torch.tensor([crop.face_seen for crop in crops], device=device)
        return pictures | {"face": face, "identity": identity, "face_seen": face_seen}


def _pixels(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    return to_tensor(np.stack(images))


def gather(read: dict[str, Tensor], photos: NDArray[np.int64], face_points: Tensor) -> IdentityFeatures:
    """IdentityFeatures of photos [B, V], by index into the results of `Encoders.read`; -1 where there is no photo."""
    present = torch.from_numpy(photos >= 0)
    index = torch.from_numpy(photos.clip(min=0))
    taken = {name: value[index] for name, value in read.items()}
    taken = {name: value.float() if value.is_floating_point() else value for name, value in taken.items()}
    taken["face_seen"] = taken["face_seen"] & present
    return IdentityFeatures(**taken, present=present, face_points=face_points)


def face_points(pose: NDArray[np.float32]) -> NDArray[np.float32]:
    """A pose [17, 3] with the joints of the face alone."""
    points = pose.copy()
    points[FACE_POINTS:, 2] = 0
    return points.astype(np.float32)
