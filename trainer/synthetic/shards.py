"""Writes photos to shards that can be resumed, and a manifest that says how they were made."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from trainer.errors import DataError
from trainer.synthetic.backgrounds import BACKGROUNDS
from trainer.synthetic.identity import SPLITS
from trainer.synthetic.manifest import NAME, is_vouched, read_manifest, shard_entry, write_manifest
from trainer.synthetic.parts import KEYPOINTS, Part
from trainer.synthetic.record import Sample, sample_key, sample_of, write_samples
from trainer.synthetic.shot import FRAMINGS, POSES
from trainer.synthetic.styles import STYLES

IDENTITIES_A_SHARD: Final = 100
NOT_PHOTOS: Final = ("__main__.py", "manifest.py", "sheet.py", "shards.py")
"""Sources that do not affect photos and are not in the manifest's hash. The hash of the others includes their
docstrings: a change of wording there means that rendered folders cannot be extended."""


@dataclass(frozen=True)
class ShardPlan:
    """The settings of a rendering. Identities are first .. first + identities - 1, all of one split."""

    first: int
    identities: int
    photos: int
    height: int
    width: int

    def settings(self) -> dict[str, int]:
        """The settings that shape a photo, without the range of identities: shards of different ranges can be
        compared."""
        return {"photos": self.photos, "height": self.height, "width": self.width}


def check_plan(plan: ShardPlan) -> None:
    """DataError unless the plan asks for something and keeps to one split."""
    smallest = min(plan.identities, plan.photos, plan.height, plan.width)
    if smallest < 1:
        raise DataError(f"expected at least one identity, photo, row and column, got {plan}: ask for more")
    last = plan.first + plan.identities - 1
    if any(plan.first in seeds and last in seeds for seeds in SPLITS.values()):
        return
    ranges = ", ".join(f"{name} {seeds.start}..{seeds.stop - 1}" for name, seeds in SPLITS.items())
    raise DataError(f"expected identities of one split ({ranges}), got {plan.first}..{last}: render splits apart")


def shard_plans(plan: ShardPlan) -> list[ShardPlan]:
    """The plan cut into shards."""
    starts = range(plan.first, plan.first + plan.identities, IDENTITIES_A_SHARD)
    end = plan.first + plan.identities
    return [
        ShardPlan(start, min(IDENTITIES_A_SHARD, end - start), plan.photos, plan.height, plan.width) for start in starts
    ]


def shard_path(folder: Path, plan: ShardPlan) -> Path:
    """The path of a shard."""
    return folder / f"shard-{plan.first:07d}.tar"


def is_finished(folder: Path, plan: ShardPlan, manifest: dict[str, Any] | None) -> bool:
    """True when the shard is there with all its photos, byte for byte as the manifest lists it."""
    path = shard_path(folder, plan)
    if manifest is None or not is_vouched(path, manifest):
        return False
    return bool(manifest["shards"][path.name]["photos"] == plan.identities * plan.photos)


def write_shard(folder: Path, plan: ShardPlan) -> int:
    """Renders one shard; returns its number of photos. An interrupted call leaves no shard behind."""
    return write_samples(shard_path(folder, plan), _rendered(plan))


def _rendered(plan: ShardPlan) -> Iterator[tuple[str, Sample]]:
    from trainer.synthetic.render import photos_of

    for seed in range(plan.first, plan.first + plan.identities):
        for photo in photos_of(seed, plan.photos, plan.height, plan.width):
            yield sample_key(seed, photo.shot.photo), sample_of(photo)


def write_shards(
    folder: Path, plan: ShardPlan, workers: int, on_shard: Callable[[int], None] = lambda photos: None
) -> dict[str, Any]:
    """Renders what is missing of a plan and returns the manifest; `on_shard` gets the number of photos of each finished
    shard. A shard that differs from the manifest's entry is rendered again. DataError when the folder holds photos of
    other settings or of another version of the generator."""
    check_plan(plan)
    folder.mkdir(parents=True, exist_ok=True)
    digest = generator_hash(plan)
    before = read_manifest(folder) if (folder / NAME).exists() else None
    finished = [shard for shard in shard_plans(plan) if is_finished(folder, shard, before)]
    missing = [shard for shard in shard_plans(plan) if shard not in finished]
    _check_manifest(folder, plan, before, digest if missing else None)
    for shard in finished:
        on_shard(shard.identities * shard.photos)
    if not missing and before is not None:
        return before
    for shard in missing:
        shard_path(folder, shard).unlink(missing_ok=True)
    manifest = _manifest(plan, digest, _listed(folder, before))
    write_manifest(folder, manifest)
    begun = time.monotonic()
    photos = 0
    for shard, count in _rendered_shards(folder, missing, workers):
        path = shard_path(folder, shard)
        manifest = _manifest(plan, digest, manifest["shards"] | {path.name: shard_entry(path)})
        write_manifest(folder, manifest)
        on_shard(count)
        photos += count
    seconds = time.monotonic() - begun
    manifest["throughput"] = {
        "photos": photos,
        "seconds": round(seconds, 1),
        "photos_a_second": round(photos / seconds, 2),
        "workers": workers,
    }
    write_manifest(folder, manifest)
    _draw_contact(folder)
    return manifest


def _rendered_shards(folder: Path, missing: list[ShardPlan], workers: int) -> Iterator[tuple[ShardPlan, int]]:
    """Each shard with its number of photos, as soon as it is written."""
    if workers <= 1 or len(missing) <= 1:
        for shard in missing:
            yield shard, write_shard(folder, shard)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        running = {pool.submit(write_shard, folder, shard): shard for shard in missing}
        for done in as_completed(running):
            yield running[done], done.result()


def _listed(folder: Path, before: dict[str, Any] | None) -> dict[str, Any]:
    """Entries of the shards that stay: as listed, or new entries for shards that are not listed yet."""
    listed = {} if before is None else before["shards"]
    return {path.name: listed.get(path.name) or shard_entry(path) for path in sorted(folder.glob("shard-*.tar"))}


def generator_hash(plan: ShardPlan) -> str:
    """SHA-256 over the generator's source and the settings that shape a photo."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name not in NOT_PHOTOS:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(json.dumps(plan.settings(), sort_keys=True).encode())
    return digest.hexdigest()


def _manifest(plan: ShardPlan, digest: str, entries: dict[str, Any]) -> dict[str, Any]:
    """Counts, checksums, versions, name lists and the hash of source and settings."""
    shards = dict(sorted(entries.items()))
    return {
        "hash": digest,
        "settings": plan.settings(),
        "photos": sum(entry["photos"] for entry in shards.values()),
        "styled": sum(entry["styled"] for entry in shards.values()),
        "shards": shards,
        "versions": {name: version(name) for name in ("anny", "warp-lang", "torch", "numpy")},
        "backgrounds": list(BACKGROUNDS),
        "poses": list(POSES),
        "framings": list(FRAMINGS),
        "styles": list(STYLES),
        "keypoints": list(KEYPOINTS),
        "parts": {part.name.lower(): int(part) for part in Part},
    }


def _check_manifest(folder: Path, plan: ShardPlan, before: dict[str, Any] | None, digest: str | None) -> None:
    """The settings must be those of before; so must the hash, where a digest is given."""
    if before is None:
        return
    if before["settings"] != plan.settings():
        raise DataError(
            f"expected the settings {before['settings']} of {folder}, got {plan.settings()}: "
            "give the same settings or another --out"
        )
    if digest is not None and before["shards"] and before["hash"] != digest:
        raise DataError(
            f"expected the generator {before['hash'][:12]} that made {folder}, got {digest[:12]}: "
            "check out that version of the source or give another --out"
        )


def _draw_contact(folder: Path) -> None:
    from trainer.synthetic.sheet import draw_contact

    draw_contact(folder)


def _one_thread() -> None:
    """Workers share few cores: one thread each."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
