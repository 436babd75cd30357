"""Derives from each photo, once, what nano's training reads: predicted body maps, regions, visible texels.

Every photo has two variants. Variant 0 has the renderer's exact map and mask. Variant 1 has the errors that occur at
inference: a map that BodyMapper predicts for a disturbed skeleton, and a mask that is off by some pixels.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from engine.backbones.nano.references import regions_of, shrunk
from engine.body.atlas import Atlas, load_atlas
from engine.body.mapper import BodyMapper, load_mapper
from engine.body.texture import sources_of
from trainer.body_mapper import BUILD_UNKNOWN, UNKNOWN, disturbed
from trainer.nano.store import Store, write_array

VARIANTS: Final = 2
MASK_ERROR_PX: Final = 3
"""The most by which masks of variant 1 are widened, narrowed or shifted, in pixels of the photo."""
DERIVED: Final = ("surface_predicted", "normal_predicted", "regions", "source_pixel", "source_sureness")


def prepare_store(store: Path, mapper: Path, workers: int = 2) -> int:
    """Derives what is missing in each shard of the store; returns the number of shards that are complete."""
    folders = sorted(path.parent for path in store.glob("shard-*/facts.npy"))
    missing = [folder for folder in folders if not (folder / f"{DERIVED[-1]}.npy").exists()]
    tasks = [(folder, mapper) for folder in missing]
    if workers <= 1 or len(missing) <= 1:
        for task in track(tasks, description="preparing", disable=not missing):
            _prepare_shard(task)
        return len(folders)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for _ in track(pool.map(_prepare_shard, tasks), total=len(tasks), description="preparing"):
            pass
    return len(folders)


def _prepare_shard(task: tuple[Path, Path]) -> None:
    folder, mapper_folder = task
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    atlas, mapper = load_atlas(), load_mapper(mapper_folder)
    photos = Store(folder.parent, ("parts", "surface", "joints", "build"))
    rows = next(rows for path, rows in photos.shards() if path == folder)
    rng = np.random.default_rng([23, int(folder.name.split("-")[1])])
    surface, normal = _predicted_maps(photos, rows, mapper, atlas, rng)
    regions, pixels, sureness = [], [], []
    for number, row in enumerate(rows):
        person = photos.row("parts", int(row)) > 0
        exact = photos.row("surface", int(row))
        for surface_map, mask in ((exact, person), (surface[number], wrong_mask(person, rng))):
            small = shrunk(mask)
            regions.append(regions_of(surface_map, small, atlas))
            sources = sources_of(surface_map, small, atlas)
            pixels.append(sources.pixel.astype(np.uint16))
            sureness.append((255 * sources.sureness + 0.5).astype(np.uint8))
    shape = (len(rows), VARIANTS)
    write_array(folder / "surface_predicted.npy", surface)
    write_array(folder / "normal_predicted.npy", normal)
    write_array(folder / "regions.npy", np.stack(regions).reshape(*shape, *regions[0].shape))
    write_array(folder / "source_pixel.npy", np.stack(pixels).reshape(*shape, -1))
    # last: a shard that has it is complete
    write_array(folder / "source_sureness.npy", np.stack(sureness).reshape(*shape, -1))


def _predicted_maps(
    photos: Store, rows: NDArray[np.int64], mapper: BodyMapper, atlas: Atlas, rng: np.random.Generator
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    surfaces, normals = [], []
    for start in range(0, len(rows), 16):
        some = rows[start : start + 16]
        joints = disturbed(photos.rows("joints", some), rng)
        build = photos.rows("build", some)
        build = np.where(rng.random((len(some), 1)) < BUILD_UNKNOWN, UNKNOWN, build).astype(np.float32)
        surface, normal = mapped(joints, build, mapper, atlas)
        surfaces.append(surface)
        normals.append(normal)
    return np.concatenate(surfaces), np.concatenate(normals)


def mapped(
    joints: NDArray[np.float32], build: NDArray[np.float32], mapper: BodyMapper, atlas: Atlas
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """The maps of skeletons [n, 17, 3] as a store keeps them: surface [n, h, w] and normal [n, h, w, 3]."""
    surfaces, normals = [], []
    for start in range(0, len(joints), 16):
        some = slice(start, start + 16)
        maps = mapper.maps(torch.from_numpy(joints[some]), torch.from_numpy(build[some]), atlas)
        surfaces.append(maps.surface.numpy().astype(np.uint16))
        normal = (127.5 * (maps.normal + 1)).clamp(0, 255).permute(0, 2, 3, 1).numpy().astype(np.uint8)
        normal[surfaces[-1] == 0] = 0
        normals.append(normal)
    return np.concatenate(surfaces), np.concatenate(normals)


def wrong_mask(person: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mask [H, W] as a segmenter gives it: widened or narrowed and shifted by up to MASK_ERROR_PX."""
    size = int(rng.integers(1, 2 * MASK_ERROR_PX))
    kernel = np.ones((size, size), np.uint8)
    change = cv2.dilate if rng.random() < 0.5 else cv2.erode
    resized = change(person.astype(np.uint8), kernel)
    x, y = rng.uniform(-MASK_ERROR_PX / 2, MASK_ERROR_PX / 2, 2)
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return np.asarray(cv2.warpAffine(resized, matrix, person.shape[::-1], flags=cv2.INTER_NEAREST) > 0)
