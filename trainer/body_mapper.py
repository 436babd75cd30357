"""Training BodyMapper: skeletons of rendered people -> their body maps. Skeletons are augmented with the errors of pose
estimators: shifted joints, missing joints, sometimes only the visible ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.backbones.nano.references import body_maps_of
from engine.body.atlas import COORDINATE_SCALE, Atlas, load_atlas
from engine.body.mapper import BUILD, BodyMapper, Predicted
from engine.identity.skeleton import MIRRORED_JOINTS
from engine.networks import save_network
from trainer.loop import TrainConfig, fit
from trainer.nano.store import Store, build_store
from trainer.precision import fast_precision
from trainer.version import commit

ARRAYS = ("surface", "normal", "joints", "build")
JOINT_NOISE = 0.008
"""Standard deviation of a joint's error, in heights of the picture: about 2 px of 240."""
LEFT_OUT = 0.06
ONLY_VISIBLE = 0.3
BUILD_UNKNOWN = 0.5
BUILD_NOISE = 0.12
UNKNOWN = np.full((1, BUILD), 0.5, np.float32)
COORDINATES_WEIGHT, NORMAL_WEIGHT = 6.0, 1.0
WARMUP_PICTURES, SAVE_PICTURES = 6400, 16_000

MapperBatch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""joints [B, 17, 3], build [B, BUILD]; of the body map: inside [B, 1, h, w], coordinates and normal [B, 3, h, w]."""


@dataclass(frozen=True)
class MapperRun:
    """One training run: people, validation are folders of shards of different identities; `pictures` counts across
    resumptions. The photos are unpacked to `out`."""

    people: Path
    out: Path
    validation: Path
    pictures: int = 100_000
    batch: int = 32
    learning_rate: float = 2e-3
    seed: int = 0
    threads: int = 1


def train_mapper(run: MapperRun) -> dict[str, Any]:
    """Trains on `pictures` pictures, resumes from `out/state.pt`, writes `out/mapper`; returns its errors on
    `validation`."""
    torch.set_num_threads(run.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(run.seed)
    run.out.mkdir(parents=True, exist_ok=True)
    for shards, name in ((run.people, "store"), (run.validation, "store-validation")):
        build_store(shards, run.out / name)
    atlas, store = load_atlas(), Store(run.out / "store", ARRAYS)
    mapper = BodyMapper().train()
    mapper.to(memory_format=torch.channels_last)

    def draw(size: int, rng: np.random.Generator) -> MapperBatch:
        return _batch(store, atlas, rng.integers(len(store), size=size), rng)

    plan = TrainConfig(
        out=run.out,
        steps=max(run.pictures // run.batch, 1),
        batch=run.batch,
        learning_rate=run.learning_rate,
        warmup_steps=WARMUP_PICTURES // run.batch,
        ema_decay=0.998,
        save_every=max(SAVE_PICTURES // run.batch, 1),
        seed=run.seed,
    )
    fit(plan, MapperLearner(mapper), draw)
    mapper.cpu().eval().requires_grad_(False)
    unseen = Store(run.out / "store-validation", ARRAYS)
    facts: dict[str, Any] = {"pictures": plan.steps * run.batch, "photos": len(store), "commit": commit()}
    facts["validation"] = measure_mapper(mapper, unseen, atlas)
    save_network(mapper, run.out / "mapper", facts)
    return facts


class MapperLearner(nn.Module):
    """The mapper with its error as the loss."""

    def __init__(self, mapper: BodyMapper) -> None:
        super().__init__()
        self.mapper = mapper

    def forward(self, batch: MapperBatch, generator: torch.Generator) -> dict[str, Tensor]:
        joints, build, inside, coordinates, normal = batch
        with fast_precision():
            predicted = self.mapper(joints, build)
        return {"loss": mapping_error(predicted, inside, coordinates, normal)}


def mapping_error(predicted: Predicted, inside: Tensor, coordinates: Tensor, normal: Tensor) -> Tensor:
    """Cross entropy of the silhouette, and on the body (inside [B, 1, h, w], 0 or 1) L1 of coordinates and normals."""
    predicted = Predicted(predicted.inside.float(), predicted.coordinates.float(), predicted.normal.float())
    on_body = inside.sum().clamp(min=1)
    silhouette = F.binary_cross_entropy_with_logits(predicted.inside, inside)
    scale = torch.tensor(COORDINATE_SCALE, device=inside.device).view(3, 1, 1) / max(COORDINATE_SCALE)
    distance = (inside * scale * (predicted.coordinates - coordinates).abs()).sum() / on_body
    angle = (inside * (predicted.normal - normal).abs()).sum() / on_body / 3
    return 4 * silhouette + COORDINATES_WEIGHT * distance + NORMAL_WEIGHT * angle


@torch.no_grad()
def measure_mapper(mapper: BodyMapper, store: Store, atlas: Atlas) -> dict[str, float]:
    """Errors over all photos, with every joint inside the frame as input: silhouette IoU (mean), the distance between
    predicted and rendered surface points in metres (median) and the angle between normals in degrees (median), where
    both show the body."""
    overlaps, distances, angles = [], [], []
    for start in range(0, len(store), 32):
        rows = np.arange(start, min(start + 32, len(store)))
        joints = torch.from_numpy(store.rows("joints", rows))[..., :3]
        truth = body_maps_of(store.rows("surface", rows), store.rows("normal", rows))
        found = mapper.maps(joints, torch.from_numpy(store.rows("build", rows)), atlas)
        both = (found.surface > 0) & (truth.surface > 0)
        either = ((found.surface > 0) | (truth.surface > 0)).flatten(1).sum(1).clamp(min=1)
        overlaps += (both.flatten(1).sum(1) / either).tolist()
        points = [atlas.points[maps.surface[both] - 1] for maps in (found, truth)]
        distances.append((points[0] - points[1]).norm(dim=1))
        cosine = (found.normal * truth.normal).sum(1)[both].clamp(-1, 1)
        angles.append(torch.rad2deg(torch.arccos(cosine)))
    return {
        "silhouette_iou": float(np.mean(overlaps)),
        "surface_m": float(torch.cat(distances).median()),
        "normal_deg": float(torch.cat(angles).median()),
    }


def disturbed(joints: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """joints [B, 17, 4] of the store -> [B, 17, 3] with the errors of a pose estimator."""
    count = len(joints)
    only_visible = rng.random((count, 1)) < ONLY_VISIBLE
    confidence = np.where(only_visible, joints[..., 3] * joints[..., 2], joints[..., 2])
    confidence = confidence * (rng.random(confidence.shape) >= LEFT_OUT * (rng.random((count, 1)) < 0.5))
    spread = JOINT_NOISE * np.abs(rng.normal(size=(count, 1, 1)))
    # the store's x is in widths, the noise in heights of a picture of 2 to 3
    moved = joints[..., :2] + rng.normal(size=joints[..., :2].shape) * spread * np.array([1.5, 1.0])
    return np.concatenate([moved, confidence[..., None]], -1).astype(np.float32)


def _batch(store: Store, atlas: Atlas, rows: NDArray[np.int64], rng: np.random.Generator) -> MapperBatch:
    joints = disturbed(store.rows("joints", rows), rng)
    build = store.rows("build", rows)
    build[:, 1:] += rng.normal(scale=BUILD_NOISE, size=build[:, 1:].shape)
    build = np.where(rng.random((len(rows), 1)) < BUILD_UNKNOWN, UNKNOWN, build)
    maps = body_maps_of(store.rows("surface", rows), store.rows("normal", rows))
    flip = rng.random(len(rows)) < 0.5
    mirrored = joints[flip][:, list(MIRRORED_JOINTS)]
    mirrored[..., 0] = 1 - mirrored[..., 0]
    joints[flip] = mirrored
    other, chosen = maps.flipped(atlas), torch.from_numpy(flip)
    surface = torch.where(chosen[:, None, None], other.surface, maps.surface)
    normal = torch.where(chosen[:, None, None, None], other.normal, maps.normal)
    inside = (surface > 0)[:, None].float()
    return (
        torch.from_numpy(joints),
        torch.from_numpy(build.astype(np.float32)),
        inside,
        atlas.coordinates(surface),
        normal,
    )
