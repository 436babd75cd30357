"""Reading what `python -m trainer.synthetic` wrote: photos grouped by person, with boxes, parts and captions."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.synthetic.manifest import check_shard, damaged, read_manifest
from trainer.synthetic.record import Sample, decode_depth, decode_picture, read_samples

FILES: Final = frozenset({"png", "parts.png", "styled.png", "json"})
DEPTH_FILES: Final = frozenset({"alpha.png", "depth.npz"})
PLACE_FILE: Final = "place.png"
BOXES: Final = ("face_box", "head_box", "body_box")
NO_BOX: Final = [np.nan] * 4


@dataclass(frozen=True)
class Styled:
    """A stylised copy of photo `index`; the phrase requests the style in a prompt."""

    image: NDArray[np.uint8]
    index: int
    phrase: dict[str, str]


@dataclass(frozen=True)
class PeopleShards:
    """All photos of some shards in memory. n photos, H x W px.

    images uint8 [n, H, W, 3]; parts uint8 [n, H, W]; face_box, head_box, body_box float32 [n, 4] px (NaN where
    unseen); keypoints float32 [n, 17, 3] px and visibility, COCO order; identity, outfit int64 [n]; background, pose,
    framing int64 [n], indices into the manifest's lists; captions: one dict per photo with keys en_full, en_scene,
    ru_full, ru_scene; attributes: names and RGB 0..255 of skin, hair and garments; on request alpha uint8 [n, H, W]
    and depth float16 [n, H, W] m, infinite off the person; on request places uint8 [n, H, W, 3], the photos without the
    people.
    """

    images: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    face_box: NDArray[np.float32]
    head_box: NDArray[np.float32]
    body_box: NDArray[np.float32]
    keypoints: NDArray[np.float32]
    identity: NDArray[np.int64]
    background: NDArray[np.int64]
    pose: NDArray[np.int64]
    framing: NDArray[np.int64]
    outfit: NDArray[np.int64]
    captions: list[dict[str, str]]
    attributes: list[dict[str, Any]]
    styled: list[Styled]
    manifest: dict[str, Any]
    alpha: NDArray[np.uint8] | None = None
    places: NDArray[np.uint8] | None = None
    depth: NDArray[np.float16] | None = None

    def siblings(self) -> dict[int, NDArray[np.int64]]:
        """Identity -> the photos of that person."""
        order = np.argsort(self.identity, kind="stable")
        people, starts = np.unique(self.identity[order], return_index=True)
        return {int(p): group for p, group in zip(people, np.split(order, starts[1:]), strict=True)}


def read_shards(
    folder: Path, limit: int | None = None, depth: bool = False, first: int = 0, places: bool = False
) -> PeopleShards:
    """The finished shards of `folder` from number `first` to before `limit` (all by default); `depth` also loads depth
    and alpha, `places` also places. Raises DataError without shards (with places), and for a shard that is truncated,
    empty or different from the manifest."""
    paths = sorted(folder.glob("shard-*.tar"))[first:limit]
    if not paths:
        raise DataError(f"expected shards in {folder}, found none: run python -m trainer.synthetic --out {folder}")
    extensions = FILES | (DEPTH_FILES if depth else frozenset()) | ({PLACE_FILE} if places else frozenset())
    columns: dict[str, list[NDArray[Any]]] = {}
    records: list[dict[str, Any]] = []
    styled: list[Styled] = []
    manifest = read_manifest(folder)
    for path in paths:
        check_shard(path, manifest)
        samples = [files for _, files in read_samples(path, extensions)]
        if places and not any(PLACE_FILE in files for files in samples):
            raise DataError(f"expected photos without their people in {path}, found none: render the folder anew")
        try:
            found = [json.loads(files["json"]) for files in samples]
            styled += _styled(samples, found, len(records))
            pictures = _pictures(samples, depth, places)
        except (ValueError, KeyError, zipfile.BadZipFile) as error:
            raise damaged(path, f"a photo without its files ({type(error).__name__}: {error})") from error
        records += found
        for name, values in pictures.items():
            columns.setdefault(name, []).append(values)
    return PeopleShards(
        **{name: _merged(parts) for name, parts in columns.items()},
        **_facts(records),
        captions=[record["captions"] for record in records],
        attributes=[record["attributes"] for record in records],
        styled=styled,
        manifest=manifest,
    )


def _pictures(samples: list[Sample], depth: bool, places: bool) -> dict[str, NDArray[Any]]:
    pictures: dict[str, NDArray[Any]] = {
        "images": np.stack([decode_picture(files["png"]) for files in samples]),
        "parts": np.stack([decode_picture(files["parts.png"]) for files in samples]),
    }
    if depth:
        pictures["alpha"] = np.stack([decode_picture(files["alpha.png"]) for files in samples])
        pictures["depth"] = np.stack([decode_depth(files["depth.npz"]) for files in samples])
    if places:
        pictures["places"] = np.stack([decode_picture(files[PLACE_FILE]) for files in samples])
    return pictures


def _facts(records: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    boxes = {name: np.array([record[name] or NO_BOX for record in records], np.float32) for name in BOXES}
    indices = {
        name: np.array([record["indices"][name] for record in records], np.int64)
        for name in ("background", "pose", "framing")
    }
    numbers = {name: np.array([record[name] for record in records], np.int64) for name in ("identity", "outfit")}
    keypoints = np.array([record["keypoints"] for record in records], np.float32)
    return {**boxes, **indices, **numbers, "keypoints": keypoints}


def _styled(samples: list[Sample], records: list[dict[str, Any]], first: int) -> list[Styled]:
    return [
        Styled(decode_picture(files["styled.png"]), first + row, record["style_phrase"])
        for row, (files, record) in enumerate(zip(samples, records, strict=True))
        if "styled.png" in files
    ]


def _merged(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Concatenates the parts; each is freed as soon as it is copied, so that memory holds the data once."""
    whole = np.empty((sum(len(part) for part in parts), *parts[0].shape[1:]), parts[0].dtype)
    start = 0
    while parts:
        part = parts.pop(0)
        whole[start : start + len(part)] = part
        start += len(part)
    return whole
