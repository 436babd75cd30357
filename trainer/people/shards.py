"""Writes photos to shards that can be resumed, and a manifest that says how they were made."""

import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np

from trainer.people.backgrounds import BACKGROUNDS
from trainer.people.identity import Garment, Identity, sample_identity, split_of
from trainer.people.parts import KEYPOINTS, Part
from trainer.people.shot import FRAMINGS, POSES, sample_shot
from trainer.people.styles import STYLES, apply_style, style_phrase

IDENTITIES_A_SHARD: Final = 100
STYLED_SHARE: Final = 0.25


@dataclass(frozen=True)
class ShardPlan:
    """What to render. Identities are first .. first + identities - 1."""

    first: int
    identities: int
    photos: int
    height: int
    width: int

    def settings(self) -> dict[str, int]:
        """What shapes a photo; the range is left out, so that ranges made apart can be compared."""
        return {"photos": self.photos, "height": self.height, "width": self.width}


def shard_plans(plan: ShardPlan) -> list[ShardPlan]:
    """The plan cut into shards."""
    starts = range(plan.first, plan.first + plan.identities, IDENTITIES_A_SHARD)
    end = plan.first + plan.identities
    return [
        ShardPlan(start, min(IDENTITIES_A_SHARD, end - start), plan.photos, plan.height, plan.width) for start in starts
    ]


def shard_path(folder: Path, plan: ShardPlan) -> Path:
    """Where the arrays of a shard go; the captions lie beside them as .jsonl."""
    return folder / f"shard-{plan.first:07d}.npz"


def is_finished(folder: Path, plan: ShardPlan) -> bool:
    """True when both files of a shard are there; the arrays are renamed into place last."""
    path = shard_path(folder, plan)
    if not path.exists() or not path.with_suffix(".jsonl").exists():
        return False
    with np.load(path) as arrays:
        return len(arrays["identity"]) == plan.identities * plan.photos


def write_shard(folder: Path, plan: ShardPlan) -> int:
    """Renders one shard; returns its number of photos. An interrupted call leaves no shard behind."""
    from trainer.people.render import render_shots

    photos, lines = [], []
    for seed in range(plan.first, plan.first + plan.identities):
        identity = sample_identity(seed)
        shots = [sample_shot(seed, index) for index in range(plan.photos)]
        for photo in render_shots(identity, shots, plan.height, plan.width):
            photos.append(photo)
            lines.append(_line(photo))
    arrays = _arrays(photos)
    for index, name in _styled(photos):
        lines[index]["style"] = name
        lines[index]["style_en"] = style_phrase(name, "en")
        lines[index]["style_ru"] = style_phrase(name, "ru")
    path = shard_path(folder, plan)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path.with_suffix(".jsonl"))
    with draft.open("wb") as stream:
        np.savez(stream, **arrays)
    draft.replace(path)
    return len(photos)


def write_shards(folder: Path, plan: ShardPlan, workers: int, on_shard: Any = lambda photos: None) -> None:
    """Renders what is missing of a plan; `on_shard` is told the photos of each finished shard."""
    folder.mkdir(parents=True, exist_ok=True)
    _check_manifest(folder, plan)
    write_manifest(folder, plan)
    missing = []
    for shard in shard_plans(plan):
        if is_finished(folder, shard):
            on_shard(shard.identities * shard.photos)
        else:
            missing.append(shard)
    if workers <= 1 or len(missing) <= 1:
        for shard in missing:
            on_shard(write_shard(folder, shard))
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
            for done in as_completed([pool.submit(write_shard, folder, shard) for shard in missing]):
                on_shard(done.result())
    write_manifest(folder, plan)


def write_manifest(folder: Path, plan: ShardPlan) -> None:
    """DIR/manifest.json: counts, versions, name lists and the hash of source and settings."""
    shards = sorted(folder.glob("shard-*.npz"))
    counts = {}
    for path in shards:
        with np.load(path) as arrays:
            counts[path.name] = {
                "photos": len(arrays["identity"]),
                "styled": len(arrays["styled_index"]),
                "split": split_of(int(arrays["identity"][0])),
            }
    manifest = {
        "hash": generator_hash(plan),
        "settings": plan.settings(),
        "photos": sum(int(entry["photos"]) for entry in counts.values()),
        "styled": sum(int(entry["styled"]) for entry in counts.values()),
        "shards": counts,
        "versions": {name: version(name) for name in ("anny", "warp-lang", "torch", "numpy")},
        "backgrounds": list(BACKGROUNDS),
        "poses": list(POSES),
        "framings": list(FRAMINGS),
        "styles": list(STYLES),
        "keypoints": list(KEYPOINTS),
        "parts": {part.name.lower(): int(part) for part in Part},
    }
    draft = folder / f"manifest.{os.getpid()}.tmp"
    draft.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / "manifest.json")


def generator_hash(plan: ShardPlan) -> str:
    """SHA-256 over the generator's source and the settings that shape a photo."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(json.dumps(plan.settings(), sort_keys=True).encode())
    return digest.hexdigest()


def _check_manifest(folder: Path, plan: ShardPlan) -> None:
    path = folder / "manifest.json"
    if not path.exists():
        return
    before = json.loads(path.read_text(encoding="utf-8"))["settings"]
    if before != plan.settings():
        raise ValueError(
            f"Expected the settings {before} of {path}, got {plan.settings()}: give the same settings or another --out."
        )


def _one_thread() -> None:
    """Workers share few cores: one thread each."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _styled(photos: list[Any]) -> list[tuple[int, str]]:
    """Which photos also get a style, and which."""
    chosen = []
    for index, photo in enumerate(photos):
        random = np.random.default_rng([80, photo.shot.identity_seed, photo.shot.photo])
        if random.random() < STYLED_SHARE:
            chosen.append((index, STYLES[int(random.integers(len(STYLES)))]))
    return chosen


def _arrays(photos: list[Any]) -> dict[str, Any]:
    shots = [photo.shot for photo in photos]
    styled = _styled(photos)
    images = np.stack([photo.image for photo in photos])
    drawn = [apply_style(images[index], name) for index, name in styled]
    return {
        "images": images,
        "parts": np.stack([photo.parts for photo in photos]),
        "keypoints": np.stack([photo.keypoints for photo in photos]),
        "identity": np.array([shot.identity_seed for shot in shots], np.int64),
        "photo": np.array([shot.photo for shot in shots], np.int64),
        "background": np.array([BACKGROUNDS.index(shot.background) for shot in shots], np.int64),
        "pose": np.array([POSES.index(shot.pose.name) for shot in shots], np.int64),
        "framing": np.array([FRAMINGS.index(shot.framing) for shot in shots], np.int64),
        "head_box": np.stack([photo.head_box for photo in photos]),
        "body_box": np.stack([photo.body_box for photo in photos]),
        "styled_images": np.stack(drawn) if drawn else np.zeros((0, *images.shape[1:]), np.uint8),
        "styled_index": np.array([index for index, _ in styled], np.int64),
        "styled_name": np.array([STYLES.index(name) for _, name in styled], np.int64),
    }


def _line(photo: Any) -> dict[str, Any]:
    return {
        "identity": photo.shot.identity_seed,
        "photo": photo.shot.photo,
        "background": photo.shot.background,
        "pose": photo.shot.pose.name,
        "framing": photo.shot.framing,
        "captions": asdict(photo.captions),
        "attributes": attributes(photo.identity),
    }


def attributes(identity: Identity) -> dict[str, Any]:
    """What can be measured of a person: names, and colours as RGB 0..255."""
    return {
        "woman": identity.woman,
        "age_group": identity.age_group,
        "skin_rgb": _bytes(identity.skin),
        "hair_style": identity.hair.style,
        "hair_colour": identity.hair.colour,
        "hair_rgb": _bytes(identity.hair.rgb),
        "top": _garment(identity.top),
        "bottom": _garment(identity.bottom),
        "shoes": _garment(identity.shoes),
        "hat": _garment(identity.hat),
        "beard": identity.beard,
        "glasses": identity.glasses,
    }


def _garment(garment: Garment | None) -> dict[str, Any] | None:
    if garment is None:
        return None
    return {
        "kind": garment.kind,
        "colour": garment.colour,
        "rgb": _bytes(garment.rgb),
        "pattern": garment.pattern,
        "second": garment.second,
        "second_rgb": None if garment.second_rgb is None else _bytes(garment.second_rgb),
    }


def _bytes(colour: tuple[float, float, float]) -> list[int]:
    return [round(value * 255) for value in colour]
