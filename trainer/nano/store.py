"""The training set of nano as memory-mapped arrays, one folder per shard of `trainer.synthetic`.

Shards are unpacked once; what several processes read is then shared by the page cache. Shards that are rendered later
join when the store is built again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from engine.backbones.nano.attributes import SLOTS, indices_of
from trainer.errors import DataError
from trainer.synthetic.identity import sample_identity
from trainer.synthetic.record import decode_picture, decode_surface, read_samples

PLACE_PX: Final = 4
"""The side of one pixel of the coarse background in pixels of the picture, as `BackgroundDenoiser` draws it."""
FILES: Final = frozenset({"png", "place.png", "parts.png", "surface.png", "normal.png", "json"})
NO_BOX: Final = [np.nan] * 4
NUMBERS: Final = ("identity", "photo", "outfit", "framing", "background", "pose")
"""Columns of `facts`, in order."""


def build_store(shards: Path, store: Path) -> int:
    """Unpacks every finished shard that the store lacks; returns the number of shards in the store.

    Raises DataError where no shard with body maps is found."""
    paths = sorted(shards.glob("shard-*.tar"))
    missing = [path for path in paths if not (store / path.stem / "facts.npy").exists()]
    for path in track(missing, description="unpacking shards", disable=not missing):
        _unpack(path, store / path.stem)
    if not paths and not any(store.glob("shard-*")):
        raise DataError(f"expected shards in {shards}, found none: run python -m trainer.synthetic --out {shards}")
    return len(list(store.glob("shard-*/facts.npy")))


def _unpack(path: Path, folder: Path) -> None:
    samples = [files for _, files in read_samples(path, FILES)]
    if not all("surface.png" in files for files in samples):
        raise DataError(f"expected body maps in {path}, found none: render the folder again")
    records = [json.loads(files["json"]) for files in samples]
    height, width = decode_picture(samples[0]["png"]).shape[:2]
    boxes = [[record[name] or NO_BOX for name in ("head_box", "body_box")] for record in records]
    arrays: dict[str, NDArray[Any]] = {
        "image": np.stack([decode_picture(files["png"]) for files in samples]),
        "place": np.stack([coarse(decode_picture(files["place.png"])) for files in samples]),
        "parts": np.stack([decode_picture(files["parts.png"]) for files in samples]),
        "surface": np.stack([decode_surface(files["surface.png"]) for files in samples]),
        "normal": np.stack([decode_picture(files["normal.png"]) for files in samples]),
        "joints": np.array([_joints(record["keypoints"], height, width) for record in records], np.float32),
        "boxes": np.array(boxes, np.float32),
        "attributes": np.array([indices_of(record) for record in records], np.uint8),
        "build": np.array([_build(record["identity"]) for record in records], np.float32),
        # last: a folder that has it is complete
        "facts": np.array([_facts(record) for record in records], np.int32),
    }
    assert arrays["attributes"].shape[1] == len(SLOTS)
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        write_array(folder / f"{name}.npy", values)


def coarse(place: NDArray[np.uint8], side: int = PLACE_PX) -> NDArray[np.uint8]:
    """A picture of the place alone [H, W, 3] -> the means of its squares of `side` px."""
    height, width = place.shape[:2]
    return np.asarray(cv2.resize(place, (width // side, height // side), interpolation=cv2.INTER_AREA), np.uint8)


def write_array(path: Path, values: NDArray[Any]) -> None:
    """Writes an array at once or not at all."""
    draft = path.with_suffix(".draft.npy")
    np.save(draft, values)
    draft.replace(path)


def _joints(keypoints: list[list[float]], height: int, width: int) -> NDArray[np.float32]:
    """[17, 4]: x and y in 0..1 of the picture, in the frame 0/1, visible 0/1."""
    points = np.array(keypoints, np.float32)
    share = points[:, :2] / np.array([width, height], np.float32)
    inside = np.asarray(((share >= 0) & (share < 1)).all(1))
    return np.concatenate([share, inside[:, None], points[:, 2:]], 1).astype(np.float32)


def _build(identity: int) -> tuple[float, float, float]:
    """Sex, muscle and weight in 0..1, as `engine.body.mapper.BUILD` has them."""
    person = sample_identity(identity)
    return float(person.woman), person.phenotype.muscle, person.phenotype.weight


def _facts(record: dict[str, Any]) -> list[int]:
    return [
        record["identity"],
        record["photo"],
        record["outfit"],
        record["indices"]["framing"],
        record["indices"]["background"],
        record["indices"]["pose"],
    ]


class Store:
    """All shards of a store as one array per name. Rows are photos; `rows_of(name, rows)` gathers them."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        """Maps the arrays `names` of every shard that has all of them. Raises DataError where none has."""
        folders = sorted(path.parent for path in folder.glob("shard-*/facts.npy"))
        complete = [path for path in folders if all((path / f"{name}.npy").exists() for name in names)]
        if not complete:
            raise DataError(f"expected shards with {', '.join(names)} in {folder}, found none: prepare the store")
        self.folders = complete
        self._parts = {name: [np.load(path / f"{name}.npy", mmap_mode="r") for path in complete] for name in names}
        counts = [len(np.load(path / "facts.npy", mmap_mode="r")) for path in complete]
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self.facts: NDArray[np.int32] = np.concatenate([np.load(path / "facts.npy") for path in complete])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def column(self, name: str) -> NDArray[np.int32]:
        """A column of NUMBERS over all rows [n]."""
        return self.facts[:, NUMBERS.index(name)]

    def row(self, name: str, row: int) -> NDArray[Any]:
        """One row of an array, not copied."""
        shard = int(np.searchsorted(self._starts, row, side="right")) - 1
        values: NDArray[Any] = self._parts[name][shard][row - self._starts[shard]]
        return values

    def rows(self, name: str, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Rows of an array, copied [len(rows), ...]."""
        return np.stack([self.row(name, int(row)) for row in rows])

    def shards(self) -> Iterator[tuple[Path, NDArray[np.int64]]]:
        """Every shard's folder with its rows."""
        for folder, start, end in zip(self.folders, self._starts[:-1], self._starts[1:], strict=True):
            yield folder, np.arange(start, end)
