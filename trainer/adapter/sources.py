"""Training photos: shards of rendered people, or a curated folder of real ones, one photo at a time. People are split
by identity. The number of a rendered person determines the split; splits.json has that of real people
(`trainer.splits`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from engine.identity.observation import Box, Observation
from engine.identity.profile import View
from trainer.curate.dataset import METADATA, read_curated
from trainer.curate.records import CuratedPhoto
from trainer.errors import DataError
from trainer.splits import read_splits
from trainer.synthetic.identity import split_of
from trainer.synthetic.manifest import NAME, check_shard, read_manifest
from trainer.synthetic.record import Sample, decode_picture, read_samples

SHARD_FILES: Final = frozenset({"png", "parts.png", "json"})
CAPTIONS: Final = ("full", "scene")


@dataclass(frozen=True, eq=False)
class SourcePhoto:
    """key: unique among the photos of all sources, valid as a file name. outfit: equal for photos in the same clothes;
    None where unknown. captions: English; "full" describes the person, "scene" does not where the data has such a
    caption."""

    key: str
    person: str
    outfit: str | None
    split: str
    captions: dict[str, str]
    open: Callable[[], View]


@dataclass(frozen=True)
class Source:
    """A folder of photos. hash: of its content; photos: their number."""

    folder: Path
    kind: str
    hash: str
    photos: int

    def read(self) -> Iterator[SourcePhoto]:
        return _rendered(self.folder) if self.kind == "shards" else _curated(self.folder)


def open_source(folder: Path) -> Source:
    """Opens shards or a curated folder. Raises DataError for any other folder."""
    if (folder / NAME).is_file():
        manifest = read_manifest(folder)
        listed = json.dumps([manifest["hash"], sorted(manifest["shards"])])
        return Source(folder, "shards", hashlib.sha256(listed.encode()).hexdigest(), int(manifest["photos"]))
    if (folder / METADATA).is_file():
        content = (folder / METADATA).read_bytes()
        splits = json.dumps(read_splits(folder), sort_keys=True).encode()
        return Source(folder, "curated", hashlib.sha256(content + splits).hexdigest(), len(content.splitlines()))
    raise DataError(
        f"expected {NAME} (python -m trainer.synthetic) or {METADATA} (python -m trainer.curate) in {folder}, "
        "found neither: give another --data"
    )


def _rendered(folder: Path) -> Iterator[SourcePhoto]:
    manifest = read_manifest(folder)
    for path in sorted(folder.glob("shard-*.tar")):
        check_shard(path, manifest)
        for key, files in read_samples(path, SHARD_FILES):
            record: dict[str, Any] = json.loads(files["json"])
            person = f"rendered-{record['identity']:07d}"
            captions = {kind: record["captions"][f"en_{kind}"] for kind in CAPTIONS}
            yield SourcePhoto(
                key=f"rendered-{key}",
                person=person,
                outfit=f"{person}-{record['outfit']}",
                split=split_of(int(record["identity"])),
                captions=captions,
                open=_opener(files, record),
            )


def _opener(files: Sample, record: dict[str, Any]) -> Callable[[], View]:
    def view() -> View:
        image, parts = decode_picture(files["png"]), decode_picture(files["parts.png"])
        height, width = parts.shape
        observation = Observation(
            width=width,
            height=height,
            face_box=_box(record["face_box"]),
            body_box=_box(record["body_box"]),
            keypoints=np.array(record["keypoints"], np.float32),
            parts=parts,
        )
        return View(Image.fromarray(image), observation)

    return view


def _curated(folder: Path) -> Iterator[SourcePhoto]:
    splits = read_splits(folder)
    for photo in read_curated(folder):
        words = photo.captions.get("en") or next(iter(photo.captions.values()), "")
        yield SourcePhoto(
            key=f"curated-{hashlib.sha256(photo.file_name.encode()).hexdigest()[:16]}",
            person=photo.person,
            outfit=photo.outfit,
            split=splits.get(photo.person, "train"),
            captions={"full": words, "scene": photo.captions.get("en_scene") or words},
            open=_reader(folder, photo),
        )


def _reader(folder: Path, photo: CuratedPhoto) -> Callable[[], View]:
    def view() -> View:
        with Image.open(folder / photo.file_name) as image:
            rgb = image.convert("RGB")
        parts = None
        if photo.parts is not None:
            with Image.open(folder / photo.parts) as image:
                parts = np.asarray(image.convert("L"))
        observation = Observation(
            width=rgb.width,
            height=rgb.height,
            face_box=photo.face_box,
            face_landmarks=_array(photo.face_landmarks),
            face_embedding=_array(photo.face_embedding),
            body_box=photo.body_box,
            keypoints=_array(photo.keypoints),
            parts=parts,
        )
        return View(rgb, observation)

    return view


def _box(values: list[float] | None) -> Box | None:
    return None if values is None else (values[0], values[1], values[2], values[3])


def _array(values: list[Any] | None) -> Any:
    return None if values is None else np.array(values, np.float32)
