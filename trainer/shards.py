"""Reading what `python -m trainer.people` wrote: photos grouped by person, with boxes, parts and captions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.errors import DataError


@dataclass(frozen=True)
class Styled:
    """A stylised copy of photo `index`; the phrase asks for it in a prompt."""

    image: NDArray[np.uint8]
    index: int
    phrase: dict[str, str]


@dataclass(frozen=True)
class PeopleShards:
    """All photos of some shards in memory. n photos, H x W px.

    images uint8 [n, H, W, 3]; parts uint8 [n, H, W]; head_box, body_box float32 [n, 4] px (NaN where unseen);
    keypoints float32 [n, 17, 3] px and visibility, COCO order;
    identity int64 [n]; background int64 [n]; captions: a dict a photo with keys en_full, en_scene, ru_full, ru_scene.
    """

    images: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    head_box: NDArray[np.float32]
    body_box: NDArray[np.float32]
    keypoints: NDArray[np.float32]
    identity: NDArray[np.int64]
    background: NDArray[np.int64]
    captions: list[dict[str, str]]
    styled: list[Styled]
    manifest: dict[str, Any]

    def siblings(self) -> dict[int, NDArray[np.int64]]:
        """Identity -> the photos of that person."""
        order = np.argsort(self.identity, kind="stable")
        people, starts = np.unique(self.identity[order], return_index=True)
        return {int(p): group for p, group in zip(people, np.split(order, starts[1:]), strict=True)}


def pixels(images: NDArray[np.uint8]) -> Tensor:
    """uint8 [n, H, W, 3] -> float32 [n, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def read_shards(folder: Path, limit: int | None = None) -> PeopleShards:
    """The first `limit` finished shards of `folder` (all by default). Raises DataError when there are none."""
    paths = sorted(folder.glob("shard-*.npz"))[:limit]
    if not paths:
        raise DataError(f"expected shards in {folder}, found none: run python -m trainer.people --out {folder}")
    columns: dict[str, list[NDArray[Any]]] = {}
    captions: list[dict[str, str]] = []
    styled: list[Styled] = []
    for path in paths:
        lines = [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]
        with np.load(path) as shard:
            first = len(captions)
            for name in ("images", "parts", "head_box", "body_box", "keypoints", "identity", "background"):
                columns.setdefault(name, []).append(shard[name])
            for image, index in zip(shard["styled_images"], shard["styled_index"], strict=True):
                row = lines[int(index)]
                styled.append(Styled(image, first + int(index), {"en": row["style_en"], "ru": row["style_ru"]}))
        captions += [row["captions"] for row in lines]
    merged = {name: np.concatenate(parts) for name, parts in columns.items()}
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    return PeopleShards(captions=captions, styled=styled, manifest=manifest, **merged)
