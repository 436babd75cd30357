"""Training batches of a method: targets, captions, and features of other photos of the same people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from engine.adapter.model import AdapterConfig
from engine.pixels import to_tensor
from engine.pose import draw_skeleton
from trainer.errors import CheckpointError
from trainer.files import load_state, replacing
from trainer.shards import PeopleShards
from trainer.study.methods.base import StudyBase
from trainer.study.methods.identity_features import Crops, Encoders, IdentityFeatures, crops_of, face_points, gather
from trainer.study.methods.pose_encoder import skeleton_tensor
from trainer.study.methods.request import StudyReference

VIEWS_MAX = 4
ENCODED_AT_ONCE = 64


@dataclass(frozen=True)
class ConditionDropout:
    """Probabilities of condition dropout: of the text, the person, both. other_clothes: the references wear other
    clothes than the target, and the caption names the target's; scene_only: otherwise, the caption does not describe
    the person; pose: the skeleton is given."""

    text: float = 0.05
    person: float = 0.05
    both: float = 0.05
    other_clothes: float = 0.25
    scene_only: float = 0.75
    pose: float = 0.3


def crops_of_all(people: PeopleShards, config: AdapterConfig) -> list[Crops]:
    """The crops of every photo of the shards."""
    photos = track(range(len(people.images)), description="cropping")
    return [crops_of(reference_of(people, photo), config) for photo in photos]


@dataclass(frozen=True)
class StudyBatch:
    """clean [B, C, h, w]; weight [B, 1, h, w]; joints [B, 17, 2] in 0..1 and seen [B, 17] of the targets; skeleton
    [B, 3, H, W] in [0, 1]; pose_scale, known [B]: 1 where the pose, the person is given."""

    clean: Tensor
    weight: Tensor
    captions: list[str]
    features: IdentityFeatures
    joints: Tensor
    seen: Tensor
    skeleton: Tensor
    pose_scale: Tensor
    known: Tensor

    def to(self, device: torch.device | str) -> StudyBatch:
        """The same with all tensors on `device`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {name: value.to(device) for name, value in values.items() if name != "captions"}
        return StudyBatch(**moved, captions=self.captions)


def reference_of(people: PeopleShards, photo: int) -> StudyReference:
    """A photo of the shards as a reference."""
    return StudyReference(people.images[photo], people.keypoints[photo], people.head_box[photo], people.body_box[photo])


def poses_of(people: PeopleShards) -> NDArray[np.float32]:
    """All poses [n, 17, 3]: x, y in 0..1 of the picture; seen is 0 outside it."""
    height, width = people.images.shape[1:3]
    poses = people.keypoints / np.array([width, height, 1], np.float32)
    poses[..., 2] *= ((poses[..., :2] >= 0) & (poses[..., :2] <= 1)).all(-1)
    return poses.astype(np.float32)


class StudyPhotos:
    """Shards at the study's size: latents of all photos, and features of the encoders (after `read`)."""

    def __init__(self, people: PeopleShards, base: StudyBase) -> None:
        self.people, self.base = people, base
        self.siblings = people.siblings()
        self.poses = poses_of(people)
        self.clean = _latents(people.images, base)
        masks = torch.from_numpy(people.parts > 0).float()[:, None]
        self.person = F.adaptive_avg_pool2d(masks, base.latent_size)
        self.features: dict[str, Tensor] = {}

    def read(self, encoders: Encoders, crops: Callable[[], list[Crops]], cache: Path) -> None:
        """Encodes every photo; the features are cached at `cache` for the other methods."""
        if self._reread(cache):
            return
        cropped = crops()
        batches = range(0, len(cropped), ENCODED_AT_ONCE)
        rows = [encoders.read(cropped[f : f + ENCODED_AT_ONCE]) for f in track(batches, description="reading photos")]
        self.features = {name: torch.cat([_half(row[name]).cpu() for row in rows]) for name in rows[0]}
        cache.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cache) as draft:
            torch.save(self.features, draft)

    def _reread(self, cache: Path) -> bool:
        """Whether the cache is present, complete, and of these photos."""
        try:
            self.features = load_state(cache) if cache.exists() else {}
        except CheckpointError:
            return False
        return len(self.features.get("identity", ())) == len(self.clean)

    def batch(
        self, size: int, dropout: ConditionDropout, views: int, person_weight: float, rng: np.random.Generator
    ) -> StudyBatch:
        """A random batch with 1 to `views` references each; the loss weight is 1 + person_weight on the person."""
        rows = [self._row(dropout, views, rng) for _ in range(size)]
        targets = np.array([row["target"] for row in rows])
        poses = torch.from_numpy(self.poses[targets])
        points = torch.from_numpy(np.stack([face_points(self.poses[target]) for target in targets]))
        features = self.features or _no_features(len(self.clean))
        skeletons = [
            draw_skeleton(self.poses[row["target"]] * (1, 1, row["posed"]), self.base.width, self.base.height)
            for row in rows
        ]
        return StudyBatch(
            clean=self.clean[targets].float(),
            weight=1 + person_weight * self.person[targets],
            captions=[row["caption"] for row in rows],
            features=gather(features, np.stack([row["references"] for row in rows]), points),
            joints=poses[..., :2],
            seen=poses[..., 2],
            skeleton=skeleton_tensor(skeletons),
            pose_scale=torch.tensor([float(row["posed"]) for row in rows]),
            known=torch.tensor([float(row["known"]) for row in rows]),
        )

    def _row(self, dropout: ConditionDropout, views: int, rng: np.random.Generator) -> dict[str, Any]:
        target = int(rng.integers(len(self.clean)))
        references, redressed = self._references(target, dropout, views, rng)
        both = rng.random() < dropout.both
        has_person = not both and rng.random() >= dropout.person
        words = not both and rng.random() >= dropout.text
        scene_only = has_person and not redressed and rng.random() < dropout.scene_only
        language = "en" if rng.random() < 0.5 else "ru"
        caption = self.people.captions[target][f"{language}_{'scene' if scene_only else 'full'}"]
        posed = not both and rng.random() < dropout.pose
        return {
            "target": target,
            "references": references,
            "caption": caption if words else "",
            "known": has_person,
            "posed": posed,
        }

    def _references(
        self, target: int, dropout: ConditionDropout, views: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], bool]:
        """Photos [VIEWS_MAX], -1 where there is none, and whether they show other clothes than the target."""
        others = self.siblings[int(self.people.identity[target])]
        others = others[others != target]
        same = self.people.outfit[others] == self.people.outfit[target]
        redressed = bool((~same).any() and (not same.any() or rng.random() < dropout.other_clothes))
        pool = others[~same] if redressed else others[same]
        if not len(pool):
            pool = np.array([target])
        chosen = rng.permutation(pool)[: int(rng.integers(1, views + 1))]
        padded = np.full(VIEWS_MAX, -1, np.int64)
        padded[: len(chosen)] = chosen
        return padded, redressed


def _half(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value


def _no_features(photos: int) -> dict[str, Tensor]:
    """Zeros in place of an encoder's features: the base is trained without references."""
    empty = torch.zeros(photos, 1, 1)
    features = dict.fromkeys(("whole", "body", "weighted", "face"), empty)
    return features | {"identity": torch.zeros(photos, 1), "face_seen": torch.zeros(photos, dtype=torch.bool)}


def _latents(images: NDArray[np.uint8], base: StudyBase) -> Tensor:
    """float16 [n, C, h, w] of the photos on the CPU, area-averaged to the study's size."""
    encoded = []
    for first in range(0, len(images), 256):
        small = F.interpolate(to_tensor(images[first : first + 256]), size=(base.height, base.width), mode="area")
        encoded.append(base.encode(small.to(base.unet.device)).half().cpu())
    return torch.cat(encoded)
