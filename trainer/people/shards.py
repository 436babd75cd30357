"""Writes photos to shards that can be resumed, and a manifest that says how they were made."""

import hashlib
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from trainer.errors import DataError
from trainer.people.backgrounds import BACKGROUNDS
from trainer.people.identity import SPLITS, split_of
from trainer.people.parts import KEYPOINTS, Part
from trainer.people.record import Sample, sample_key, sample_of, write_samples
from trainer.people.shot import FRAMINGS, POSES
from trainer.people.styles import STYLES

IDENTITIES_A_SHARD: Final = 100
NOT_PHOTOS: Final = ("__main__.py", "sheet.py")
"""Sources that shape no photo; changing them leaves the manifest's hash alone."""


@dataclass(frozen=True)
class ShardPlan:
    """What to render. Identities are first .. first + identities - 1, all of one split."""

    first: int
    identities: int
    photos: int
    height: int
    width: int

    def settings(self) -> dict[str, int]:
        """What shapes a photo; the range is left out, so that ranges made apart can be compared."""
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
    """Where a shard goes."""
    return folder / f"shard-{plan.first:07d}.tar"


def is_finished(folder: Path, plan: ShardPlan) -> bool:
    """True when the shard is there with all its photos; shards are renamed into place when complete."""
    path = shard_path(folder, plan)
    return path.exists() and shard_counts(path)["photos"] == plan.identities * plan.photos


def shard_counts(path: Path) -> dict[str, int]:
    """How many photos and stylised copies a shard holds."""
    with tarfile.open(path, "r:") as archive:
        names = archive.getnames()
    return {
        "photos": sum(name.endswith(".json") for name in names),
        "styled": sum(name.endswith(".styled.png") for name in names),
    }


def write_shard(folder: Path, plan: ShardPlan) -> int:
    """Renders one shard; returns its number of photos. An interrupted call leaves no shard behind."""
    return write_samples(shard_path(folder, plan), _rendered(plan))


def _rendered(plan: ShardPlan) -> Iterator[tuple[str, Sample]]:
    from trainer.people.render import photos_of

    for seed in range(plan.first, plan.first + plan.identities):
        for photo in photos_of(seed, plan.photos, plan.height, plan.width):
            yield sample_key(seed, photo.shot.photo), sample_of(photo)


def write_shards(
    folder: Path, plan: ShardPlan, workers: int, on_shard: Callable[[int], None] = lambda photos: None
) -> dict[str, Any]:
    """Renders what is missing of a plan and returns the manifest; `on_shard` is told the photos of each finished
    shard. DataError when the folder holds photos of other settings or of another version of the generator."""
    check_plan(plan)
    folder.mkdir(parents=True, exist_ok=True)
    digest = generator_hash(plan)
    finished = [shard for shard in shard_plans(plan) if is_finished(folder, shard)]
    missing = [shard for shard in shard_plans(plan) if shard not in finished]
    _check_manifest(folder, plan, digest if missing else None)
    for shard in finished:
        on_shard(shard.identities * shard.photos)
    if not missing:
        return read_manifest(folder)
    _write_json(folder / "manifest.json", _manifest(folder, plan, digest))
    begun = time.monotonic()
    photos = _render_all(folder, missing, workers, on_shard)
    seconds = time.monotonic() - begun
    manifest = _manifest(folder, plan, digest)
    manifest["throughput"] = {
        "photos": photos,
        "seconds": round(seconds, 1),
        "photos_a_second": round(photos / seconds, 2),
        "workers": workers,
    }
    _write_json(folder / "manifest.json", manifest)
    _draw_contact(folder)
    return manifest


def _render_all(folder: Path, missing: list[ShardPlan], workers: int, on_shard: Callable[[int], None]) -> int:
    total = 0
    if workers <= 1 or len(missing) <= 1:
        for shard in missing:
            photos = write_shard(folder, shard)
            on_shard(photos)
            total += photos
        return total
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        for done in as_completed([pool.submit(write_shard, folder, shard) for shard in missing]):
            on_shard(done.result())
            total += done.result()
    return total


def read_manifest(folder: Path) -> dict[str, Any]:
    """DIR/manifest.json. DataError when it is absent or no JSON object."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"expected a manifest {path}, got {error}: run python -m trainer.people --out {folder}"
        ) from error
    if not isinstance(manifest, dict):
        raise DataError(f"expected a JSON object in {path}, got {type(manifest).__name__}: render the folder again")
    return manifest


def generator_hash(plan: ShardPlan) -> str:
    """SHA-256 over the generator's source and the settings that shape a photo."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name not in NOT_PHOTOS:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(json.dumps(plan.settings(), sort_keys=True).encode())
    return digest.hexdigest()


def _manifest(folder: Path, plan: ShardPlan, digest: str) -> dict[str, Any]:
    """Counts, checksums, versions, name lists and the hash of source and settings."""
    shards = {path.name: _shard_entry(path) for path in sorted(folder.glob("shard-*.tar"))}
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


def _shard_entry(path: Path) -> dict[str, Any]:
    first = int(path.stem.split("-")[1])
    with path.open("rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    return {**shard_counts(path), "split": split_of(first), "bytes": path.stat().st_size, "sha256": checksum}


def _check_manifest(folder: Path, plan: ShardPlan, digest: str | None) -> None:
    """The settings must be those of before; so must the hash, where a digest is given."""
    if not (folder / "manifest.json").exists():
        return
    before = read_manifest(folder)
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


def _write_json(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def _draw_contact(folder: Path) -> None:
    from trainer.people.sheet import draw_contact

    draw_contact(folder)


def _one_thread() -> None:
    """Workers share few cores: one thread each."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
